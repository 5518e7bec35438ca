// Package lion moves by the sign of an interpolated momentum (Chen et al., "Symbolic Discovery of Optimization Algorithms",
// arXiv:2302.06675).
package lion

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Lion changes every coordinate by the same amount.
type Lion struct {
	LR          float64 `toml:"lr" doc:"learning rate: what a coordinate changes by" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"share of the momentum in the direction" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the momentum" range:"[0,1)"`
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() { optim.Register("lion", "moves by the sign of an interpolated momentum", defaults) }

func defaults() optim.Optimizer { return &Lion{LR: 1e-4, Beta1: 0.9, Beta2: 0.99} }

// Step is Algorithm 2 of the paper.
func (o *Lion) Step(s *optim.Step) {
	lr, beta1, beta2 := s.Hyper("lr", o.LR), s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2)
	for _, p := range s.Params() {
		g, momentum := p.Gradient(), p.Slot("momentum")
		direction := momentum.Mul(beta1).Add(g.Mul(beta1.OneMinus())).Sign()
		if o.WeightDecay != 0 {
			direction = direction.Add(p.Value().Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		p.MovingAverage("momentum", beta2, g)
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}
