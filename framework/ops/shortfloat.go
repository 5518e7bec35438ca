package ops

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"gorgonia.org/tensor"
)

// ShortFloat rounds every element to the nearest number that a format of 16 bits has, the even one of two; what is too large becomes
// infinite. The gradient passes straight through, as in PyTorch: that of a staircase would be zero. ONNX Cast to FLOAT16 or BFLOAT16.
type ShortFloat struct{ Format Format }

// Format is a floating-point format of 16 bits.
type Format string

// The formats of [ShortFloat].
const (
	Float16  Format = "float16"
	BFloat16 Format = "bfloat16"
)

var formats = map[Format]array.ShortFloat{Float16: array.Float16, BFloat16: array.BFloat16}

// RoundTo rounds to numbers of a format of 16 bits, see [ShortFloat].
func (x Expr) RoundTo(f Format) Expr { return x.with(ShortFloat{f}) }

// Arity is 1.
func (ShortFloat) Arity() int { return 1 }

// Shape is the input's.
func (o ShortFloat) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if _, known := formats[o.Format]; !known {
		return nil, fmt.Errorf("%q is no format of 16 bits", o.Format)
	}
	return in[0].Clone(), nil
}

// Gradient is g.
func (ShortFloat) Gradient(_ []Expr, _, g Expr) []Expr { return []Expr{g} }

// Eval32 is the kernel in float32.
func (o ShortFloat) Eval32(out Tensor[float32], in ...Tensor[float32]) { shorten(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o ShortFloat) Eval64(out Tensor[float64], in ...Tensor[float64]) { shorten(o, out, in[0]) }

func shorten[T Float](o ShortFloat, out, x Tensor[T]) {
	format := formats[o.Format]
	for i, v := range x.Data {
		out.Data[i] = T(format.Round(float64(v)))
	}
}
