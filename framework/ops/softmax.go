package ops

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

// Softmax is eˣ / Σ eˣ along an axis: ONNX Softmax of opset 13.
type Softmax struct{ Axis int }

// Arity is 1.
func (Softmax) Arity() int { return 1 }

// Shape is the input's.
func (o Softmax) Shape(in ...tensor.Shape) (tensor.Shape, error) { return sameShape(in[0], o.Axis) }

// Gradient is y·(g − Σ g·y).
func (o Softmax) Gradient(_ []Expr, y, g Expr) []Expr {
	return []Expr{y.Mul(g.Sub(g.Mul(y).Sum(true, o.Axis)))}
}

// Eval32 computes in float64 and rounds.
func (o Softmax) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	softmax(o.Axis, out, in[0], softmaxLine)
}

// Eval64 is the kernel in float64.
func (o Softmax) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	softmax(o.Axis, out, in[0], softmaxLine)
}

// LogSoftmax is x − log Σ eˣ along an axis: ONNX LogSoftmax of opset 13.
type LogSoftmax struct{ Axis int }

// Arity is 1.
func (LogSoftmax) Arity() int { return 1 }

// Shape is the input's.
func (o LogSoftmax) Shape(in ...tensor.Shape) (tensor.Shape, error) { return sameShape(in[0], o.Axis) }

// Gradient is g − eʸ·Σ g.
func (o LogSoftmax) Gradient(_ []Expr, y, g Expr) []Expr {
	return []Expr{g.Sub(y.Exp().Mul(g.Sum(true, o.Axis)))}
}

// Eval32 computes in float64 and rounds.
func (o LogSoftmax) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	softmax(o.Axis, out, in[0], logSoftmaxLine)
}

// Eval64 is the kernel in float64.
func (o LogSoftmax) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	softmax(o.Axis, out, in[0], logSoftmaxLine)
}

func sameShape(in tensor.Shape, axis int) (tensor.Shape, error) {
	if axis < 0 || axis >= len(in) {
		return nil, fmt.Errorf("axis %d is not an axis of shape %v", axis, in)
	}
	return in.Clone(), nil
}

// softmax hands every line along the axis to f, which replaces its numbers.
func softmax[T Float](axis int, out, x Tensor[T], f func(line []float64)) {
	stride := x.Shape[axis+1:].TotalSize()
	line := make([]float64, x.Shape[axis])
	for first := 0; first < len(x.Data); first += stride * len(line) {
		for offset := first; offset < first+stride; offset++ {
			for i := range line {
				line[i] = float64(x.Data[offset+i*stride])
			}
			f(line)
			for i, v := range line {
				out.Data[offset+i*stride] = T(v)
			}
		}
	}
}

func softmaxLine(line []float64) {
	largest, sum := sumExp(line)
	for i, v := range line {
		line[i] = math.Exp(v-largest) / sum
	}
}

func logSoftmaxLine(line []float64) {
	largest, sum := sumExp(line)
	for i, v := range line {
		line[i] = v - largest - math.Log(sum)
	}
}

// sumExp returns the largest number of the line, and the sum of the exponentials relative to it, which do not overflow.
func sumExp(line []float64) (largest, sum float64) {
	largest = slices.Max(line)
	for _, v := range line {
		sum += math.Exp(v - largest)
	}
	return largest, sum
}

// OneHot turns class indices, held as numbers, of shape (n) into rows of shape (n, Classes): one at the index, zero elsewhere.
// An index that is no class gives a row of zeros.
type OneHot struct{ Classes int }

// Arity is 1.
func (OneHot) Arity() int { return 1 }

// Shape is (n, Classes).
func (o OneHot) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in[0]) != 1 || o.Classes < 1 {
		return nil, fmt.Errorf("shape %v with %d classes: want one axis of indices and at least one class", in[0], o.Classes)
	}
	return tensor.Shape{in[0][0], o.Classes}, nil
}

// Constant reports that an index has no gradient.
func (OneHot) Constant(int) bool { return true }

// Gradient vanishes.
func (OneHot) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Eval32 is the kernel in float32.
func (o OneHot) Eval32(out Tensor[float32], in ...Tensor[float32]) { oneHot(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o OneHot) Eval64(out Tensor[float64], in ...Tensor[float64]) { oneHot(o, out, in[0]) }

func oneHot[T Float](o OneHot, out, x Tensor[T]) {
	for row, v := range x.Data {
		for class := range o.Classes {
			hot := T(0)
			if v == T(class) {
				hot = 1
			}
			out.Data[row*o.Classes+class] = hot
		}
	}
}
