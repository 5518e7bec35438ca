package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Reductions make one number of many, or choose among them. The axes became an input of ReduceSum in opset 13 and of the others in opset 18.
var reduction = map[string]operator{
	"ReduceSum":       takes(1, 2, reduce(13, ops.Expr.Sum)).settings(1),
	"ReduceMean":      takes(1, 2, reduce(18, ops.Expr.Mean)).settings(1),
	"ReduceMax":       takes(1, 2, reduce(18, ops.Expr.ReduceMax)).settings(1),
	"ReduceMin":       takes(1, 2, reduce(18, ops.Expr.ReduceMin)).settings(1),
	"ReduceProd":      takes(1, 2, reduce(18, ops.Expr.ReduceProd)).settings(1),
	"ReduceL1":        takes(1, 2, reduce(18, sumOf(ops.Expr.Abs))).settings(1),
	"ReduceL2":        takes(1, 2, reduce(18, norm)).settings(1),
	"ReduceLogSum":    takes(1, 2, reduce(18, logSum)).settings(1),
	"ReduceLogSumExp": takes(1, 2, reduce(18, logSumExp)).settings(1),
	"ReduceSumSquare": takes(1, 2, reduce(18, sumOf(ops.Expr.Square))).settings(1),
	"ArgMax":          takes(1, 1, argMax(func(x ops.Expr) ops.Expr { return x })).constant(),
	"ArgMin":          takes(1, 1, argMax(ops.Expr.Neg)).constant(),
	"TopK":            takes(1, 2, topK).settings(1),
	"CumSum":          takes(2, 2, cumSum).settings(1),
	"Hardmax":         takes(1, 1, hardmax).constant(),
}

// reducer makes one number of the elements along the axes, or along all if none is given.
type reducer func(x ops.Expr, keep bool, axes ...int) ops.Expr

// reduce reduces all axes if none is named, unless noop_with_empty_axes, which came with the input, says to reduce none.
func reduce(axesAreInput int64, f reducer) importer {
	return func(c *call) ops.Expr {
		x, axes := c.expr(0), c.axes(axesAreInput)
		keep := c.attrInt("keepdims", 1) != 0
		if c.opset >= axesAreInput && c.attrBool("noop_with_empty_axes") && len(axes) == 0 {
			return unreduced(x, f)
		}
		reduced := ascending(c.distinct(axes, x.Rank()))
		if c.err != nil {
			return ops.Expr{}
		}
		return f(x, keep, reduced...)
	}
}

// unreduced reduces nothing, but does to each element what f does on the way: |x| for ReduceL1, log x for ReduceLogSum.
func unreduced(x ops.Expr, f reducer) ops.Expr {
	return f(x.Reshape(append(x.Shape().Clone(), 1)...), false, x.Rank())
}

func sumOf(f func(ops.Expr) ops.Expr) reducer {
	return func(x ops.Expr, keep bool, axes ...int) ops.Expr { return f(x).Sum(keep, axes...) }
}

func norm(x ops.Expr, keep bool, axes ...int) ops.Expr {
	return root(x.Square().Sum(keep, axes...), ops.Expr.Sqrt)
}

// root is a root of sums of powers. At zero, where its derivative is infinite and that of the powers zero, the gradient is zero, as that
// of PyTorch's norms.
func root(sum ops.Expr, f func(ops.Expr) ops.Expr) ops.Expr {
	zero := isZero(sum)
	return zero.Where(ops.Scalar(0), f(zero.Where(ops.Scalar(1), sum)))
}

func isZero(x ops.Expr) ops.Expr { return x.Equal(ops.Scalar(0)) }

func logSum(x ops.Expr, keep bool, axes ...int) ops.Expr { return x.Sum(keep, axes...).Log() }

// logSumExp takes the largest element out, so that no exponential overflows, unless that is infinite.
func logSumExp(x ops.Expr, keep bool, axes ...int) ops.Expr {
	largest := x.ReduceMax(true, axes...)
	largest = largest.IsInf().Where(ops.Scalar(0), largest)
	sum := x.Sub(largest).Exp().Sum(true, axes...).Log().Add(largest)
	if keep {
		return sum
	}
	return sum.Reshape(x.ReduceMax(false, axes...).Shape()...)
}

