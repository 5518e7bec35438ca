package model

import (
	"fmt"
	"maps"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// importer turns one node into an expression of its first output. It reads inputs and attributes through the call, which keeps
// the first error and knows, in the end, which inputs and attributes nobody asked for.
type importer func(c *call) ops.Expr

// call is one node while it is imported.
type call struct {
	writer     *writer
	node       *onnx.Node
	opset      int64
	training   bool
	read       map[int]bool    // inputs
	attributes map[string]bool // that were read
	outputs    []value         // as the node's outputs
	dtype      onnx.DataType   // of the first output, if it is not the first input's
	err        error
}

func (c *call) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// has reports whether an optional input is present.
func (c *call) has(i int) bool { return i < len(c.node.Inputs) && c.node.Inputs[i] != "" }

func (c *call) value(i int) value {
	if !c.has(i) {
		c.fail("input %d is missing", i)
		return value{}
	}
	c.read[i] = true
	v, known := c.writer.values[c.node.Inputs[i]]
	if !known {
		c.fail("nothing computes input %d (%q)", i, c.node.Inputs[i])
	}
	return v
}

func (c *call) expr(i int) ops.Expr { return c.value(i).expr }

// exprs returns all inputs.
func (c *call) exprs() []ops.Expr {
	list := make([]ops.Expr, len(c.node.Inputs))
	for i := range list {
		list[i] = c.expr(i)
	}
	return list
}

// known returns the numbers of an input that must be a constant.
func (c *call) known(i int) []float64 {
	x := c.expr(i)
	if c.err != nil || x.Err() != nil {
		return nil
	}
	numbers, known := x.Known()
	if !known {
		c.fail("input %d (%q) must be a constant, not computed from data%s", i, c.node.Inputs[i], c.writer.model.fixable(c.node.Inputs[i]))
	}
	return numbers
}

// ints returns the elements of an input that must be a constant of integers.
func (c *call) ints(i int) []int {
	numbers := c.known(i)
	if c.err == nil && !c.value(i).isInteger() {
		c.fail("input %d (%q) must be a constant of integers", i, c.node.Inputs[i])
	}
	const exact = 1 << 53
	list := make([]int, len(numbers))
	for j, v := range numbers {
		list[j] = int(min(max(v, -exact), exact))
	}
	return list
}

// indices returns an input that must hold integers, constant or not.
func (c *call) indices(i int) ops.Expr {
	v := c.value(i)
	if c.err == nil && !v.isInteger() {
		c.fail("input %d (%q) holds %v elements; indices are integers", i, c.node.Inputs[i], v.dtype)
	}
	return v.expr
}

// scalar returns the element of a constant that has just one.
func (c *call) scalar(i int) float64 {
	numbers := c.known(i)
	if c.err == nil && len(numbers) != 1 {
		c.fail("input %d (%q) has the shape %v, want a scalar", i, c.node.Inputs[i], c.expr(i).Shape())
	}
	if c.err != nil {
		return 0
	}
	return numbers[0]
}

// wants reports whether somebody reads an output.
func (c *call) wants(output int) bool {
	return output < len(c.node.Outputs) && c.node.Outputs[output] != "" && c.writer.needed[c.node.Outputs[output]]
}

// also sets an output beyond the first. Without a type it is of the first input's.
func (c *call) also(output int, x ops.Expr, dtype onnx.DataType) {
	if output < len(c.outputs) {
		c.outputs[output] = value{x, dtype}
	}
}

// publish makes the outputs known to the nodes that follow.
func (c *call) publish() error {
	for i, v := range c.outputs {
		if !c.wants(i) {
			continue
		}
		switch {
		case v.expr.Err() != nil:
			return shapeError{ops.Plain(v.expr.Err())}
		case v.expr.Absent():
			return fmt.Errorf("output %d (%q) of %s is not supported", i, c.node.Outputs[i], c.node.OpType)
		case v.dtype == onnx.Undefined && c.has(0):
			v.dtype = c.writer.values[c.node.Inputs[0]].dtype
		}
		if err := c.writer.keep(v); err != nil {
			return err
		}
		c.writer.values[c.node.Outputs[i]] = v
	}
	return nil
}

// noise returns numbers that are drawn uniformly from [0, 1) for every step.
func (c *call) noise(shape []int) ops.Expr {
	out := c.writer.out
	x := ops.Input(c.writer.given.Graph, fmt.Sprint("noise ", len(out.Noise)), c.writer.given.Precision, shape...)
	out.Noise = append(out.Noise, x)
	return x
}

// update gives the buffer that an input is a new value. Where the input is no buffer, its value stays as it is.
func (c *call) update(i int, v ops.Expr) {
	if at, is := c.writer.buffers[c.node.Inputs[i]]; is {
		c.writer.out.Buffers[at] = v
		c.writer.values[c.node.Inputs[i]] = value{expr: v, dtype: onnx.Float}
	}
}

func (c *call) attribute(name string, t onnx.AttributeType) *onnx.Attribute {
	c.attributes[name] = true
	a := c.node.Attr(name)
	if a != nil && a.Type != t {
		c.fail("attribute %s is of type %v, want %v", name, a.Type, t)
		return nil
	}
	return a
}

func (c *call) attrInt(name string, byDefault int) int {
	if a := c.attribute(name, onnx.AttributeInt); a != nil {
		return c.toInt(name, a.I)
	}
	return byDefault
}

func (c *call) attrBool(name string) bool { return c.attrInt(name, 0) != 0 }

func (c *call) attrFloat(name string, byDefault float64) float64 {
	if a := c.attribute(name, onnx.AttributeFloat); a != nil {
		return float64(a.F)
	}
	return byDefault
}

// attrFloats returns nil if the attribute is absent.
func (c *call) attrFloats(name string) []float64 {
	if a := c.attribute(name, onnx.AttributeFloats); a != nil {
		return numbers(a.Floats)
	}
	return nil
}

func (c *call) attrString(name, byDefault string) string {
	if a := c.attribute(name, onnx.AttributeString); a != nil {
		return string(a.S)
	}
	return byDefault
}

// attrInts returns nil if the attribute is absent.
func (c *call) attrInts(name string) []int {
	return c.attrList(name, func(v int64) int { return c.toInt(name, v) })
}

// attrPlaces is attrInts for places on axes, which may lie any distance beyond an end.
func (c *call) attrPlaces(name string) []int { return c.attrList(name, toPlace) }

func (c *call) attrList(name string, convert func(v int64) int) []int {
	a := c.attribute(name, onnx.AttributeInts)
	if a == nil {
		return nil
	}
	list := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		list[i] = convert(v)
	}
	return list
}

