package model

import (
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Shape operators make constants, and what exporters compute shapes with. On constants, all operators leave nothing in the graph.
var shapes = map[string]operator{
	"Constant":        takes(0, 0, constant).constant(),
	"ConstantOfShape": takes(1, 1, constantOfShape).constant(),
	"Shape":           takes(1, 1, shapeOf).constant(),
	"Size":            takes(1, 1, sizeOf).constant(),
	"Range":           takes(3, 3, rangeOf).constant(),
	"NonZero":         takes(1, 1, nonZero).constant(),
	"EyeLike":         takes(1, 1, eyeLike).constant(),
	"OneHot":          takes(3, 3, oneHot).settings(0, 1),
}

func constant(c *call) ops.Expr {
	if len(c.node.Attributes) != 1 {
		c.fail("%d attributes give the constant's value, want one", len(c.node.Attributes))
		return ops.Expr{}
	}
	a := c.node.Attributes[0]
	switch a.Name {
	case "value":
		return c.tensor(a.Name)
	case "value_float":
		c.dtype = onnx.Float
		return ops.Scalar(c.attrFloat(a.Name, 0))
	case "value_floats":
		c.attribute(a.Name, onnx.AttributeFloats)
		c.dtype = onnx.Float
		return ops.Constant([]int{len(a.Floats)}, numbers(a.Floats))
	case "value_int":
		c.attribute(a.Name, onnx.AttributeInt)
		c.dtype = onnx.Int64
		return ops.Scalar(float64(a.I))
	case "value_ints":
		c.attribute(a.Name, onnx.AttributeInts)
		c.dtype = onnx.Int64
		return ops.Constant([]int{len(a.Ints)}, numbers(a.Ints))
	}
	c.fail("attribute %s is not supported", a.Name)
	return ops.Expr{}
}

// tensor reads an attribute that holds a tensor, whose type is the output's.
func (c *call) tensor(name string) ops.Expr {
	a := c.attribute(name, onnx.AttributeTensor)
	if a == nil {
		return ops.Expr{}
	}
	v, err := readTensor(a.T)
	if err != nil {
		c.fail("attribute %s: %w", name, err)
	}
	c.dtype = v.dtype
	return v.expr
}

// constantOfShape repeats a number, zero by default.
func constantOfShape(c *call) ops.Expr {
	dims, v := c.ints(0), ops.Scalar(0)
	c.dtype = onnx.Float
	if c.node.Attr("value") != nil {
		v = c.tensor("value")
	}
	if c.err == nil && product(v.Shape()) != 1 {
		c.fail("attribute value has the shape %v, want one element", v.Shape())
	}
	return c.repeat(v.Reshape(), dims)
}

// repeat expands an expression. What a constant is repeated to may be larger than what is computed while the graph is written, such
// as weights that are all one number: it is then repeated in the graph.
func (c *call) repeat(x ops.Expr, shape []int) ops.Expr {
	_, known := x.Known()
	if c.err != nil || !known || !large(shape) {
		return x.Expand(shape...)
	}
	return x.HeldIn(c.writer.given.Graph, c.writer.given.Precision).Expand(shape...)
}

// large reports whether a shape has more elements than a constant that is computed.
func large(shape []int) bool {
	size := 1.0
	for _, n := range shape {
		size *= float64(n)
	}
	return size > maxConstant
}

// shapeOf has start and end from opset 15.
func shapeOf(c *call) ops.Expr {
	dims := c.expr(0).Shape()
	start := within(c.attrPlace("start", 0), 0, len(dims), len(dims))
	end := within(c.attrPlace("end", len(dims)), 0, len(dims), len(dims))
	c.dtype = onnx.Int64
	return vector(dims[min(start, end):end]...)
}

func sizeOf(c *call) ops.Expr {
	c.dtype = onnx.Int64
	return ops.Scalar(float64(product(c.expr(0).Shape())))
}

// rangeOf is start, start + delta, … up to the limit, which is not part of it.
func rangeOf(c *call) ops.Expr {
	start, limit, delta := c.scalar(0), c.scalar(1), c.scalar(2)
	n := math.Ceil((limit - start) / delta)
	if c.err == nil && (delta == 0 || math.IsNaN(n) || n > maxConstant) {
		c.fail("a range from %v to %v by %v is empty of meaning or too long", start, limit, delta)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	data := make([]float64, max(0, int(n)))
	for i := range data {
		data[i] = start + float64(i)*delta
	}
	return ops.Constant([]int{len(data)}, data)
}

// nonZero returns the indices of the elements that are not zero, one row for each axis.
func nonZero(c *call) ops.Expr {
	data := c.known(0)
	if c.err != nil {
		return ops.Expr{}
	}
	shape := c.expr(0).Shape()
	var places []int
	for i, v := range data {
		if v != 0 {
			places = append(places, i)
		}
	}
	rows := make([]float64, 0, len(shape)*len(places))
	for axis := range shape {
		for _, at := range places {
			rows = append(rows, float64(at/product(shape[axis+1:])%shape[axis]))
		}
	}
	c.dtype = onnx.Int64
	return ops.Constant([]int{len(shape), len(places)}, rows)
}

// eyeLike has ones on the k-th diagonal of a matrix of the input's shape.
func eyeLike(c *call) ops.Expr {
	shape, k := c.expr(0).Shape(), c.attrInt("k", 0)
	c.dtype = onnx.DataType(c.attrInt("dtype", 0))
	if c.err == nil && (len(shape) != 2 || product(shape) > maxConstant) {
		c.fail("an input of shape %v is no matrix, or too large", shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	data := make([]float64, product(shape))
	for i := range data {
		if i%shape[1]-i/shape[1] == k {
			data[i] = 1
		}
	}
	return ops.Constant(slices.Clone(shape), data)
}

// oneHot has an axis of classes. A negative class counts from the end from opset 11, and one out of range is nowhere hot.
func oneHot(c *call) ops.Expr {
	indices, classes, values := c.expr(0), int(c.scalar(1)), c.expr(2)
	axis := c.axis(c.attrInt("axis", -1), indices.Rank()+1)
	if c.err == nil && (classes < 1 || classes > maxConstant || !slices.Equal([]int(values.Shape()), []int{2})) {
		c.fail("%d classes, values of shape %v", classes, values.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := slices.Clone([]int(indices.Shape()))
	flat := indices.Reshape(product(shape))
	if c.opset >= 11 {
		flat = flat.Add(flat.Less(ops.Scalar(0)).Scale(float64(classes)))
	}
	hot := flat.OneHot(classes).Reshape(append(shape, classes)...)
	perm := slices.Insert(counted(len(shape)), axis, len(shape))
	off, on := values.Narrow(0, 0, 1), values.Narrow(0, 1, 2)
	c.dtype = c.value(2).dtype
	return hot.Transpose(perm...).Where(on, off)
}
