package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Slice takes, along every axis, Size elements: element i is the input's element Start + i·Step. A step may be negative, but not
// zero. ONNX Slice, its ends and omitted axes resolved, and Split. Slice and [Place] are adjoint: together they are closed under
// differentiation.
type Slice struct{ Start, Step, Size []int }

// Place is a tensor of shape Dims that has the input where a [Slice] of it would take it from, and Fill elsewhere. ONNX Pad with
// a constant.
type Place struct {
	Start, Step, Dims []int
	Fill              float64
}

// Slice takes size elements along every axis, see [Slice].
func (x Expr) Slice(start, step, size []int) Expr {
	return x.with(Slice{slices.Clone(start), slices.Clone(step), slices.Clone(size)})
}

// Place puts x into a tensor that is otherwise filled with a number, see [Place].
func (x Expr) Place(start, step, dims []int, fill float64) Expr {
	return x.with(Place{slices.Clone(start), slices.Clone(step), slices.Clone(dims), fill})
}

// Narrow takes the elements from (included) to (excluded) along one axis.
func (x Expr) Narrow(axis, from, to int) Expr {
	size := x.Shape().Clone()
	start, step := make([]int, len(size)), slices.Repeat([]int{1}, len(size))
	if 0 <= axis && axis < len(size) {
		start[axis], size[axis] = from, to-from
	} else if x.node != nil {
		return Failed(fmt.Errorf("axis %d is not an axis of shape %v", axis, size))
	}
	return x.with(Slice{start, step, size})
}

// Arity is 1.
func (Slice) Arity() int { return 1 }

// Arity is 1.
func (Place) Arity() int { return 1 }

// Shape is Size.
func (o Slice) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := fits(o.Start, o.Step, o.Size, in[0]); err != nil {
		return nil, err
	}
	return tensor.Shape(o.Size).Clone(), nil
}

// Shape is Dims.
func (o Place) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := countable(o.Dims); err != nil {
		return nil, err
	}
	if err := fits(o.Start, o.Step, in[0], o.Dims); err != nil {
		return nil, err
	}
	return tensor.Shape(o.Dims).Clone(), nil
}

// fits refuses a slice of that size if it reaches beyond a tensor of shape dims.
func fits(start, step []int, size, dims tensor.Shape) error {
	if len(start) != len(dims) || len(step) != len(dims) || len(size) != len(dims) {
		return fmt.Errorf("start %v, step %v and size %v must have an entry for each axis of shape %v", start, step, size, dims)
	}
	for i, n := range dims {
		if step[i] == 0 || size[i] < 0 {
			return fmt.Errorf("axis %d: %d elements with step %d: want none or more, and another step than zero", i, size[i], step[i])
		}
		if size[i] > 0 && size[i] > reach(start[i], step[i], n) {
			return fmt.Errorf("axis %d: %d elements from %d with step %d are not in the %d of shape %v",
				i, size[i], start[i], step[i], n, dims)
		}
	}
	return nil
}

// reach returns how many of n elements there are from start with a step.
func reach(start, step, n int) int {
	switch {
	case start < 0 || start >= n:
		return 0
	case step > 0:
		return (n-1-start)/step + 1
	default:
		return 1 - start/step
	}
}

// Gradient puts g back.
func (o Slice) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.Place(o.Start, o.Step, in[0].Shape(), 0)}
}

// Gradient takes from g.
func (o Place) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.Slice(o.Start, o.Step, in[0].Shape())}
}

// Eval32 copies.
func (o Slice) Eval32(out Tensor[float32], in ...Tensor[float32]) { slice(o, out, in[0]) }

// Eval64 copies.
func (o Slice) Eval64(out Tensor[float64], in ...Tensor[float64]) { slice(o, out, in[0]) }

// Eval32 copies.
func (o Place) Eval32(out Tensor[float32], in ...Tensor[float32]) { place(o, out, in[0]) }

// Eval64 copies.
func (o Place) Eval64(out Tensor[float64], in ...Tensor[float64]) { place(o, out, in[0]) }

func slice[T Float](o Slice, out, x Tensor[T]) {
	first, strides := stepping(o.Start, o.Step, x.Shape)
	gather(out.Data, x.Data, first, out.Shape, strides)
}

func place[T Float](o Place, out, x Tensor[T]) {
	fill(out.Data, T(o.Fill))
	first, strides := stepping(o.Start, o.Step, out.Shape)
	scatter(out.Data, first, x.Data, x.Shape, strides)
}

// stepping returns the place of the first element of a slice of a tensor of that shape, and the strides to the others.
func stepping(start, step []int, shape tensor.Shape) (first int, strides []int) {
	strides = RowMajor(shape)
	for i := range strides {
		first += start[i] * strides[i]
		strides[i] *= step[i]
	}
	return first, strides
}