// attrPlace is attrInt for a place on an axis, which may lie any distance beyond an end.
func (c *call) attrPlace(name string, byDefault int) int {
	if a := c.attribute(name, onnx.AttributeInt); a != nil {
		return toPlace(a.I)
	}
	return byDefault
}

// toPlace brings a number so close that an axis can be added to it.
func toPlace(v int64) int { return int(min(max(v, -maxElements), maxElements)) }

// toInt refuses numbers that no shape, axis or size can be.
func (c *call) toInt(attribute string, v int64) int {
	if v > maxElements || v < -maxElements {
		c.fail("attribute %s = %d is out of range", attribute, v)
		return 0
	}
	return int(v)
}

// axes reads the attribute axes, which became input 1 in the opset inputFrom. It returns nil if there is neither.
func (c *call) axes(inputFrom int64) []int {
	if c.opset < inputFrom {
		return c.attrInts("axes")
	}
	if !c.has(1) {
		return nil
	}
	return c.ints(1)
}

// axis makes a possibly negative axis of a tensor of that rank count from zero.
func (c *call) axis(axis, rank int) int {
	if axis < -rank || axis >= rank {
		c.fail("axis %d is not an axis of a tensor with %d dimensions", axis, rank)
		return 0
	}
	if axis < 0 {
		axis += rank
	}
	return axis
}

// distinct makes axes of a tensor of that rank count from zero and refuses to have one named twice.
func (c *call) distinct(axes []int, rank int) map[int]bool {
	set := make(map[int]bool, len(axes))
	for _, axis := range axes {
		set[c.axis(axis, rank)] = true
	}
	if c.err == nil && len(set) != len(axes) {
		c.fail("axes %v name an axis twice", axes)
	}
	return set
}

// ascending returns the axes of a set.
func ascending(set map[int]bool) []int { return slices.Sorted(maps.Keys(set)) }

// leftover returns what the importer did not ask for.
func (c *call) leftover() error {
	for i, name := range c.node.Inputs {
		if name != "" && !c.read[i] {
			return fmt.Errorf("input %d (%q) is not supported", i, name)
		}
	}
	for _, a := range c.node.Attributes {
		if !c.attributes[a.Name] {
			return fmt.Errorf("attribute %s is not supported", a.Name)
		}
	}
	return nil
}
