package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Arithmetic is a differentiable function of two numbers.
type Arithmetic string

// The functions of [Binary].
const (
	Add Arithmetic = "add"
	Sub Arithmetic = "sub"
	Mul Arithmetic = "mul"
	Div Arithmetic = "div"
)

// Binary applies a function to two tensors element by element, with the broadcasting of ONNX (and NumPy): shapes are aligned at
// their last axis, and an axis of size one or a missing axis is repeated. ONNX Add, Sub, Mul, Div.
type Binary struct{ Func Arithmetic }

// Arity is 2.
func (Binary) Arity() int { return 2 }

// Shape is the broadcast of both.
func (o Binary) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	switch o.Func {
	case Add, Sub, Mul, Div:
		return Broadcast(in[0], in[1])
	}
	return nil, fmt.Errorf("%q is no arithmetic", o.Func)
}

// Gradient sums over the axes that were repeated.
func (o Binary) Gradient(in []Expr, out, g Expr) []Expr {
	a, b := in[0], in[1]
	var da, db Expr
	switch o.Func {
	case Add:
		da, db = g, g
	case Sub:
		da, db = g, g.Neg()
	case Mul:
		da, db = g.Mul(b), g.Mul(a)
	case Div:
		da = g.Div(b)
		db = da.Mul(out).Neg()
	}
	return []Expr{da.SumTo(a.Shape()), db.SumTo(b.Shape())}
}

// Eval32 is the kernel in float32.
func (o Binary) Eval32(out Tensor[float32], in ...Tensor[float32]) { combine(o, out, in[0], in[1]) }

// Eval64 is the kernel in float64.
func (o Binary) Eval64(out Tensor[float64], in ...Tensor[float64]) { combine(o, out, in[0], in[1]) }

func combine[T Float](o Binary, out, a, b Tensor[T]) {
	x, dx := operand(a, out.Shape)
	y, dy := operand(b, out.Shape)
	switch o.Func {
	case Add:
		for i := range out.Data {
			out.Data[i] = x[i*dx] + y[i*dy]
		}
	case Sub:
		for i := range out.Data {
			out.Data[i] = x[i*dx] - y[i*dy]
		}
	case Mul:
		for i := range out.Data {
			out.Data[i] = x[i*dx] * y[i*dy]
		}
	case Div:
		for i := range out.Data {
			out.Data[i] = x[i*dx] / y[i*dy]
		}
	}
}

// operand returns the elements of x repeated to shape, and how far the next one is: a single number is not repeated in memory.
func operand[T Float](x Tensor[T], shape tensor.Shape) (elements []T, distance int) {
	if len(x.Data) == 1 {
		return x.Data, 0
	}
	return expand(x, shape), 1
}

// Expand repeats the input to the shape Dims, by the rules of broadcasting: ONNX Expand with a shape that contains the input's.
type Expand struct{ Dims []int }

// Arity is 1.
func (Expand) Arity() int { return 1 }

// Shape is Dims.
func (o Expand) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := positive(o.Dims); err != nil {
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
	gather(data, x.Data, shape, repeating(x.Shape, shape))
	return data
}
