// Package adam scales each coordinate's step by running moments of its gradient (Kingma and Ba, arXiv:1412.6980), if wanted by the
// largest second moment so far (AMSGrad: Reddi, Kale and Kumar, arXiv:1904.09237).
package adam

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Adam has an L2 penalty where AdamW decays weights.
type Adam struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	AMSGrad     bool    `toml:"amsgrad" doc:"divide by the largest second moment so far"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() { optim.Register("adam", "running moments of gradients: Adam, AMSGrad", defaults) }

func defaults() optim.Optimizer { return &Adam{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8} }

// Step is Algorithm 1 of Adam's paper.
func (o *Adam) Step(s *optim.Step) {
	beta1, beta2, epsilon := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2), s.Hyper("epsilon", o.Epsilon)
	rate := s.Hyper("lr", o.LR).Div(beta1.Pow(s.Time()).OneMinus())
	correction2 := beta2.Pow(s.Time()).OneMinus().Sqrt()
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		mean := p.MovingAverage("mean", beta1, g)
		square := p.MovingAverage("square", beta2, g.Square())
		if o.AMSGrad {
			square = p.Slot("largest").Max(square)
			p.SetSlot("largest", square)
		}
		p.Set(p.Value().Sub(mean.Mul(rate).Div(square.Sqrt().Div(correction2).Add(epsilon))))
	}
}
