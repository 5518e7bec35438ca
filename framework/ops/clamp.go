package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Clamp limits every element to the numbers from Min to Max, which may be infinite; where Min is above Max, all become Max. NaN
// stays NaN. ONNX Clip. The derivative is that of PyTorch's clamp: 1 inside, zero outside and at the limits.
type Clamp struct{ Min, Max float64 }

// Within is 1 for every element between Min and Max, else 0, also for both and for NaN: the derivative of [Clamp].
type Within struct{ Min, Max float64 }

// Clamp limits x to the numbers from lo to hi.
func (x Expr) Clamp(lo, hi float64) Expr { return x.with(Clamp{lo, hi}) }

// Arity is 1.
func (Clamp) Arity() int { return 1 }

// Arity is 1.
func (Within) Arity() int { return 1 }

// Shape is the input's.
func (o Clamp) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if o.Min != o.Min || o.Max != o.Max {
		return nil, fmt.Errorf("the limits %v and %v must be numbers", o.Min, o.Max)
	}
	return in[0].Clone(), nil
}

// Shape is the input's.
func (o Within) Shape(in ...tensor.Shape) (tensor.Shape, error) { return Clamp(o).Shape(in...) }

// Constant reports that the output has no gradient.
func (Within) Constant(int) bool { return true }

// Gradient is g between the limits.
func (o Clamp) Gradient(in []Expr, _, g Expr) []Expr { return []Expr{g.Mul(in[0].with(Within(o)))} }

// Gradient vanishes.
func (Within) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Eval32 is the kernel in float32.
func (o Clamp) Eval32(out Tensor[float32], in ...Tensor[float32]) { clamp(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o Clamp) Eval64(out Tensor[float64], in ...Tensor[float64]) { clamp(o, out, in[0]) }

// Eval32 is the kernel in float32.
func (o Within) Eval32(out Tensor[float32], in ...Tensor[float32]) { within(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o Within) Eval64(out Tensor[float64], in ...Tensor[float64]) { within(o, out, in[0]) }

func clamp[T Float](o Clamp, out, x Tensor[T]) {
	lo, hi := T(o.Min), T(o.Max)
	for i, v := range x.Data {
		out.Data[i] = min(max(v, lo), hi)
	}
}

func within[T Float](o Within, out, x Tensor[T]) {
	lo, hi := T(o.Min), T(o.Max)
	for i, v := range x.Data {
		out.Data[i] = 0
		if lo < v && v < hi {
			out.Data[i] = 1
		}
	}
}
