// Package sophia divides by a rare estimate of the Hessian's diagonal and clips each coordinate (Liu et al., "Sophia: A Scalable Stochastic
// Second-order Optimizer for Language Model Pre-training", arXiv:2305.14342). It is the variant with Hutchinson's estimator, Sophia-H.
package sophia

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Sophia moves each coordinate by its momentum over its curvature, but never further than the learning rate.
type Sophia struct {
	LR      float64 `toml:"lr" doc:"learning rate: the largest change of a number in a step" range:"(0,inf)"`
	Beta1   float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2   float64 `toml:"beta2" doc:"decay of the running mean of the diagonal, from one estimate to the next" range:"[0,1)"`
	Gamma   float64 `toml:"gamma" doc:"factor of the diagonal: the smaller, the more coordinates are clipped" range:"(0,inf)"`
	Epsilon float64 `toml:"epsilon" doc:"least divisor" range:"(0,inf)"`
	optim.Periodic
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() {
	optim.Register("sophia", "momentum over a rare estimate of the Hessian's diagonal, clipped", defaults)
}

func defaults() optim.Optimizer {
	return &Sophia{LR: 0.001, Beta1: 0.96, Beta2: 0.99, Gamma: 0.01, Epsilon: 1e-12, Periodic: optim.Periodic{UpdateEvery: 10}, WeightDecay: 0.2}
}

// Step is Algorithm 3 of the paper.
func (o *Sophia) Step(s *optim.Step) {
	lr, beta1 := s.Hyper("lr", o.LR), s.Hyper("beta1", o.Beta1)
	gamma, epsilon := s.Hyper("gamma", o.Gamma), s.Hyper("epsilon", o.Epsilon)
	diagonal := o.diagonal(s)
	for i, p := range s.Params() {
		mean := p.MovingAverage("mean", beta1, p.Gradient())
		value := p.Value()
		if o.WeightDecay != 0 {
			value = value.Mul(lr.Mul(s.Hyper("weight_decay", o.WeightDecay)).OneMinus())
		}
		p.Set(value.Sub(mean.Div(diagonal[i].Mul(gamma).Max(epsilon)).Clamp(-1, 1).Mul(lr)))
	}
}

// diagonal returns the running mean of the Hessian's diagonal, by Hutchinson's estimate with normal numbers (Algorithm 1 of the paper).
func (o *Sophia) diagonal(s *optim.Step) []optim.Expr {
	beta2 := s.Hyper("beta2", o.Beta2)
	var diagonal, normal []optim.Expr
	if s.Phase() == optim.Reuse {
		for _, p := range s.Params() {
			diagonal = append(diagonal, p.Slot("diagonal"))
		}
		return diagonal
	}
	for _, p := range s.Params() {
		normal = append(normal, p.Normal("direction"))
	}
	for i, product := range s.HVP(normal) {
		diagonal = append(diagonal, s.Params()[i].MovingAverage("diagonal", beta2, product.Mul(normal[i])))
	}
	return diagonal
}
