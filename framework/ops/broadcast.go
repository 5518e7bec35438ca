package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Expand repeats the input to the shape Dims, by the rules of broadcasting: ONNX Expand with a shape that contains the input's.
type Expand struct{ Dims []int }

// Arity is 1.
func (Expand) Arity() int { return 1 }

// Shape is Dims.
func (o Expand) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := countable(o.Dims); err != nil {
		return nil, err
	}
	shape, err := Broadcast(in[0], o.Dims)
	if err != nil || !slices.Equal(shape, o.Dims) {
		return nil, fmt.Errorf("shape %v does not expand to %v", in[0], tensor.Shape(o.Dims))
	}
	return shape, nil
}

// Gradient sums over the axes that were repeated.
func (Expand) Gradient(in []Expr, _, g Expr) []Expr { return []Expr{g.SumTo(in[0].Shape())} }

// Eval32 is the kernel in float32.
func (Expand) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	copy(out.Data, expand(in[0], out.Shape))
}

// Eval64 is the kernel in float64.
func (Expand) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	copy(out.Data, expand(in[0], out.Shape))
}

// countable refuses a shape with a negative dimension.
func countable(shape tensor.Shape) error {
	for _, n := range shape {
		if n < 0 {
			return fmt.Errorf("shape %v has a negative dimension", shape)
		}
	}
	return nil
}

// Broadcast returns the shape that a and b have in common.
func Broadcast(a, b tensor.Shape) (tensor.Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	shape := make(tensor.Shape, len(a))
	copy(shape, a)
	lead := len(a) - len(b)
	for i, n := range b {
		switch m := shape[lead+i]; {
		case m == n || n == 1:
		case m == 1:
			shape[lead+i] = n
		default:
			return nil, fmt.Errorf("shapes %v and %v do not broadcast: %d against %d", a, b, m, n)
		}
	}
	return shape, nil
}

// expand returns the elements of x repeated to shape; x's own memory if there is nothing to repeat.
func expand[T Float](x Tensor[T], shape tensor.Shape) []T {
	size := shape.TotalSize()
	if len(x.Data) == size {
		return x.Data
	}
	data := make([]T, size)
	if len(x.Data) == 1 {
		fill(data, x.Data[0])
		return data
	}
	gather(data, x.Data, 0, shape, Repeating(x.Shape, shape))
	return data
}
