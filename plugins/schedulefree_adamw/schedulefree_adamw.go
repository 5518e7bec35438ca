// Package schedulefreeadamw is AdamW that needs no learning rate schedule, because it averages its iterates while it runs, in the place of
// the first moment (Defazio et al., "The Road Less Scheduled", arXiv:2405.15682).
package schedulefreeadamw

import "github.com/seed5b471a7e/backstitch/framework/optim"

// AdamW has three sequences: z moves by scaled gradients, x is the weighted average of z, and gradients are taken at y, between the two. The
// state holds x, which is what is evaluated, and z − x.
type AdamW struct {
	LR          float64 `toml:"lr" doc:"learning rate after the warm-up" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"where gradients are taken: 1 at the average, 0 at the iterate that moves" range:"[0,1]"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	Warmup      int     `toml:"warmup" doc:"steps over which the learning rate rises from zero" range:"[0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() {
	optim.Register("schedulefree_adamw", "AdamW with an average in the place of a schedule", defaults)
}

func defaults() optim.Optimizer {
	return &AdamW{LR: 0.0025, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8}
}

// Step is Algorithm 1 of the paper: the learning rate includes the warm-up and Adam's correction of bias, and iterates weigh as much as the
// squares of their learning rates.
func (o *AdamW) Step(s *optim.Step) {
	beta2, epsilon := s.Hyper("beta2", o.Beta2), s.Hyper("epsilon", o.Epsilon)
	rate := s.Hyper("lr", o.LR).Mul(s.Time().Map2("warm-up", s.Hyper("warmup", float64(o.Warmup)), warmup)).
		Mul(beta2.Pow(s.Time()).OneMinus().Sqrt())
	weight := rate.Mul(rate).Expr()
	total := s.Slot("weight").Add(weight)
	s.SetSlot("weight", total)
	share := weight.Div(total.Max(s.Const(1e-30))) // of the newest iterate; a rate of zero has none
	between := s.Hyper("beta1", o.Beta1).OneMinus()
	var y []optim.Expr
	for _, p := range s.Params() {
		y = append(y, p.Value().Add(p.Slot("offset").Mul(between)))
	}
	g := s.GradientAt(y)
	for i, p := range s.Params() {
		direction := g[i].Div(p.MovingAverage("square", beta2, g[i].Square()).Sqrt().Add(epsilon))
		if o.WeightDecay != 0 {
			direction = direction.Add(y[i].Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		offset := p.Slot("offset").Sub(direction.Mul(rate)) // from the old average to the new iterate
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
