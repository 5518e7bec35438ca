package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Layout operators move elements or repeat them. What only renames axes works on literals too.
var layout = map[string]operator{
	"Reshape":   {2, 2, reshape},
	"Flatten":   {1, 1, flatten},
	"Squeeze":   {1, 2, squeeze},
	"Unsqueeze": {1, 2, unsqueeze},
	"Transpose": {1, 1, transpose},
	"Expand":    {2, 2, expand},
}

// reshape reads 0 as the input's dimension, unless allowzero is set (from opset 14), and one −1 as what remains.
func reshape(c *call) value {
	v, dims := c.value(0), slices.Clone(c.ints(1))
	allowZero := c.attrBool("allowzero")
	if c.err != nil {
		return value{}
	}
	shape := v.shape()
	inferred, rest := -1, 1
	for i, n := range dims {
		switch {
		case n == 0 && !allowZero && i < len(shape):
			dims[i] = shape[i]
		case n == -1 && inferred < 0:
			inferred = i
			continue
		case n < 1:
			c.fail("shape %v: dimension %d cannot be %d", dims, i, n)
			return value{}
		}
		if dims[i] > maxElements/rest {
			c.fail("shape %v is too large", dims)
			return value{}
		}
		rest *= dims[i]
	}
	if inferred >= 0 {
		dims[inferred] = max(1, product(shape)/rest)
	}
	return c.rename(v, dims)
}

func flatten(c *call) value {
	v, axis := c.value(0), c.attrInt("axis", 1)
	shape := v.shape()
	if axis != len(shape) {
		axis = c.axis(axis, len(shape))
	}
	if c.err != nil {
		return value{}
	}
	return c.rename(v, []int{product(shape[:axis]), product(shape[axis:])})
}

// squeeze takes its axes as an input from opset 13, and drops all axes of size one if there are none.
func squeeze(c *call) value {
	v, axes := c.value(0), c.axes(13)
	shape := v.shape()
	dropped := c.distinct(axes, len(shape))
	var dims []int
	for axis, n := range shape {
		switch {
		case dropped[axis] && n != 1:
			c.fail("axis %d of shape %v is not of size one", axis, shape)
		case !dropped[axis] && (n != 1 || axes != nil):
			dims = append(dims, n)
		}
	}
	return c.rename(v, dims)
}

// unsqueeze takes its axes as an input from opset 13.
func unsqueeze(c *call) value {
	v, axes := c.value(0), c.axes(13)
	shape := v.shape()
	added := c.distinct(axes, len(shape)+len(axes))
	if c.err != nil {
		return value{}
	}
	var dims []int
	for axis := range len(shape) + len(axes) {
		if added[axis] {
			dims = append(dims, 1)
			continue
		}
		dims = append(dims, shape[0])
		shape = shape[1:]
	}
	return c.rename(v, dims)
}

// rename gives the elements of v another shape of the same size.
func (c *call) rename(v value, dims []int) value {
	if v.literal == nil {
		return value{expr: v.expr.Reshape(dims...)}
	}
	if c.err == nil && product(dims) != len(v.literal.data) {
		c.fail("a constant of shape %v cannot have the shape %v", v.literal.shape, dims)
	}
	return value{literal: &literal{shape: dims, integer: v.literal.integer, data: v.literal.data}}
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// transpose reverses the axes unless a permutation is given.
func transpose(c *call) value {
	x := c.expr(0)
	perm := c.attrInts("perm")
	if c.node.Attr("perm") == nil {
		for axis := range x.Rank() {
			perm = append(perm, x.Rank()-1-axis)
		}
	}
	return value{expr: x.Transpose(perm...)}
}

// expand broadcasts in both directions: a dimension of the input may be larger than the one asked for.
func expand(c *call) value {
	x, dims := c.expr(0), c.ints(1)
	shape, err := ops.Broadcast(x.Shape(), dims)
	if err != nil {
		c.fail("%w", err)
	}
	return value{expr: x.Expand(shape...)}
}
