package optim

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Clipping bounds gradients before an optimizer sees them: first every number of them, then the norm of all together. Zero is no bound.
// The bounds are the hyperparameters clipping.value and clipping.global_norm.
type Clipping struct {
	Value      float64 `toml:"value" doc:"bound of every number of the gradient (0: none)" range:"[0,inf)"`
	GlobalNorm float64 `toml:"global_norm" doc:"bound of the norm of the gradient in all parameters together (0: none)" range:"[0,inf)"`
}

// clippingPrefix has a dot, which no group's name has.
const clippingPrefix = "clipping."

// clip returns the parameters with clipped gradients.
func (c Clipping) clip(s *Step, params []Trained) []Trained {
	params = slices.Clone(params)
	if c.Value != 0 {
		bound := s.Hyper("value", c.Value)
		for i := range params {
			params[i].Gradient = params[i].Gradient.Min(bound).Max(s.Const(0).Sub(bound))
		}
	}
	if c.GlobalNorm != 0 && len(params) > 0 {
		factor := shrink(params, s.Hyper("global_norm", c.GlobalNorm))
		for i := range params {
			params[i].Gradient = params[i].Gradient.Mul(factor)
		}
	}
	return params
}

// shrink is min(1, bound / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it: a gradient of zeros stays one.
func shrink(params []Trained, bound Scalar) ops.Expr {
	squares := params[0].Gradient.Square().Sum(false)
	for _, p := range params[1:] {
		squares = squares.Add(p.Gradient.Square().Sum(false))
	}
	return bound.Expr().Div(squares.Sqrt().Shift(1e-6)).Min(ops.Scalar(1))
}
