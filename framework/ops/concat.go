package ops

import (
	"errors"
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Concat joins as many tensors as Inputs says along an axis; their other dimensions agree. ONNX Concat.
type Concat struct{ Axis, Inputs int }

// Concatenate joins the parts, of which there is at least one, along an axis.
func Concatenate(axis int, parts ...Expr) Expr { return Apply(Concat{axis, len(parts)}, parts...) }

// Arity is Inputs.
func (o Concat) Arity() int { return o.Inputs }

// Shape adds up the dimensions along the axis.
func (o Concat) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in) == 0 {
		return nil, errors.New("there is nothing to join")
	}
	shape, err := sameShape(in[0], o.Axis)
	if err != nil {
		return nil, err
	}
	for _, part := range in[1:] {
		if !agreeBut(o.Axis, in[0], part) {
			return nil, fmt.Errorf("shapes %v and %v differ in more than axis %d", in[0], part, o.Axis)
		}
		shape[o.Axis] += part[o.Axis]
	}
	return shape, nil
}

// agreeBut reports whether two shapes agree in all axes but one.
func agreeBut(axis int, a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if i != axis && a[i] != b[i] {
			return false
		}
	}
	return true
}

// withoutEmpty leaves out the parts that are empty.
func (o Concat) withoutEmpty(_ tensor.Shape, in []Expr) Expr {
	parts := slices.DeleteFunc(slices.Clone(in), Expr.empty)
	if len(parts) == 1 {
		return parts[0]
	}
	return Concatenate(o.Axis, parts...)
}

// Gradient cuts g where the parts were joined.
func (o Concat) Gradient(in []Expr, _, g Expr) []Expr {
	gradients := make([]Expr, len(in))
	from := 0
	for i, part := range in {
		to := from + part.Shape()[o.Axis]
		gradients[i] = g.Narrow(o.Axis, from, to)
		from = to
	}
	return gradients
}

// Eval32 copies.
func (o Concat) Eval32(out Tensor[float32], in ...Tensor[float32]) { concat(o, out, in) }

// Eval64 copies.
func (o Concat) Eval64(out Tensor[float64], in ...Tensor[float64]) { concat(o, out, in) }

func concat[T Float](o Concat, out Tensor[T], parts []Tensor[T]) {
	at := 0
	for i := range out.Shape[:o.Axis].TotalSize() {
		for _, part := range parts {
			n := part.Shape[o.Axis:].TotalSize()
			at += copy(out.Data[at:], part.Data[i*n:(i+1)*n])
		}
	}
}
