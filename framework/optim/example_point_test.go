package optim_test

import (
	"context"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// Midpoint moves by the gradient in the middle of the way that a plain step would go.
type Midpoint struct{ LR float64 }

func (o *Midpoint) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	half := lr.Mul(s.Const(0.5))
	var middle []optim.Expr
	for _, p := range s.Params() {
		middle = append(middle, p.Value().Sub(p.Gradient().Mul(half)))
	}
	g := s.GradientAt(middle)
	for i, p := range s.Params() {
		p.Set(p.Value().Sub(g[i].Mul(lr)))
	}
}

// one is a batch of one example: x = 1, target 0.
type one struct{}

func (one) Batch(int) (engine.Batch, error) {
	return engine.Batch{Size: 1, Inputs: []array.Array{array.From64([]float64{1})}, Targets: array.From64([]float64{0})}, nil
}

// A plugin may ask for the gradient of the step's batch at another point. Here the loss is θ², so a plain step with the rate 0.2 would lead
// from 1 to 0.6, and the gradient in the middle is 1.6.
func ExampleStep_GradientAt() {
	model, err := programtest.NewNetwork(1).Mul("theta").Import()
	if err != nil {
		fmt.Println(err)
		return
	}
	spec := program.Spec{Model: model, Loss: program.MeanSquaredError{}, Optimizer: &Midpoint{LR: 0.2}, Precision: array.Float64}
	p, err := program.New(spec, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	machine, err := tape.Engine{}.Open(p)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer machine.Close()
	state := p.NewState([]array.Array{array.From64([]float64{1})})
	if err := machine.Apply(context.Background(), state, one{}, []int{1, 2}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("θ = %.4f after two steps\n", state.Parameters().At(0))
	fmt.Println(p.TakesGradient())
	// Output:
	// θ = 0.4624 after two steps
	// program: *optim_test.Midpoint evaluates the loss itself (it asks for the gradient at another point), so it cannot be given a gradient
}
