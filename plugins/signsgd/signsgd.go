// Package signsgd moves by the sign of the gradient, or of its running mean (signSGD and Signum: Bernstein et al., arXiv:1802.04434).
package signsgd

import "github.com/seed5b471a7e/backstitch/framework/optim"

// SignSGD changes every coordinate by the same amount.
type SignSGD struct {
	LR          float64 `toml:"lr" doc:"learning rate: what a coordinate changes by" range:"(0,inf)"`
	Momentum    float64 `toml:"momentum" doc:"decay of the running mean of gradients, if its sign is to decide (Signum)" range:"[0,1)"`
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() {
	optim.Register("signsgd", "moves by the sign of the gradient, or of its running mean", defaults)
}

func defaults() optim.Optimizer { return &SignSGD{LR: 0.001} }

// Step is Algorithm 1 of the paper, with momentum its Algorithm 2.
func (o *SignSGD) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	for _, p := range s.Params() {
		direction := p.Gradient()
		if o.Momentum != 0 {
			direction = p.MovingAverage("mean", s.Hyper("momentum", o.Momentum), direction)
		}
		direction = direction.Sign()
		if o.WeightDecay != 0 {
			direction = direction.Add(p.Value().Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}
