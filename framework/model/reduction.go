package model

import (
	"maps"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// The axes became an input of ReduceSum in opset 13 and of ReduceMean in opset 18.
var reduction = map[string]operator{
	"ReduceSum":  {1, 2, reduce(13, ops.Expr.Sum)},
	"ReduceMean": {1, 2, reduce(18, ops.Expr.Mean)},
}

// reduce reduces all axes if none is named, unless noop_with_empty_axes, which came with the input, says to reduce none.
func reduce(axesAreInput int64, f func(x ops.Expr, keep bool, axes ...int) ops.Expr) importer {
	return func(c *call) value {
		x, axes := c.expr(0), c.axes(axesAreInput)
		keep := c.attrInt("keepdims", 1) != 0
		if c.opset >= axesAreInput && c.attrBool("noop_with_empty_axes") && len(axes) == 0 {
			return value{expr: x}
		}
		reduced := slices.Sorted(maps.Keys(c.distinct(axes, x.Rank())))
		if c.err != nil {
			return value{}
		}
		return value{expr: f(x, keep, reduced...)}
	}
}
