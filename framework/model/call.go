package model

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// importer turns one node into a value. It reads inputs and attributes through the call, which keeps the first error and
// knows, in the end, which inputs and attributes nobody asked for.
type importer func(c *call) value

// call is one node while it is imported.
type call struct {
	writer     *writer
	node       *onnx.Node
	opset      int64
	read       map[int]bool    // inputs
	attributes map[string]bool // that were read
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

// expr returns an input as an expression. A literal of floating-point numbers becomes an input of the graph.
func (c *call) expr(i int) ops.Expr {
	v := c.value(i)
	if v.literal == nil || !v.expr.Absent() {
		return v.expr
	}
	if v.literal.integer {
		c.fail("input %d (%q) is a constant of integers where numbers to differentiate are needed", i, c.node.Inputs[i])
		return ops.Expr{}
	}
	v.expr = c.writer.constant(c.node.Inputs[i], v.literal)
	if err := v.expr.Err(); err != nil {
		c.fail("%w", err)
	}
	c.writer.values[c.node.Inputs[i]] = v
	return v.expr
}

// literal returns an input whose elements must be known.
func (c *call) literal(i int) *literal {
	v := c.value(i)
	switch {
	case c.err != nil:
	case v.literal == nil:
		c.fail("input %d (%q) must be a constant, not computed from data", i, c.node.Inputs[i])
	case len(v.literal.data) > maxLiteral:
		c.fail("input %d (%q) has %d elements; constants that are computed with have at most %d", i, c.node.Inputs[i], len(v.literal.data), maxLiteral)
	}
	if c.err != nil {
		return &literal{}
	}
	return v.literal
}

// ints returns the elements of an input that must be a constant of integers.
func (c *call) ints(i int) []int {
	l := c.literal(i)
	if c.err == nil && !l.integer {
		c.fail("input %d (%q) must be a constant of integers", i, c.node.Inputs[i])
	}
	return l.ints()
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

func (c *call) attrString(name, byDefault string) string {
	if a := c.attribute(name, onnx.AttributeString); a != nil {
		return string(a.S)
	}
	return byDefault
}

// attrInts returns nil if the attribute is absent.
func (c *call) attrInts(name string) []int {
	a := c.attribute(name, onnx.AttributeInts)
	if a == nil {
		return nil
	}
	list := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		list[i] = c.toInt(name, v)
	}
	return list
}

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
