package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// ReduceSum sums over the axes, which are distinct and count from zero; Keep leaves an axis of size one in the place of each.
// ONNX ReduceSum, and through it ReduceMean and GlobalAveragePool.
type ReduceSum struct {
	Axes []int
	Keep bool
}

// Arity is 1.
func (ReduceSum) Arity() int { return 1 }

// Shape drops the axes, or keeps them with size one.
func (o ReduceSum) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	kept := in[0].Clone()
	for _, axis := range o.Axes {
		if axis < 0 || axis >= len(kept) {
			return nil, fmt.Errorf("axis %d is not an axis of shape %v", axis, in[0])
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
		case o.Keep:
			shape = append(shape, 1)
		}
	}
	return shape, nil
}

// Gradient repeats g along the axes.
func (o ReduceSum) Gradient(in []Expr, _, g Expr) []Expr {
	shape := in[0].Shape()
	return []Expr{g.Reshape(o.keptShape(shape)...).Expand(shape...)}
}

func (o ReduceSum) keptShape(in tensor.Shape) tensor.Shape {
	kept := in.Clone()
	for _, axis := range o.Axes {
		kept[axis] = 1
	}
	return kept
}

// Eval32 accumulates in float64.
func (o ReduceSum) Eval32(out Tensor[float32], in ...Tensor[float32]) { reduceSum(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o ReduceSum) Eval64(out Tensor[float64], in ...Tensor[float64]) { reduceSum(o, out, in[0]) }

func reduceSum[T Float](o ReduceSum, out, x Tensor[T]) {
	sums := make([]float64, len(out.Data))
	scatterAdd(sums, x.Data, x.Shape, repeating(o.keptShape(x.Shape), x.Shape))
	for i, s := range sums {
		out.Data[i] = T(s)
	}
}
