package ops

import (
	"fmt"
	"math"

	"gorgonia.org/tensor"
)

// Function is a differentiable function of one number.
type Function string

// The functions of [Unary]. At a kink the derivative is the one that frameworks agree on: zero for Relu, Step, Sign and Abs.
const (
	Exp     Function = "exp"
	Log     Function = "log"
	Sqrt    Function = "sqrt"
	Abs     Function = "abs"
	Sign    Function = "sign"
	Step    Function = "step" // 1 where x > 0, else 0
	Relu    Function = "relu"
	Tanh    Function = "tanh"
	Sigmoid Function = "sigmoid"
)

// functions holds, for each function, its value and the derivative times g, from the input x and the output y. Without a
// derivative the function is locally constant.
var functions = map[Function]struct {
	value      func(float64) float64
	derivative func(x, y, g Expr) Expr
}{
	Exp:     {math.Exp, func(_, y, g Expr) Expr { return g.Mul(y) }},
	Log:     {math.Log, func(x, _, g Expr) Expr { return g.Div(x) }},
	Sqrt:    {math.Sqrt, func(_, y, g Expr) Expr { return g.Div(y).Scale(0.5) }},
	Abs:     {math.Abs, func(x, _, g Expr) Expr { return g.Mul(x.Sign()) }},
	Sign:    {value: sign},
	Step:    {value: step},
	Relu:    {relu, func(x, _, g Expr) Expr { return g.Mul(x.Step()) }},
	Tanh:    {math.Tanh, func(_, y, g Expr) Expr { return g.Mul(y.Square().OneMinus()) }},
	Sigmoid: {sigmoid, func(_, y, g Expr) Expr { return g.Mul(y.Mul(y.OneMinus())) }},
}

func sign(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x < 0:
		return -1
	}
	return x // zero, or NaN
}

func step(x float64) float64 {
	switch {
	case x > 0:
		return 1
	case x <= 0:
		return 0
	}
	return x // NaN
}

func relu(x float64) float64 {
	if x <= 0 {
		return 0
	}
	return x
}

func sigmoid(x float64) float64 {
	if x < 0 { // e⁻ˣ would overflow
		e := math.Exp(x)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-x))
}

// Unary applies a function to every element: ONNX Exp, Log, Sqrt, Abs, Sign, Relu, Tanh, Sigmoid.
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

// Constant reports that Step and Sign have no gradient.
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
