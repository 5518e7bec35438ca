package recipe

import (
	"context"
	"errors"

	"github.com/seed5b471a7e/backstitch/framework/dataset"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/plan"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// The plugins of the tests have options like real ones. The framework knows no plugins.
func init() {
	optim.Register("sgd", "for tests", func() optim.Optimizer { return &sgd{LR: 0.01} })
	optim.Register("adamw", "for tests", func() optim.Optimizer { return &adamw{LR: 0.001, Betas: []float64{0.9, 0.999}} })
	optim.Register("constantly", "for tests", func() optim.Optimizer { return &constantly{} })
	dataset.Register("mixture", "for tests", func() dataset.Source { return &mixture{Weights: []float64{1}, Shuffled: true} })
	program.RegisterLoss("focal", "for tests", func() program.Loss { return &focal{Gamma: 2} })
}

type sgd struct {
	LR       float64 `toml:"lr" range:"(0,inf)"`
	Momentum float64 `toml:"momentum" range:"[0,1)"`
	Nesterov bool    `toml:"nesterov"`
	Clip     float64 `toml:"clip"`
}

func (*sgd) Step(*optim.Step) {}

func (o *sgd) Validate() error {
	if o.Nesterov && o.Momentum == 0 {
		return errors.New("nesterov needs momentum > 0")
	}
	return nil
}

type adamw struct {
	LR    float64   `toml:"lr" range:"(0,inf)"`
	Betas []float64 `toml:"betas" range:"[0,1)"`
}

func (*adamw) Step(*optim.Step) {}

// constantly has no learning rate.
type constantly struct{}

func (*constantly) Step(*optim.Step) {}

type mixture struct {
	Weights  []float64 `toml:"weights"`
	Shuffled bool      `toml:"shuffled"`
}

func (*mixture) Load(context.Context) (*dataset.Dataset, error) {
	panic("recipe: reading a recipe must not load data")
}

type focal struct {
	program.CrossEntropy
	Gamma float64 `toml:"gamma" range:"[0,inf)"`
}

func (*focal) Losses(output, targets ops.Expr) ops.Expr { return output }
