package model

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// literal is a tensor whose elements are known while the graph is written: a constant of the file, or what is computed from
// constants and shapes. Integers are exact up to 2⁵³; larger ones only ever mean "to the end".
type literal struct {
	shape   tensor.Shape
	integer bool // integers or truth values, which are not differentiated
	data    []float64
}

// maxLiteral bounds the literals that are computed with, so that a small file cannot ask for much memory. Shapes and axes are far
// smaller.
const maxLiteral = 1 << 12

// maxElements bounds the size of a tensor, as package ops does, and with it every dimension.
const maxElements = 1 << 31

func readTensor(t *onnx.Tensor) (*literal, error) {
	data, err := t.Float64s()
	if err != nil {
		return nil, err
	}
	l := &literal{shape: make(tensor.Shape, len(t.Dims)), integer: !isFloat(t.DType), data: data}
	for i, n := range t.Dims {
		l.shape[i] = int(n)
	}
	return l, nil
}

// vector returns integers as a literal with one axis.
func vector(ints ...int) value {
	l := &literal{shape: []int{len(ints)}, integer: true, data: make([]float64, len(ints))}
	for i, v := range ints {
		l.data[i] = float64(v)
	}
	return value{literal: l}
}

func (l *literal) ints() []int {
	const exact = 1 << 53
	list := make([]int, len(l.data))
	for i, v := range l.data {
		list[i] = int(min(max(v, -exact), exact))
	}
	return list
}

// fold computes elementwise arithmetic of two literals, if both inputs are, and of the same size or one of size one. What is
// larger, or broadcasts in other ways, is left to the graph.
func (c *call) fold(f func(a, b float64) float64) (value, bool) {
	a, b := c.value(0).literal, c.value(1).literal
	if a == nil || b == nil {
		return value{}, false
	}
	shape, err := ops.Broadcast(a.shape, b.shape)
	size := max(len(a.data), len(b.data))
	fits := func(l *literal) bool { return len(l.data) == 1 || len(l.data) == size }
	if err != nil || product(shape) != size || size > maxLiteral || !fits(a) || !fits(b) {
		return value{}, false
	}
	l := &literal{shape: shape, integer: a.integer, data: make([]float64, size)}
	for i := range l.data {
		v := f(a.data[i%len(a.data)], b.data[i%len(b.data)])
		if l.integer {
			v = c.integer(v)
		}
		l.data[i] = v
	}
	return value{literal: l}, true
}

// integer rounds toward zero, as integer division does, and refuses what is no integer or too large to be exact.
func (c *call) integer(v float64) float64 {
	if !(math.Abs(v) <= 1<<53) {
		c.fail("the integer constant %v is out of range", v)
		return 0
	}
	return math.Trunc(v)
}
