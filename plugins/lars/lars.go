// Package lars is gradient descent with momentum whose learning rate for each tensor is a share of the tensor over its gradient (You,
// Gitman and Ginsburg, "Large Batch Training of Convolutional Networks", arXiv:1708.03888).
package lars

import "github.com/seed5b471a7e/backstitch/framework/optim"

// LARS scales the rate by the norm of a parameter over that of its gradient.
type LARS struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Trust       float64 `toml:"trust" doc:"share of its own length that a parameter may change by, at the learning rate 1" range:"(0,inf)"`
	Momentum    float64 `toml:"momentum" doc:"share of the previous step that is kept" range:"[0,1)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("lars", "momentum with a learning rate for each parameter's length", defaults)
}

func defaults() optim.Optimizer { return &LARS{LR: 1, Trust: 0.001, Momentum: 0.9} }

// Step is Algorithm 1 of the paper: the velocity is a sum of steps. A parameter, or a gradient, of zeros has the plain rate.
func (o *LARS) Step(s *optim.Step) {
	lr, trust := s.Hyper("lr", o.LR), s.Hyper("trust", o.Trust)
	for _, p := range s.Params() {
		direction := p.Gradient()
		length, slope := optim.Norm(p.Value()), optim.Norm(direction)
		if o.WeightDecay != 0 {
			decay := s.Hyper("weight_decay", o.WeightDecay)
			direction = direction.Add(p.Value().Mul(decay))
			slope = slope.Add(length.Mul(decay))
		}
		local := length.Mul(slope).Where(length.Div(slope).Mul(trust), s.Const(1))
		step := direction.Mul(local).Mul(lr)
		if o.Momentum != 0 {
			step = p.Slot("velocity").Mul(s.Hyper("momentum", o.Momentum)).Add(step)
			p.SetSlot("velocity", step)
		}
		p.Set(p.Value().Sub(step))
	}
}