// argMax returns the place of the largest f(x) along an axis; select_last_index (from opset 12) decides between equals.
func argMax(f func(ops.Expr) ops.Expr) importer {
	return func(c *call) ops.Expr {
		x, keep := f(c.expr(0)), c.attrInt("keepdims", 1) != 0
		axis, last := c.axis(c.attrInt("axis", 0), x.Rank()), c.attrBool("select_last_index")
		c.dtype = onnx.Int64
		if c.err != nil {
			return ops.Expr{}
		}
		places := ops.Apply(ops.ArgMax{Axis: axis, Last: last}, x)
		if !keep {
			return places
		}
		shape := x.Shape().Clone()
		shape[axis] = 1
		return places.Reshape(shape...)
	}
}

// topK has k as an attribute before opset 10, and the smallest elements from opset 11.
func topK(c *call) ops.Expr {
	x, k := c.expr(0), 0
	if c.opset < 10 {
		k = c.attrInt("k", 0)
	} else if ks := c.ints(1); len(ks) == 1 {
		k = ks[0]
	}
	largest := c.attrInt("largest", 1) != 0
	c.attrInt("sorted", 1)
	axis := c.axis(c.attrInt("axis", -1), x.Rank())
	if c.err == nil && (k < 1 || k > x.Shape()[axis]) {
		c.fail("k = %d of an axis of shape %v", k, x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	places := ops.Apply(ops.Order{Axis: axis, Descending: largest}, x).Narrow(axis, 0, k)
	c.also(1, places, onnx.Int64)
	return ops.Apply(ops.GatherElements{Axis: axis}, x, places)
}

// cumSum adds what is one place before, then what is two before, four, and so on: no product with zero makes NaN of infinities.
func cumSum(c *call) ops.Expr {
	x, axis := c.expr(0), 0
	if axes := c.ints(1); len(axes) == 1 {
		axis = c.axis(axes[0], x.Rank())
	} else {
		c.fail("%d axes, want one", len(axes))
	}
	exclusive, backward := c.attrBool("exclusive"), c.attrBool("reverse")
	if c.err != nil {
		return ops.Expr{}
	}
	if _, known := x.Known(); known && product(x.Shape()) > maxConstant/8 {
		c.fail("a constant of shape %v is too large to be summed up while the graph is written", x.Shape())
		return ops.Expr{}
	}
	n := x.Shape()[axis]
	if exclusive {
		x = moved(x, axis, min(1, n), backward)
	}
	for by := 1; by < n; by *= 2 {
		x = x.Add(moved(x, axis, by, backward))
	}
	return x
}

// moved moves elements along an axis, toward the end or, backward, the beginning; zeros follow.
func moved(x ops.Expr, axis, by int, backward bool) ops.Expr {
	shape := x.Shape()
	start, step := make([]int, len(shape)), slices.Repeat([]int{1}, len(shape))
	if backward {
		return x.Narrow(axis, by, shape[axis]).Place(start, step, shape, 0)
	}
	start[axis] = by
	return x.Narrow(axis, 0, shape[axis]-by).Place(start, step, shape, 0)
}

// hardmax is one at the first maximum and zero elsewhere; before opset 13 all axes from the given one on were one.
func hardmax(c *call) ops.Expr {
	x, byDefault := c.expr(0), -1
	if c.opset < 13 {
		byDefault = 1
	}
	axis := c.axis(c.attrInt("axis", byDefault), x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	lines := shape[axis]
	if c.opset < 13 {
		lines = product(shape[axis:])
		flat := x.Reshape(product(shape[:axis]), lines)
		return ops.Apply(ops.ArgMax{Axis: 1}, flat).OneHot(lines).Reshape(shape...)
	}
	places := ops.Apply(ops.ArgMax{Axis: axis}, x)
	hot := places.Reshape(product(shape) / lines).OneHot(lines)
	last := len(shape) - 1
	perm := slices.Insert(counted(last), axis, last)
	return hot.Reshape(append(places.Shape().Clone(), lines)...).Transpose(perm...)
}
