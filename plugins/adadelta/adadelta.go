// Package adadelta takes steps as large as recent ones were, relative to gradients (Zeiler, arXiv:1212.5701).
package adadelta

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Adadelta needs no learning rate: the ratio of two running root mean squares, of steps and of gradients, stands for it.
type Adadelta struct {
	LR          float64 `toml:"lr" doc:"learning rate, a factor of the paper's step" range:"(0,inf)"`
	Rho         float64 `toml:"rho" doc:"decay of the running means of squared gradients and steps" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the means under the roots" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("adadelta", "takes steps as large as recent ones were, relative to gradients", defaults)
}

func defaults() optim.Optimizer { return &Adadelta{LR: 1, Rho: 0.9, Epsilon: 1e-6} }

// Step is Algorithm 1 of the paper.
func (o *Adadelta) Step(s *optim.Step) {
	lr, rho, epsilon := s.Hyper("lr", o.LR), s.Hyper("rho", o.Rho), s.Hyper("epsilon", o.Epsilon)
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		square := p.MovingAverage("square", rho, g.Square())
		delta := p.Slot("delta").Add(epsilon).Sqrt().Div(square.Add(epsilon).Sqrt()).Mul(g)
		p.MovingAverage("delta", rho, delta.Square())
		p.Set(p.Value().Sub(delta.Mul(lr)))
	}
}
