package optim_test

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// SGD is gradient descent with momentum (Polyak, 1964).
type SGD struct {
	LR       float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Momentum float64 `toml:"momentum" doc:"share of the last direction that is kept" range:"[0,1)"`
}

func init() {
	optim.Register("my-sgd", "gradient descent with momentum", func() optim.Optimizer { return &SGD{LR: 0.01} })
}

func (o *SGD) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	for _, p := range s.Params() {
		direction := p.Gradient()
		if o.Momentum != 0 {
			direction = p.Slot("direction").Mul(s.Hyper("momentum", o.Momentum)).Add(direction)
			p.SetSlot("direction", direction)
		}
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}

// A plugin is a struct of options, a registration and an update. A program that imports its package for its side effect knows it by
// its name: recipes say [optimizer.my-sgd], and listings print its options.
func Example() {
	o, err := optim.New("my-sgd")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(optim.Doc("my-sgd"))
	for _, option := range plugin.Options(o) {
		fmt.Printf("%s = %v in %s: %s\n", option.Name, option.Default, option.Range, option.Doc)
	}
	// Output:
	// gradient descent with momentum
	// lr = 0.01 in (0,inf): learning rate
	// momentum = 0 in [0,1): share of the last direction that is kept
}
