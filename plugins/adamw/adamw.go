// Package adamw is Adam with decoupled weight decay (Loshchilov and Hutter, "Decoupled Weight Decay Regularization",
// arXiv:1711.05101).
package adamw

import "github.com/seed5b471a7e/backstitch/framework/optim"

// AdamW scales each coordinate's step by running moments of its gradient.
type AdamW struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() { optim.Register("adamw", "Adam with decoupled weight decay", defaults) }

func defaults() optim.Optimizer {
	return &AdamW{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}
}

// Step is Algorithm 2 of the paper with the decay multiplied by the learning rate, as PyTorch has it.
func (o *AdamW) Step(s *optim.Step) {
	lr, epsilon := s.Hyper("lr", o.LR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2 := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2)
	shrink := lr.Mul(s.Hyper("weight_decay", o.WeightDecay)).OneMinus()
	rate := lr.Div(beta1.Pow(s.Time()).OneMinus())
	correction2 := beta2.Pow(s.Time()).OneMinus().Sqrt()
	for _, p := range s.Params() {
		g := p.Gradient()
		mean := p.MovingAverage("mean", beta1, g)
		square := p.MovingAverage("square", beta2, g.Square())
		p.Set(p.Value().Mul(shrink).Sub(mean.Mul(rate).Div(square.Sqrt().Div(correction2).Add(epsilon))))
	}
}
