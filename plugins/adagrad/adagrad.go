// Package adagrad scales each coordinate by all gradients that it has seen (Duchi, Hazan and Singer, "Adaptive Subgradient Methods for
// Online Learning and Stochastic Optimization", JMLR 12, 2011).
package adagrad

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Adagrad divides by the root of the sum of squared gradients.
type Adagrad struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	LRDecay     float64 `toml:"lr_decay" doc:"after t steps the learning rate is divided by 1 + t times this" range:"[0,inf)"`
	Initial     float64 `toml:"initial" doc:"sum of squared gradients at the start" range:"[0,inf)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the sum" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("adagrad", "divides by the root of the sum of squared gradients", defaults)
}

func defaults() optim.Optimizer { return &Adagrad{LR: 0.01, Epsilon: 1e-10} }

// Step adds the sum at the start when the sum is used: slots start at zero.
func (o *Adagrad) Step(s *optim.Step) {
	rate := s.Hyper("lr", o.LR).Div(s.Count().Mul(s.Hyper("lr_decay", o.LRDecay)).Add(s.Const(1)))
	epsilon, initial := s.Hyper("epsilon", o.Epsilon), s.Hyper("initial", o.Initial)
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		sum := p.Slot("sum").Add(g.Square())
		p.SetSlot("sum", sum)
		p.Set(p.Value().Sub(g.Mul(rate).Div(sum.Add(initial).Sqrt().Add(epsilon))))
	}
}
