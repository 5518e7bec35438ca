// Package schedulefreesgd is gradient descent that needs no learning rate schedule, because it averages its iterates while it runs (Defazio
// et al., "The Road Less Scheduled", arXiv:2405.15682).
package schedulefreesgd

import "github.com/seed5b471a7e/backstitch/framework/optim"

// SGD has three sequences: z moves by gradients, x is the weighted average of z, and gradients are taken at y, between the two. The state
// holds x, which is what is evaluated, and z − x.
type SGD struct {
	LR          float64 `toml:"lr" doc:"learning rate after the warm-up" range:"(0,inf)"`
	Beta        float64 `toml:"beta" doc:"where gradients are taken: 1 at the average, 0 at the iterate that moves" range:"[0,1]"`
	Warmup      int     `toml:"warmup" doc:"steps over which the learning rate rises from zero" range:"[0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("schedulefree_sgd", "gradient descent with an average in the place of a schedule", defaults)
}

func defaults() optim.Optimizer { return &SGD{LR: 1, Beta: 0.9} }

// Step is equations 4 to 6 of the paper, where iterates weigh as much as the squares of their learning rates: so those of the warm-up
// weigh less.
func (o *SGD) Step(s *optim.Step) {
	rate := s.Hyper("lr", o.LR).Mul(s.Time().Map2("warm-up", s.Hyper("warmup", float64(o.Warmup)), warmup))
	weight := rate.Mul(rate).Expr()
	total := s.Slot("weight").Add(weight)
	s.SetSlot("weight", total)
	share := weight.Div(total.Max(s.Const(1e-30))) // of the newest iterate; a rate of zero has none
	between := s.Hyper("beta", o.Beta).OneMinus()
	var y []optim.Expr
	for _, p := range s.Params() {
		y = append(y, p.Value().Add(p.Slot("offset").Mul(between)))
	}
	g := s.GradientAt(y)
	for i, p := range s.Params() {
		if o.WeightDecay != 0 {
			g[i] = g[i].Add(y[i].Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		offset := p.Slot("offset").Sub(g[i].Mul(rate)) // from the old average to the new iterate
		p.Set(p.Value().Add(offset.Mul(share)))
		p.SetSlot("offset", offset.Mul(share.OneMinus()))
	}
}

// warmup is the share of the learning rate in step t.
func warmup(t, steps float64) float64 {
	if t >= steps {
		return 1
	}
	return t / steps
}
