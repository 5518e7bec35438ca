// Package sam is sharpness-aware minimization (Foret et al., "Sharpness-Aware Minimization for Efficiently Improving Generalization",
// arXiv:2010.01412), around gradient descent with momentum; if wanted, with the adaptive neighbourhood of Kwon et al. (arXiv:2102.11600).
package sam

import "github.com/seed5b471a7e/backstitch/framework/optim"

// SAM moves against the gradient at the point of a small neighbourhood where the loss is about the largest. A step costs two gradients.
type SAM struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Rho         float64 `toml:"rho" doc:"radius of the neighbourhood" range:"(0,inf)"`
	Adaptive    bool    `toml:"adaptive" doc:"measure the neighbourhood in units of each parameter's own size"`
	Momentum    float64 `toml:"momentum" doc:"share of the previous direction that is kept" range:"[0,1)"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("sam", "sharpness-aware minimization: the gradient where the loss nearby is largest", defaults)
}

func defaults() optim.Optimizer { return &SAM{LR: 0.01, Rho: 0.05, Momentum: 0.9} }

// Step is Algorithm 1 of the paper. The penalty is taken at the state itself. A gradient of zero leads nowhere.
func (o *SAM) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	g := s.GradientAt(o.sharpest(s))
	for i, p := range s.Params() {
		direction := g[i]
		if o.WeightDecay != 0 {
			direction = direction.Add(p.Value().Mul(s.Hyper("weight_decay", o.WeightDecay)))
		}
		if o.Momentum != 0 {
			direction = p.Slot("velocity").Mul(s.Hyper("momentum", o.Momentum)).Add(direction)
			p.SetSlot("velocity", direction)
		}
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}

// sharpest returns where the loss in the neighbourhood is largest, to first order: at the distance rho along the gradient. In the adaptive
// neighbourhood, lengths are in units of the parameters.
func (o *SAM) sharpest(s *optim.Step) []optim.Expr {
	ascent := s.Gradients()
	units := make([]optim.Expr, len(ascent))
	if o.Adaptive {
		for i, p := range s.Params() {
			units[i] = p.Value().Abs()
			ascent[i] = ascent[i].Mul(units[i])
		}
	}
	length := optim.GlobalNorm(ascent)
	scale := length.Where(s.Hyper("rho", o.Rho).Expr().Div(length), s.Const(0))
	point := s.Values()
	for i := range point {
		if o.Adaptive {
			ascent[i] = ascent[i].Mul(units[i])
		}
		point[i] = point[i].Add(ascent[i].Mul(scale))
	}
	return point
}
