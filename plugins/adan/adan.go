// Package adan is adaptive Nesterov momentum (Xie et al., arXiv:2208.06677).
package adan

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Adan keeps running means of gradients, of their differences, and of squares of gradients that are extrapolated by those.
type Adan struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of differences of gradients" range:"[0,1)"`
	Beta3       float64 `toml:"beta3" doc:"decay of the running mean of squares" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the mean of squares" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"decay, times the learning rate, that divides the parameter" range:"[0,inf)"`
}

func init() { optim.Register("adan", "adaptive Nesterov momentum", defaults) }

func defaults() optim.Optimizer {
	return &Adan{LR: 0.001, Beta1: 0.98, Beta2: 0.92, Beta3: 0.99, Epsilon: 1e-8}
}

// Step is Algorithm 1 of the paper with the corrections of bias of its authors' code; betas are decays here, and one minus that in the
// paper. The first difference of gradients is zero.
func (o *Adan) Step(s *optim.Step) {
	lr, epsilon := s.Hyper("lr", o.LR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2, beta3 := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2), s.Hyper("beta3", o.Beta3)
	later := s.Count().Map("later", func(n float64) float64 { return min(n, 1) }) // 0 in the first step
	ofMean := lr.Div(beta1.Pow(s.Time()).OneMinus())
	ofDifference := lr.Mul(beta2).Div(beta2.Pow(s.Time()).OneMinus())
	correction3 := beta3.Pow(s.Time()).OneMinus().Sqrt()
	shrink := lr.Mul(s.Hyper("weight_decay", o.WeightDecay)).Add(s.Const(1))
	for _, p := range s.Params() {
		g := p.Gradient()
		difference := g.Sub(p.Slot("gradient")).Mul(later)
		mean := p.MovingAverage("mean", beta1, g)
		change := p.MovingAverage("change", beta2, difference)
		square := p.MovingAverage("square", beta3, g.Add(difference.Mul(beta2)).Square())
		p.SetSlot("gradient", g)
		step := mean.Mul(ofMean).Add(change.Mul(ofDifference)).Div(square.Sqrt().Div(correction3).Add(epsilon))
		p.Set(p.Value().Sub(step).Div(shrink))
	}
}
