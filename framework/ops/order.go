package ops

import (
	"cmp"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// ArgMax is the index, held as a number, of the maximum along an axis, which is dropped: of equal ones the first, or the last. NaN
// is above all numbers. ONNX ArgMax and, of the negative, ArgMin.
type ArgMax struct {
	Axis int
	Last bool
}

// Order is, for every line along an axis, the indices, held as numbers, that sort it: the index of the smallest element first, or
// that of the largest. Equal elements keep their order, and NaN comes last. With [GatherElements] it is ONNX TopK.
type Order struct {
	Axis       int
	Descending bool
}

// ArgMax is the index of the first maximum along an axis, or of the last.
func (x Expr) ArgMax(axis int, last bool) Expr { return x.with(ArgMax{axis, last}) }

// Order is the indices that sort every line along an axis, see [Order].
func (x Expr) Order(axis int, descending bool) Expr { return x.with(Order{axis, descending}) }

// Arity is 1.
func (ArgMax) Arity() int { return 1 }

// Arity is 1.
func (Order) Arity() int { return 1 }

// Shape drops the axis.
func (o ArgMax) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape, err := ranked(in[0], o.Axis)
	if err != nil {
		return nil, err
	}
	if shape[o.Axis] == 0 {
		return nil, fmt.Errorf("shape %v: there is no maximum of nothing", in[0])
	}
	return slices.Delete(shape, o.Axis, o.Axis+1), nil
}

// Shape is the input's.
func (o Order) Shape(in ...tensor.Shape) (tensor.Shape, error) { return ranked(in[0], o.Axis) }

// ranked is the input's shape, whose axis is short enough for indices along it.
func ranked(in tensor.Shape, axis int) (tensor.Shape, error) {
	shape, err := sameShape(in, axis)
	if err != nil {
		return nil, err
	}
	return shape, distinguishable(float64(shape[axis]))
}

// Constant reports that an index has no gradient.
func (ArgMax) Constant(int) bool { return true }

// Constant reports that an index has no gradient.
func (Order) Constant(int) bool { return true }

// Gradient vanishes.
func (ArgMax) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Gradient vanishes.
func (Order) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Eval32 is the kernel in float32.
func (o ArgMax) Eval32(out Tensor[float32], in ...Tensor[float32]) { argMax(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o ArgMax) Eval64(out Tensor[float64], in ...Tensor[float64]) { argMax(o, out, in[0]) }

// Eval32 is the kernel in float32.
func (o Order) Eval32(out Tensor[float32], in ...Tensor[float32]) { order(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o Order) Eval64(out Tensor[float64], in ...Tensor[float64]) { order(o, out, in[0]) }

func argMax[T Float](o ArgMax, out, x Tensor[T]) {
	position := 0
	eachAlong(o.Axis, x.Shape, func(first, stride, n int) {
		best := 0
		for i := range n {
			c := compare(x.Data[first+i*stride], x.Data[first+best*stride])
			if c > 0 || c == 0 && o.Last {
				best = i
			}
		}
		out.Data[position] = T(best)
		position++
	})
}

func order[T Float](o Order, out, x Tensor[T]) {
	indices := make([]int, x.Shape[o.Axis])
	eachAlong(o.Axis, x.Shape, func(first, stride, n int) {
		for i := range indices {
			indices[i] = i
		}
		slices.SortStableFunc(indices, func(i, j int) int {
			a, b := x.Data[first+i*stride], x.Data[first+j*stride]
			if o.Descending && a == a && b == b {
				a, b = b, a
			}
			return compare(a, b)
		})
		for i, index := range indices {
			out.Data[first+i*stride] = T(index)
		}
	})
}

// compare orders numbers with NaN, which equals itself, above all.
func compare[T Float](a, b T) int {
	if a != a || b != b {
		return -cmp.Compare(a, b)
	}
	return cmp.Compare(a, b)
}

// eachAlong calls f for every line along an axis, in row-major order: with its first element, and its length and stride.
func eachAlong(axis int, shape tensor.Shape, f func(first, stride, n int)) {
	n, stride := shape[axis], shape[axis+1:].TotalSize()
	for lead := range shape[:axis].TotalSize() {
		for offset := range stride {
			f(lead*n*stride+offset, stride, n)
		}
	}
}
