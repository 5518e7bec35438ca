// Package radam is Adam without adaptive steps while too few gradients were seen to adapt to (Liu et al., "On the Variance of the
// Adaptive Learning Rate and Beyond", arXiv:1908.03265).
package radam

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// RAdam rectifies the variance of Adam's steps.
type RAdam struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("radam", "Adam, adaptive only once enough gradients were seen", defaults)
}

func defaults() optim.Optimizer {
	return &RAdam{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

// Step is Algorithm 2 of the paper; epsilon is added before the second moment's bias is corrected, as PyTorch does.
func (o *RAdam) Step(s *optim.Step) {
	beta1, beta2, epsilon := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2), s.Hyper("epsilon", o.Epsilon)
	rate := s.Hyper("lr", o.LR).Div(beta1.Pow(s.Time()).OneMinus())
	adaptive := rate.Mul(beta2.Map2("adaptive", s.Time(), rectified))
	plain := rate.Mul(beta2.Map2("plain", s.Time(), unrectified))
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		mean := p.MovingAverage("mean", beta1, g)
		square := p.MovingAverage("square", beta2, g.Square())
		p.Set(p.Value().Sub(mean.Mul(plain)).Sub(mean.Mul(adaptive).Div(square.Sqrt().Add(epsilon))))
	}
}

// length is that of the average of squared gradients after t steps, in steps, and what it approaches.
func length(beta2, t float64) (now, limit float64) {
	limit = 2/(1-beta2) - 1
	power := math.Pow(beta2, t)
	return limit - 2*t*power/(1-power), limit
}

// enough is the length from which on steps are adaptive.
const enough = 5

// rectified is the factor of an adaptive step, zero while steps are not adaptive.
func rectified(beta2, t float64) float64 {
	now, limit := length(beta2, t)
	if !(now > enough) {
		return 0
	}
	return math.Sqrt((now - 4) * (now - 2) * limit / ((limit - 4) * (limit - 2) * now) * (1 - math.Pow(beta2, t)))
}

// unrectified is one while steps are not adaptive, else zero.
func unrectified(beta2, t float64) float64 {
	if now, _ := length(beta2, t); now > enough {
		return 0
	}
	return 1
}
