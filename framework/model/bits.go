package model

import (
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// bitShift multiplies unsigned integers by a power of two, and forgets what is beyond their width, or divides them (opset 11).
func bitShift(c *call) ops.Expr {
	x, factor := c.expr(0), ops.Scalar(2).Pow(c.expr(1))
	low, size := integerRange(c.value(0).dtype)
	switch direction := c.attrString("direction", ""); {
	case !isInteger(c.value(0).dtype) || low < 0:
		c.fail("%v elements are not shifted", c.value(0).dtype)
	case direction == "LEFT":
		return x.Mul(factor).Mod(ops.Scalar(size))
	case direction == "RIGHT":
		return x.Div(factor).Floor()
	default:
		c.fail("attribute direction = %q is not known", direction)
	}
	return ops.Expr{}
}
