package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Shape operators are what exporters compute shapes with. They work on literals and leave nothing in the graph.
var shapes = map[string]operator{
	"Constant":        {0, 0, constant},
	"ConstantOfShape": {1, 1, constantOfShape},
	"Shape":           {1, 1, shapeOf},
	"Gather":          {2, 2, gather},
	"Slice":           {1, 5, slice},
	"Concat":          {1, many, concat},
	"Cast":            {1, 1, cast},
	"Equal":           {2, 2, equal},
	"Where":           {3, 3, where},
}

func constant(c *call) value {
	if len(c.node.Attributes) != 1 {
		c.fail("%d attributes give the constant's value, want one", len(c.node.Attributes))
		return value{}
	}
	a := c.node.Attributes[0]
	switch a.Name {
	case "value":
		return c.tensor(a.Name)
	case "value_float":
		return value{literal: &literal{data: []float64{c.attrFloat(a.Name, 0)}}}
	case "value_floats":
		c.attribute(a.Name, onnx.AttributeFloats)
		return value{literal: &literal{shape: []int{len(a.Floats)}, data: numbers(a.Floats)}}
	case "value_int":
		c.attribute(a.Name, onnx.AttributeInt)
		return value{literal: &literal{integer: true, data: numbers([]int64{a.I})}}
	case "value_ints":
		c.attribute(a.Name, onnx.AttributeInts)
		return value{literal: &literal{shape: []int{len(a.Ints)}, integer: true, data: numbers(a.Ints)}}
	}
	c.fail("attribute %s is not supported", a.Name)
	return value{}
}

func numbers[T float32 | int64](list []T) []float64 {
	data := make([]float64, len(list))
	for i, v := range list {
		data[i] = float64(v)
	}
	return data
}

// tensor reads an attribute that holds a tensor.
func (c *call) tensor(name string) value {
	a := c.attribute(name, onnx.AttributeTensor)
	if a == nil {
		return value{}
	}
	l, err := readTensor(a.T)
	if err != nil {
		c.fail("attribute %s: %w", name, err)
	}
	return value{literal: l}
}

// constantOfShape repeats a number, zero by default. Only shapes are made of integers, so many of those are refused.
func constantOfShape(c *call) value {
	dims := c.ints(0)
	l := &literal{data: []float64{0}}
	if c.node.Attr("value") != nil {
		l = c.tensor("value").literal
	}
	if c.err == nil && len(l.data) != 1 {
		c.fail("attribute value has %d elements, want one", len(l.data))
	}
	if c.err != nil {
		return value{}
	}
	if !l.integer {
		number := &literal{data: l.data}
		return value{expr: c.writer.constant(c.node.Outputs[0], number).Expand(dims...)}
	}
	repeated := &literal{shape: dims, integer: true, data: l.data}
	for _, n := range dims {
		if n < 0 || n > maxLiteral || n*len(repeated.data) > maxLiteral {
			c.fail("shape %v; constants of integers have at most %d elements", dims, maxLiteral)
			return value{}
		}
		repeated.data = slices.Repeat(repeated.data, n)
	}
	return value{literal: repeated}
}

// shapeOf has start and end from opset 15.
func shapeOf(c *call) value {
	dims := c.value(0).shape()
	start := within(c.attrInt("start", 0), len(dims))
	end := within(c.attrInt("end", len(dims)), len(dims))
	return vector(dims[min(start, end):end]...)
}

// within makes a possibly negative bound count from zero and puts it between 0 and n.
func within(at, n int) int {
	if at < 0 {
		at += n
	}
	return min(max(at, 0), n)
}

// gather picks from a literal with one axis.
func gather(c *call) value {
	data, indices := c.oneAxis(0), c.literal(1)
	c.axis(c.attrInt("axis", 0), 1)
	if c.err != nil {
		return value{}
	}
	picked := &literal{shape: indices.shape, integer: data.integer}
	for _, index := range c.ints(1) {
		at := index
		if at < 0 {
			at += len(data.data)
		}
		if at < 0 || at >= len(data.data) {
			c.fail("index %d is out of range for %d elements", index, len(data.data))
			return value{}
		}
		picked.data = append(picked.data, data.data[at])
	}
	return value{literal: picked}
}

// oneAxis returns an input that must be a literal with one axis.
func (c *call) oneAxis(i int) *literal {
	l := c.literal(i)
	if c.err == nil && len(l.shape) != 1 {
		c.fail("input %d (%q) has the shape %v; only constants with one axis are supported", i, c.node.Inputs[i], l.shape)
	}
	return l
}

