package ops

import (
	"fmt"
	"math"
	"slices"

	"gorgonia.org/tensor"
)

// ReduceSum sums over the axes, which are distinct and count from zero; Keep leaves an axis of size one in the place of each.
// ONNX ReduceSum, and through it ReduceMean and GlobalAveragePool.
type ReduceSum struct {
	Axes []int
	Keep bool
}

// ReduceMax is the maximum over the axes, which are as in [ReduceSum]; NaN if one element is. Equal maxima share the gradient
// equally. ONNX ReduceMax.
type ReduceMax struct {
	Axes []int
	Keep bool
}

// ReduceMax is the maximum over the axes, or over all if none is given; keep leaves a one in their place.
func (x Expr) ReduceMax(keep bool, axes ...int) Expr {
	return x.with(ReduceMax{Axes: x.axesOrAll(axes), Keep: keep})
}

// ReduceMin is the minimum over the axes, or over all if none is given; keep leaves a one in their place.
func (x Expr) ReduceMin(keep bool, axes ...int) Expr { return x.Neg().ReduceMax(keep, axes...).Neg() }

// ReduceProd is the product over the axes, or over all if none is given; keep leaves a one in their place.
func (x Expr) ReduceProd(keep bool, axes ...int) Expr {
	if x.err != nil {
		return x
	}
	axes = x.axesOrAll(axes)
	shape, err := reduced(x.Shape(), axes, keep)
	if err != nil {
		return Failed(fmt.Errorf("a product: %w", err))
	}
	for _, axis := range axes {
		x = x.productAlong(axis)
	}
	return x.Reshape(shape...)
}

// productAlong multiplies the halves along an axis until one element is left. The product of none is one.
func (x Expr) productAlong(axis int) Expr {
	if x.Shape()[axis] == 0 {
		return x.Sum(true, axis).Fill(1)
	}
	for x.err == nil && x.Shape()[axis] > 1 {
		n := x.Shape()[axis]
		half := n / 2
		product := x.Narrow(axis, 0, half).Mul(x.Narrow(axis, half, 2*half))
		if n%2 == 1 {
			product = Concatenate(axis, product, x.Narrow(axis, n-1, n))
		}
		x = product
	}
	return x
}

func (x Expr) axesOrAll(axes []int) []int {
	if len(axes) > 0 {
		return slices.Clone(axes)
	}
	all := make([]int, x.Rank())
	for i := range all {
		all[i] = i
	}
	return all
}

// Arity is 1.
func (ReduceSum) Arity() int { return 1 }

// Arity is 1.
func (ReduceMax) Arity() int { return 1 }

// Shape drops the axes, or keeps them with size one.
func (o ReduceSum) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	return reduced(in[0], o.Axes, o.Keep)
}

// Shape drops the axes, or keeps them with size one.
func (o ReduceMax) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape, err := reduced(in[0], o.Axes, o.Keep)
	if err == nil && product(in[0]) == 0 && product(shape) > 0 {
		return nil, fmt.Errorf("shape %v: there is no maximum of nothing", in[0])
	}
	return shape, err
}

// reduced drops axes of a shape, or keeps them with size one.
func reduced(in tensor.Shape, axes []int, keep bool) (tensor.Shape, error) {
	kept := in.Clone()
	for _, axis := range axes {
		if axis < 0 || axis >= len(kept) {
			return nil, fmt.Errorf("axis %d is not an axis of shape %v", axis, in)
		}
		if kept[axis] < 0 {
			return nil, fmt.Errorf("axis %d is named twice", axis)
		}
		kept[axis] = -1
	}
	shape := tensor.Shape{}
	for _, n := range kept {
		switch {
		case n >= 0:
			shape = append(shape, n)
		case keep:
			shape = append(shape, 1)
		}
	}
	return shape, nil
}

// Gradient repeats g along the axes.
func (o ReduceSum) Gradient(in []Expr, _, g Expr) []Expr {
	shape := in[0].Shape()
	return []Expr{g.Reshape(keptShape(shape, o.Axes)...).Expand(shape...)}
}

// Gradient divides g among the elements that equal the maximum.
func (o ReduceMax) Gradient(in []Expr, out, g Expr) []Expr {
	kept := keptShape(in[0].Shape(), o.Axes)
	maximal := in[0].Equal(out.Reshape(kept...))
	return []Expr{maximal.Mul(g.Reshape(kept...).Div(maximal.SumTo(kept)))}
}

// keptShape is the shape with size one in the place of the axes.
func keptShape(in tensor.Shape, axes []int) tensor.Shape {
	kept := in.Clone()
	for _, axis := range axes {
		kept[axis] = 1
	}
	return kept
}

// Eval32 accumulates in float64.
func (o ReduceSum) Eval32(out Tensor[float32], in ...Tensor[float32]) { reduceSum(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o ReduceSum) Eval64(out Tensor[float64], in ...Tensor[float64]) { reduceSum(o, out, in[0]) }

// Eval32 is the kernel in float32.
func (o ReduceMax) Eval32(out Tensor[float32], in ...Tensor[float32]) { reduceMax(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o ReduceMax) Eval64(out Tensor[float64], in ...Tensor[float64]) { reduceMax(o, out, in[0]) }

func reduceSum[T Float](o ReduceSum, out, x Tensor[T]) {
	sums := make([]float64, len(out.Data))
	scatterAdd(sums, x.Data, x.Shape, Repeating(keptShape(x.Shape, o.Axes), x.Shape))
	for i, s := range sums {
		out.Data[i] = T(s)
	}
}

func reduceMax[T Float](o ReduceMax, out, x Tensor[T]) {
	fill(out.Data, T(math.Inf(-1)))
	shape, walks := Joined(x.Shape, Repeating(keptShape(x.Shape, o.Axes), x.Shape))
	length, stride := line(shape, walks[0])
	eachLine(shape, walks, func(at int, places []int) {
		for i, v := range x.Data[at : at+length] {
			to := places[0] + i*stride
			out.Data[to] = max(out.Data[to], v)
		}
	})
}
