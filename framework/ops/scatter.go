package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// ScatterReduce combines the elements of its first input with those updates, its second input, that the indices, its third, send there
// along the axis, by Mul or Max; any number of updates may meet in one place. Indices are as in [ScatterAddElements]. Equal maxima
// share the gradient equally. ONNX ScatterElements with reduction mul or max and, of the negatives, min.
//
// A product's first derivatives are right everywhere. Its second ones are where no two updates that meet are both zero; there PyTorch
// has none.
type ScatterReduce struct {
	Axis int
	Func Arithmetic // Mul or Max
}

// Arity is 3: elements, updates and indices.
func (ScatterReduce) Arity() int { return 3 }

// Shape is the first input's.
func (o ScatterReduce) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if o.Func != Mul && o.Func != Max {
		return nil, fmt.Errorf("updates are combined by mul or max, not by %q", o.Func)
	}
	return ScatterAddElements{o.Axis, in[0]}.Shape(in[1], in[2])
}

// Constant reports that indices have no gradient.
func (ScatterReduce) Constant(i int) bool { return i == 2 }

// Gradient is that of a product or of a maximum of as many factors or numbers as meet.
func (o ScatterReduce) Gradient(in []Expr, out, g Expr) []Expr {
	if o.Func == Max {
		return o.shares(in, out, g)
	}
	return o.otherFactors(in, out, g)
}

// shares divides g among the elements and updates that equal the maximum.
func (o ScatterReduce) shares(in []Expr, out, g Expr) []Expr {
	x, updates, indices := in[0], in[1], in[2]
	isElement := x.Equal(out)
	isUpdate := updates.Equal(o.fetch(out, indices))
	share := g.Div(isElement.Add(o.sum(isUpdate, indices, x.Shape())))
	return []Expr{isElement.Mul(share), isUpdate.Mul(o.fetch(share, indices)), {}}
}

// otherFactors multiplies g by the product of all other factors: the product of the updates for an element; for an update the product
// divided by it, or, where it is the only zero, the product with a one in its place.
func (o ScatterReduce) otherFactors(in []Expr, out, g Expr) []Expr {
	x, updates, indices := in[0], in[1], in[2]
	zero := updates.Equal(updates.Fill(0))
	alone := zero.Mul(o.fetch(o.sum(zero, indices, x.Shape()), indices).Equal(zero))
	without := x.with(o, alone.Where(updates.Fill(1), updates), indices)
	divided := o.fetch(g.Mul(out), indices).Div(zero.Where(updates.Fill(1), updates))
	return []Expr{
		g.Mul(x.Fill(1).with(o, updates, indices)),
		alone.Where(o.fetch(g.Mul(without), indices), divided),
		{},
	}
}

// fetch reads what stands where the indices send updates.
func (o ScatterReduce) fetch(x, indices Expr) Expr { return x.with(GatherElements{o.Axis}, indices) }

// sum adds updates up where the indices send them, in zeros.
func (o ScatterReduce) sum(updates, indices Expr, shape tensor.Shape) Expr {
	return updates.with(ScatterAddElements{o.Axis, shape.Clone()}, indices)
}

// Eval32 is the kernel in float32.
func (o ScatterReduce) Eval32(out Tensor[float32], in ...Tensor[float32]) { scatterReduce(o, out, in) }

// Eval64 is the kernel in float64.
func (o ScatterReduce) Eval64(out Tensor[float64], in ...Tensor[float64]) { scatterReduce(o, out, in) }

func scatterReduce[T Float](o ScatterReduce, out Tensor[T], in []Tensor[T]) {
	x, updates, indices := in[0], in[1], in[2]
	copy(out.Data, x.Data)
	if o.Func == Mul {
		namedElements(o.Axis, out.Shape, indices, func(taken, named int) { out.Data[named] *= updates.Data[taken] })
		return
	}
	namedElements(o.Axis, out.Shape, indices, func(taken, named int) {
		out.Data[named] = max(out.Data[named], updates.Data[taken])
	})
}
