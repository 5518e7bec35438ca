// Package nadam is Adam with Nesterov's momentum (Dozat, "Incorporating Nesterov Momentum into Adam", ICLR workshop, 2016).
package nadam

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// NAdam looks ahead along the mean of gradients, whose decay grows towards beta1.
type NAdam struct {
	LR            float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1         float64 `toml:"beta1" doc:"decay of the running mean of gradients, in the end" range:"[0,1)"`
	Beta2         float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon       float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	MomentumDecay float64 `toml:"momentum_decay" doc:"how fast the momentum grows to beta1" range:"[0,inf)"`
	WeightDecay   float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() { optim.Register("nadam", "Adam with Nesterov's momentum", defaults) }

func defaults() optim.Optimizer {
	return &NAdam{LR: 0.002, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, MomentumDecay: 0.004}
}

// Step follows PyTorch 2, in which the mean of gradients decays by beta1 and its use by the growing momentum.
func (o *NAdam) Step(s *optim.Step) {
	lr, epsilon := s.Hyper("lr", o.LR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2, decay := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2), s.Hyper("momentum_decay", o.MomentumDecay)
	now, next := s.Time(), s.Time().Add(s.Const(1))
	product, following := beta1.Map3("momenta", decay, now, momenta), beta1.Map3("momenta", decay, next, momenta)
	ofGradient := lr.Mul(beta1.Map3("momentum", decay, now, momentum).OneMinus()).Div(product.OneMinus())
	ofMean := lr.Mul(beta1.Map3("momentum", decay, next, momentum)).Div(following.OneMinus())
	correction2 := beta2.Pow(now).OneMinus()
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		mean := p.MovingAverage("mean", beta1, g)
		square := p.MovingAverage("square", beta2, g.Square())
		denominator := square.Div(correction2).Sqrt().Add(epsilon)
		p.Set(p.Value().Sub(g.Mul(ofGradient).Add(mean.Mul(ofMean)).Div(denominator)))
	}
}

// momentum is that of step t.
func momentum(beta1, decay, t float64) float64 { return beta1 * (1 - 0.5*math.Pow(0.96, t*decay)) }

// momenta is the product of the momenta up to step t. What it is subtracted from, one, does not see a product below 1e-20.
func momenta(beta1, decay, t float64) float64 {
	product := 1.0
	for i := 1.0; i <= t && product > 1e-20; i++ {
		product *= momentum(beta1, decay, i)
	}
	return product
}
