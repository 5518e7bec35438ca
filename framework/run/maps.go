package run

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// maps are the steps of one job on one worker's machine, and the derivatives behind them.
type maps struct {
	machine engine.Machine
	program *program.Program
	batches *batches
}

// Apply applies the word to s.
func (m maps) Apply(ctx context.Context, s *optim.State, word []int) error {
	return m.machine.Apply(ctx, s, m.batches, word)
}

// ApplyGroup makes one update of the batches of the word.
func (m maps) ApplyGroup(ctx context.Context, s *optim.State, word []int, g compose.Group) error {
	return m.machine.ApplyGroup(ctx, s, m.batches, word, engine.Correction{Strength: g.Strength, Rate: g.Rate})
}

// Gradient stores the gradient of the mean loss of batch k at s.
func (m maps) Gradient(ctx context.Context, s *optim.State, k int, gradient array.Array) error {
	b, err := m.batches.Batch(k)
	if err != nil {
		return err
	}
	_, err = m.machine.Gradient(ctx, s, b, gradient)
	return err
}

// HVP stores the product of the Hessian of that loss with the direction.
func (m maps) HVP(ctx context.Context, s *optim.State, k int, direction, product array.Array) error {
	b, err := m.batches.Batch(k)
	if err != nil {
		return err
	}
	return m.machine.HVP(ctx, s, b, direction, product)
}

// Rate returns the optimizer's learning rate.
func (m maps) Rate(s *optim.State) (float64, error) {
	return m.program.Rate(s, 0)
}
