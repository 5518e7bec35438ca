package model

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// bitShift multiplies unsigned integers by a power of two, and forgets what is beyond their width, or divides them (opset 11).
func bitShift(c *call) ops.Expr {
	x, factor := c.expr(0), ops.Scalar(2).Pow(c.expr(1))
	width := map[onnx.DataType]float64{onnx.Uint8: 8, onnx.Uint16: 16, onnx.Uint32: 32, onnx.Uint64: 64}[c.value(0).dtype]
	switch direction := c.attrString("direction", ""); {
	case width == 0:
		c.fail("%v elements are not shifted", c.value(0).dtype)
	case direction == "LEFT":
		return x.Mul(factor).Mod(ops.Scalar(math.Exp2(width)))
	case direction == "RIGHT":
		return x.Div(factor).Floor()
	default:
		c.fail("attribute direction = %q is not known", direction)
	}
	return ops.Expr{}
}
