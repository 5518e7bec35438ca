package model

import (
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Activations are functions of every element that are written with simpler ones.
var activation = map[string]operator{
	"LeakyRelu":       takes(1, 1, parametric("alpha", 0.01, leakyRelu)),
	"ThresholdedRelu": takes(1, 1, parametric("alpha", 1, thresholdedRelu)),
	"Elu":             takes(1, 1, parametric("alpha", 1, elu)),
	"Celu":            takes(1, 1, parametric("alpha", 1, celu)),
	"Selu":            takes(1, 1, selu),
	"PRelu":           takes(2, 2, pRelu),
	"HardSigmoid":     takes(1, 1, hardSigmoid),
	"HardSwish":       takes(1, 1, unary(hardSwish)),
	"Gelu":            takes(1, 1, gelu),
	"Mish":            takes(1, 1, unary(mish)),
	"Softplus":        takes(1, 1, unary(ops.Expr.Softplus)),
	"Softsign":        takes(1, 1, unary(softsign)),
	"Shrink":          takes(1, 1, shrink),
	"Clip":            takes(1, 3, clip).settings(1, 2),
}

// parametric is a function with one number as an attribute.
func parametric(name string, byDefault float64, f func(x ops.Expr, alpha float64) ops.Expr) importer {
	return func(c *call) ops.Expr { return f(c.expr(0), c.attrFloat(name, byDefault)) }
}

// negative is min(x, 0), with the derivative 1 at zero: there the functions below have the slope of their negative side, as in
// PyTorch.
func negative(x ops.Expr) ops.Expr { return x.Step().Where(ops.Scalar(0), x) }

func leakyRelu(x ops.Expr, alpha float64) ops.Expr { return x.Relu().Add(negative(x).Scale(alpha)) }

func thresholdedRelu(x ops.Expr, alpha float64) ops.Expr { return x.Mul(x.Shift(-alpha).Step()) }

// elu is x where it is positive, else alpha·(eˣ − 1), whose exponential is not asked for large x.
func elu(x ops.Expr, alpha float64) ops.Expr {
	return x.Relu().Add(negative(x).Exp().Shift(-1).Scale(alpha))
}

func celu(x ops.Expr, alpha float64) ops.Expr {
	return x.Relu().Add(negative(x).Scale(1 / alpha).Exp().Shift(-1).Scale(alpha))
}

// selu has the constants of Klambauer et al., arXiv:1706.02515.
func selu(c *call) ops.Expr {
	alpha, gamma := c.attrFloat("alpha", 1.67326319217681884765625), c.attrFloat("gamma", 1.05070102214813232421875)
	return elu(c.expr(0), alpha).Scale(gamma)
}

// pRelu multiplies what is negative by a trained slope, which broadcasts to x alone. Before opset 7 it had one for each channel.
func pRelu(c *call) ops.Expr {
	x, slope := c.expr(0), c.expr(1)
	if c.opset < 7 && x.Rank() > 1 && slices.Equal([]int(slope.Shape()), []int{x.Shape()[1]}) {
		slope = slope.Reshape(channelShape(x)...)
	}
	return c.shapedAs(x, x.Relu().Add(negative(x).Mul(slope)), "a slope", slope)
}

func hardSigmoid(c *call) ops.Expr {
	return c.expr(0).Scale(c.attrFloat("alpha", 0.2)).Shift(c.attrFloat("beta", 0.5)).Clamp(0, 1)
}

// hardSwish is x·min(max(x + 3, 0), 6) / 6, whose limits are met exactly.
func hardSwish(x ops.Expr) ops.Expr { return x.Mul(x.Shift(3).Clamp(0, 6)).Scale(1. / 6) }

func softsign(x ops.Expr) ops.Expr { return x.Div(x.Abs().Shift(1)) }

// mish is that of Misra, arXiv:1908.08681.
func mish(x ops.Expr) ops.Expr { return x.Mul(x.Softplus().Tanh()) }

// gelu is x·Φ(x) or, with approximate = "tanh", its approximation (Hendrycks and Gimpel, arXiv:1606.08415).
func gelu(c *call) ops.Expr {
	x, mode := c.expr(0), c.attrString("approximate", "none")
	switch mode {
	case "none":
		return x.Mul(x.Scale(math.Sqrt2 / 2).Erf().Shift(1)).Scale(0.5)
	case "tanh":
		inner := x.Add(x.Square().Mul(x).Scale(0.044715)).Scale(math.Sqrt(2 / math.Pi))
		return x.Mul(inner.Tanh().Shift(1)).Scale(0.5)
	}
	c.fail("attribute approximate = %q is not known", mode)
	return ops.Expr{}
}

// shrink moves what is beyond lambd toward zero by bias, and makes zero of the rest.
func shrink(c *call) ops.Expr {
	x, lambda, bias := c.expr(0), c.attrFloat("lambd", 0.5), c.attrFloat("bias", 0)
	above, below := x.Shift(-lambda).Step(), x.Neg().Shift(-lambda).Step()
	return x.Shift(-bias).Mul(above).Add(x.Shift(bias).Mul(below))
}

// clip has its limits as attributes before opset 11, as inputs from then on.
func clip(c *call) ops.Expr {
	x, low, high := c.expr(0), math.Inf(-1), math.Inf(1)
	if c.opset < 11 {
		return x.Clamp(c.attrFloat("min", low), c.attrFloat("max", high))
	}
	if c.has(1) {
		low = c.scalar(1)
	}
	if c.has(2) {
		high = c.scalar(2)
	}
	return x.Clamp(low, high)
}
