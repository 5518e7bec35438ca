// Package lamb is Adam whose step for each tensor is as long as a share of the tensor (You et al., "Large Batch Optimization for Deep
// Learning", arXiv:1904.00962).
package lamb

import "github.com/seed5b471a7e/backstitch/framework/optim"

// LAMB multiplies the learning rate by the norm of a parameter over that of its step.
type LAMB struct {
	LR          float64 `toml:"lr" doc:"learning rate: the length of a step for a parameter of length one" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"this times the parameter joins the step" range:"[0,inf)"`
}

func init() { optim.Register("lamb", "Adam with steps as long as a share of each parameter", defaults) }

func defaults() optim.Optimizer {
	return &LAMB{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-6}
}

// Step is Algorithm 2 of the paper with the identity for φ. A parameter, or a step, of zeros leaves the learning rate as it is.
func (o *LAMB) Step(s *optim.Step) {
	lr, epsilon := s.Hyper("lr", o.LR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2 := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2)
	correction1, correction2 := beta1.Pow(s.Time()).OneMinus(), beta2.Pow(s.Time()).OneMinus()
	for _, p := range s.Params() {
		g := p.Gradient()
		mean := p.MovingAverage("mean", beta1, g)
		square := p.MovingAverage("square", beta2, g.Square())
		step := mean.Div(correction1).Div(square.Div(correction2).Sqrt().Add(epsilon))
		if o.WeightDecay != 0 {
			step = step.Add(p.Value().Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		length, taken := optim.Norm(p.Value()), optim.Norm(step)
		trust := length.Mul(taken).Where(length.Div(taken), s.Const(1))
		p.Set(p.Value().Sub(step.Mul(trust).Mul(lr)))
	}
}