// slice cuts a literal with one axis. Its bounds are inputs from opset 10, with steps.
func slice(c *call) value {
	data := c.oneAxis(0)
	start, end := c.bound(1, "starts", nil), c.bound(2, "ends", nil)
	axis, step := c.bound(3, "axes", []int{0}), 1
	if c.opset >= 10 {
		step = c.bound(4, "steps", []int{1})
	}
	c.axis(axis, 1)
	if c.err == nil && step < 1 {
		c.fail("a step of %d is not supported", step)
	}
	if c.err != nil {
		return value{}
	}
	cut := &literal{integer: data.integer}
	for at, end := within(start, len(data.data)), within(end, len(data.data)); at < end; at += step {
		cut.data = append(cut.data, data.data[at])
	}
	cut.shape = []int{len(cut.data)}
	return value{literal: cut}
}

// bound reads what Slice wants to know of each axis of a tensor with one axis.
func (c *call) bound(input int, name string, list []int) int {
	switch {
	case c.opset < 10 && c.node.Attr(name) != nil:
		list = c.attrInts(name)
	case c.opset >= 10 && c.has(input):
		list = c.ints(input)
	}
	if len(list) != 1 {
		c.fail("%s are %v, want one for the only axis of a constant", name, list)
		return 0
	}
	return list[0]
}

// concat joins literals with one axis.
func concat(c *call) value {
	joined := &literal{shape: []int{0}, integer: c.oneAxis(0).integer}
	c.axis(c.attrInt("axis", 0), 1)
	for i := range c.node.Inputs {
		part := c.oneAxis(i)
		if c.err == nil && part.integer != joined.integer {
			c.fail("input %d (%q) is of another type than the first", i, c.node.Inputs[i])
		}
		joined.data = append(joined.data, part.data...)
		if c.err == nil && len(joined.data) > maxLiteral {
			c.fail("more than %d elements; constants that are computed with have at most that many", maxLiteral)
		}
		if c.err != nil {
			return value{}
		}
	}
	joined.shape[0] = len(joined.data)
	return value{literal: joined}
}

// cast changes the type of literals. Between the precisions of floating-point numbers it does nothing: all of a graph is computed
// in the one that a run chooses.
func cast(c *call) value {
	v, to := c.value(0), onnx.DataType(c.attrInt("to", 0))
	floating := to == onnx.Float || to == onnx.Double
	if floating && (v.literal == nil || !v.literal.integer) {
		return v
	}
	if v.literal == nil {
		c.fail("attribute to = %v is not supported for what is not a constant", to)
		return value{}
	}
	from := c.literal(0)
	l := &literal{shape: from.shape, integer: !floating, data: make([]float64, len(from.data))}
	for i, x := range from.data {
		l.data[i] = c.convert(x, to)
	}
	return value{literal: l}
}

// convert returns a number as an element of another type.
func (c *call) convert(x float64, to onnx.DataType) float64 {
	switch to {
	case onnx.Float, onnx.Double:
		return x
	case onnx.Int64, onnx.Int32:
		return c.integer(x)
	case onnx.Bool:
		if x == 0 {
			return 0
		}
		return 1
	}
	c.fail("attribute to = %v is not supported", to)
	return 0
}

func equal(c *call) value {
	v, ok := c.fold(func(a, b float64) float64 {
		if a == b {
			return 1
		}
		return 0
	})
	if !ok {
		c.fail("only constants of equal size are compared")
		return value{}
	}
	v.literal.integer = true
	return v
}

// where chooses between two literals, element by element.
func where(c *call) value {
	choice, a, b := c.literal(0), c.literal(1), c.literal(2)
	if c.err == nil && (len(choice.data) != len(a.data) || len(choice.data) != len(b.data) || a.integer != b.integer) {
		c.fail("constants of shapes %v, %v and %v; only those of equal size and type are supported", choice.shape, a.shape, b.shape)
	}
	if c.err != nil {
		return value{}
	}
	chosen := &literal{shape: choice.shape, integer: a.integer, data: make([]float64, len(choice.data))}
	for i, yes := range choice.data {
		if chosen.data[i] = b.data[i]; yes != 0 {
			chosen.data[i] = a.data[i]
		}
	}
	return value{literal: chosen}
}
