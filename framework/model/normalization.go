package model

import "github.com/seed5b471a7e/backstitch/framework/ops"

var normalization = map[string]operator{
	"Softmax":    {1, 1, softmax(ops.Expr.Softmax)},
	"LogSoftmax": {1, 1, softmax(ops.Expr.LogSoftmax)},
}

// softmax works along one axis from opset 13. Before, all axes from the given one on were one.
func softmax(f func(ops.Expr, int) ops.Expr) importer {
	return func(c *call) value {
		x := c.expr(0)
		if c.opset >= 13 {
			return value{expr: f(x, c.axis(c.attrInt("axis", -1), x.Rank()))}
		}
		axis := c.axis(c.attrInt("axis", 1), x.Rank())
		if c.err != nil {
			return value{}
		}
		shape := x.Shape()
		flat := x.Reshape(shape[:axis].TotalSize(), shape[axis:].TotalSize())
		return value{expr: f(flat, 1).Reshape(shape...)}
	}
}
