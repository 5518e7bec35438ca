package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Unary applies a function to every element. ONNX has an operator of the same name for each function but Step and Trunc.
type Unary struct{ Func Function }

// Arity is 1.
func (Unary) Arity() int { return 1 }

// Shape is the input's.
func (o Unary) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if _, ok := functions[o.Func]; !ok {
		return nil, fmt.Errorf("%q is no function", o.Func)
	}
	return in[0].Clone(), nil
}

// Constant reports that the steps between constants have no gradient.
func (o Unary) Constant(int) bool { return functions[o.Func].derivative == nil }

// Gradient multiplies by the derivative.
func (o Unary) Gradient(in []Expr, out, g Expr) []Expr {
	if o.Constant(0) {
		return []Expr{{}}
	}
	return []Expr{functions[o.Func].derivative(in[0], out, g)}
}

// Eval32 computes in float64 and rounds.
func (o Unary) Eval32(out Tensor[float32], in ...Tensor[float32]) { mapElements(o, out, in[0]) }

// Eval64 computes in float64.
func (o Unary) Eval64(out Tensor[float64], in ...Tensor[float64]) { mapElements(o, out, in[0]) }

func mapElements[T Float](o Unary, out, x Tensor[T]) {
	if o.Func == Relu { // without branches that no processor predicts
		for i, v := range x.Data {
			out.Data[i] = max(v, 0)
		}
		return
	}
	f := functions[o.Func].value
	for i, v := range x.Data {
		out.Data[i] = T(f(float64(v)))
	}
}

// Affine is Scale·x + Shift for every element. Its numbers are part of the graph; what changes from step to step is an input.
type Affine struct{ Scale, Shift float64 }

// Arity is 1.
func (Affine) Arity() int { return 1 }

// Shape is the input's.
func (Affine) Shape(in ...tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }

// Gradient is Scale·g.
func (o Affine) Gradient(_ []Expr, _, g Expr) []Expr { return []Expr{g.Scale(o.Scale)} }

// Eval32 is the kernel in float32.
func (o Affine) Eval32(out Tensor[float32], in ...Tensor[float32]) { affine(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o Affine) Eval64(out Tensor[float64], in ...Tensor[float64]) { affine(o, out, in[0]) }

func affine[T Float](o Affine, out, x Tensor[T]) {
	a, b := T(o.Scale), T(o.Shift)
	for i, v := range x.Data {
		out.Data[i] = a*v + b
	}
}

// Fill is Value for every element, whatever the input holds, NaN included.
type Fill struct{ Value float64 }

// Arity is 1.
func (Fill) Arity() int { return 1 }

// Shape is the input's.
func (Fill) Shape(in ...tensor.Shape) (tensor.Shape, error) { return in[0].Clone(), nil }

// Constant reports that the input does not matter.
func (Fill) Constant(int) bool { return true }

// Gradient vanishes.
func (Fill) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Eval32 is the kernel in float32.
func (o Fill) Eval32(out Tensor[float32], _ ...Tensor[float32]) { fill(out.Data, float32(o.Value)) }

// Eval64 is the kernel in float64.
func (o Fill) Eval64(out Tensor[float64], _ ...Tensor[float64]) { fill(out.Data, o.Value) }

func fill[T Float](data []T, v T) {
	for i := range data {
		data[i] = v
	}
}
