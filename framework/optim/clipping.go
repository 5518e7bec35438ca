package optim

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Clipping bounds gradients before an optimizer sees them, wherever it asks for them: first every number, then the norm of all together.
// Zero is no bound. The bounds are the hyperparameters clipping.value and clipping.global_norm.
type Clipping struct {
	Value      float64 `toml:"value" doc:"bound of every number of the gradient (0: none)" range:"[0,inf)"`
	GlobalNorm float64 `toml:"global_norm" doc:"bound of the norm of the gradient in all parameters together (0: none)" range:"[0,inf)"`
}

// clippingPrefix has a dot, which no group's name has.
const clippingPrefix = "clipping."

// of returns the objective whose gradients are clipped with scalars of s.
func (c Clipping) of(given Given, s *Step) Objective {
	if c == (Clipping{}) {
		return given.Objective
	}
	return &clipped{Objective: given.Objective, clipping: c, step: s, values: given.values()}
}

// clipped is an objective with clipped gradients.
type clipped struct {
	Objective
	clipping Clipping
	step     *Step
	values   []Expr
	atState  []Expr // the gradient there, once it is asked for
}

func (c *clipped) Gradient(point []Expr) []Expr {
	if !slices.Equal(point, c.values) {
		return c.clipping.clip(c.step, c.Objective.Gradient(point))
	}
	if c.atState == nil {
		c.atState = c.clipping.clip(c.step, c.Objective.Gradient(point))
	}
	return c.atState
}

// clip returns the clipped gradient.
func (c Clipping) clip(s *Step, gradient []Expr) []Expr {
	gradient = slices.Clone(gradient)
	if c.Value != 0 {
		bound := s.Hyper("value", c.Value)
		for i := range gradient {
			gradient[i] = gradient[i].Min(bound).Max(s.Const(0).Sub(bound))
		}
	}
	if c.GlobalNorm != 0 {
		factor := shrink(gradient, s.Hyper("global_norm", c.GlobalNorm))
		for i := range gradient {
			gradient[i] = gradient[i].Mul(factor)
		}
	}
	return gradient
}

// shrink is min(1, bound / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it: a gradient of zeros stays one.
func shrink(gradient []Expr, bound Scalar) Expr {
	return bound.Expr().Div(GlobalNorm(gradient).Shift(1e-6)).Min(ops.Scalar(1))
}
