// Package adamax is Adam with the largest recent gradient in the place of the second moment (Kingma and Ba, arXiv:1412.6980, section 7.1).
package adamax

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Adamax scales each coordinate's step by an exponentially weighted infinity norm of its gradient.
type Adamax struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the largest gradient" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the size of a gradient" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("adamax", "Adam with the largest recent gradient for the second moment", defaults)
}

func defaults() optim.Optimizer {
	return &Adamax{LR: 0.002, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

// Step is Algorithm 2 of the paper, with PyTorch's epsilon.
func (o *Adamax) Step(s *optim.Step) {
	beta1, beta2, epsilon := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2), s.Hyper("epsilon", o.Epsilon)
	rate := s.Hyper("lr", o.LR).Div(beta1.Pow(s.Time()).OneMinus())
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		mean := p.MovingAverage("mean", beta1, g)
		largest := p.Slot("largest").Mul(beta2).Max(g.Abs().Add(epsilon))
		p.SetSlot("largest", largest)
		p.Set(p.Value().Sub(mean.Mul(rate).Div(largest)))
	}
}
