package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Layout operators move all elements, or repeat them.
var layout = map[string]operator{
	"Reshape":      takes(2, 2, reshape).settings(1),
	"Flatten":      takes(1, 1, flatten),
	"Squeeze":      takes(1, 2, squeeze).settings(1),
	"Unsqueeze":    takes(1, 2, unsqueeze).settings(1),
	"Transpose":    takes(1, 1, transpose),
	"Expand":       takes(2, 2, expand).settings(1),
	"Tile":         takes(2, 2, tile).settings(1),
	"Concat":       takes(1, many, concat),
	"Split":        takes(1, 2, split).settings(1),
	"DepthToSpace": takes(1, 1, depthToSpace),
	"SpaceToDepth": takes(1, 1, spaceToDepth),
}

// reshape reads 0 as the input's dimension, unless allowzero is set (from opset 14), and one −1 as what remains.
func reshape(c *call) ops.Expr {
	x, dims := c.expr(0), slices.Clone(c.ints(1))
	allowZero := c.attrBool("allowzero")
	if len(dims) > maxAxes {
		c.fail("a shape of %d dimensions", len(dims))
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	inferred, rest := -1, 1
	for i, n := range dims {
		switch {
		case n == 0 && !allowZero && i < len(shape):
			dims[i] = shape[i]
		case n == -1 && inferred < 0:
			inferred = i
			continue
		case n < 0 || n == 0 && !allowZero:
			c.fail("shape %v: dimension %d cannot be %d", dims, i, n)
			return ops.Expr{}
		}
		if dims[i] > maxElements/max(rest, 1) {
			c.fail("shape %v is too large", dims)
			return ops.Expr{}
		}
		rest *= dims[i]
	}
	if inferred >= 0 {
		dims[inferred] = product(shape) / max(rest, 1)
	}
	return x.Reshape(dims...)
}

func flatten(c *call) ops.Expr {
	x, axis := c.expr(0), c.attrInt("axis", 1)
	shape := x.Shape()
	if axis != len(shape) {
		axis = c.axis(axis, len(shape))
	}
	if c.err != nil {
		return ops.Expr{}
	}
	return x.Reshape(product(shape[:axis]), product(shape[axis:]))
}

// squeeze takes its axes as an input from opset 13, and drops all axes of size one if there are none.
func squeeze(c *call) ops.Expr {
	x, axes := c.expr(0), c.axes(13)
	shape := x.Shape()
	dropped := c.distinct(axes, len(shape))
	dims := []int{}
	for axis, n := range shape {
		switch {
		case dropped[axis] && n != 1:
			c.fail("axis %d of shape %v is not of size one", axis, shape)
		case !dropped[axis] && (n != 1 || axes != nil):
			dims = append(dims, n)
		}
	}
	return x.Reshape(dims...)
}

// unsqueeze takes its axes as an input from opset 13.
func unsqueeze(c *call) ops.Expr {
	x, axes := c.expr(0), c.axes(13)
	shape := x.Shape()
	added := c.distinct(axes, len(shape)+len(axes))
	if c.err != nil {
		return ops.Expr{}
	}
	dims := []int{}
	for axis := range len(shape) + len(axes) {
		if added[axis] {
			dims = append(dims, 1)
			continue
		}
		dims = append(dims, shape[0])
		shape = shape[1:]
	}
	return x.Reshape(dims...)
}

// transpose reverses the axes unless a permutation is given.
func transpose(c *call) ops.Expr {
	x := c.expr(0)
	perm := c.attrInts("perm")
	if c.node.Attr("perm") == nil {
		for axis := range x.Rank() {
			perm = append(perm, x.Rank()-1-axis)
		}
	}
	return x.Transpose(perm...)
}

// expand broadcasts in both directions: a dimension of the input may be larger than the one asked for.
func expand(c *call) ops.Expr {
	x, dims := c.expr(0), c.ints(1)
	shape, err := ops.Broadcast(x.Shape(), dims)
	if err != nil {
		c.fail("%w", err)
	}
	return c.repeat(x, shape)
}

// tile repeats the whole input along each axis: every axis is split into one that is repeated and one that is kept.
func tile(c *call) ops.Expr {
	x, repeats := c.expr(0), c.ints(1)
	if c.err == nil && len(repeats) != x.Rank() {
		c.fail("repeats %v for an input of shape %v", repeats, x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	var split, repeated, joined []int
	for axis, n := range x.Shape() {
		if repeats[axis] < 0 || n > 0 && repeats[axis] > maxElements/n {
			c.fail("repeats %v are out of range", repeats)
			return ops.Expr{}
		}
		split = append(split, 1, n)
		repeated = append(repeated, repeats[axis], n)
		joined = append(joined, repeats[axis]*n)
	}
	return x.Reshape(split...).Expand(repeated...).Reshape(joined...)
}

func concat(c *call) ops.Expr {
	parts := c.exprs()
	if c.err != nil {
		return ops.Expr{}
	}
	axis := c.axis(c.attrInt("axis", 1), parts[0].Rank())
	for i := range parts {
		if v := c.value(i); v.isInteger() != c.value(0).isInteger() {
			c.fail("input %d (%q) holds %v elements, the first %v", i, c.node.Inputs[i], v.dtype, c.value(0).dtype)
		}
	}
	if c.err != nil {
		return ops.Expr{}
	}
	return joined(axis, parts)
}

// split has the sizes as an attribute before opset 13, as an input from then on. Without them the parts are equal; from opset 18,
// which counts them, the last one may be smaller.
func split(c *call) ops.Expr {
	x := c.expr(0)
	axis := c.axis(c.attrInt("axis", 0), x.Rank())
	var sizes []int
	switch {
	case c.opset < 13:
		sizes = c.attrInts("split")
	case c.has(1):
		sizes = c.ints(1)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	total, parts := x.Shape()[axis], len(c.node.Outputs)
	if sizes == nil {
		each := (total + parts - 1) / parts
		if c.opset < 18 && each*parts != total {
			c.fail("an axis of size %d cannot be split into %d equal parts", total, parts)
		}
		if n := c.attrInt("num_outputs", parts); n != parts {
			c.fail("num_outputs is %d, but there are %d outputs", n, parts)
		}
		for left := total; len(sizes) < parts; left -= each {
			sizes = append(sizes, min(each, left))
		}
	}
	if len(sizes) != parts || sum(sizes) != total || slices.Min(sizes) < 0 {
		c.fail("parts of sizes %v for %d outputs of an axis of size %d", sizes, parts, total)
		return ops.Expr{}
	}
	var first ops.Expr
	for i, from := 0, 0; i < parts; i++ {
		part := x.Narrow(axis, from, from+sizes[i])
		if c.also(i, part, onnx.Undefined); i == 0 {
			first = part
		}
		from += sizes[i]
	}
	return first
}

// depthToSpace has the modes DCR and, from opset 11, CRD: which of depth and column-row comes first among the channels.
func depthToSpace(c *call) ops.Expr {
	x, b := c.expr(0), c.attrInt("blocksize", 0)
	mode := c.attrString("mode", "DCR")
	shape := x.Shape()
	if c.err == nil && (len(shape) != 4 || b < 1 || b > 1<<10 || shape[1]%(b*b) != 0 || mode != "DCR" && mode != "CRD") {
		c.fail("blocksize %d and mode %q for an input of shape %v", b, mode, shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	n, depth, h, w := shape[0], shape[1]/(b*b), shape[2], shape[3]
	if mode == "CRD" {
		x = x.Reshape(n, depth, b, b, h, w).Transpose(0, 1, 4, 2, 5, 3)
	} else {
		x = x.Reshape(n, b, b, depth, h, w).Transpose(0, 3, 4, 1, 5, 2)
	}
	return x.Reshape(n, depth, h*b, w*b)
}

func spaceToDepth(c *call) ops.Expr {
	x, b := c.expr(0), c.attrInt("blocksize", 0)
	shape := x.Shape()
	if c.err == nil && (len(shape) != 4 || b < 1 || b > 1<<10 || shape[2]%b != 0 || shape[3]%b != 0) {
		c.fail("blocksize %d for an input of shape %v", b, shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	n, depth, h, w := shape[0], shape[1], shape[2]/b, shape[3]/b
	return x.Reshape(n, depth, h, b, w, b).Transpose(0, 3, 5, 1, 2, 4).Reshape(n, depth*b*b, h, w)
}
