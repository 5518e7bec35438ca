package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Reshape gives the elements the shape Dims, in row-major order: ONNX Reshape and Flatten, their special values resolved.
type Reshape struct{ Dims []int }

// Arity is 1.
func (Reshape) Arity() int { return 1 }

// Shape is Dims, which must have as many elements as the input.
func (o Reshape) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape := tensor.Shape(o.Dims).Clone()
	if err := countable(shape); err != nil {
		return nil, err
	}
	if product(shape) != product(in[0]) {
		return nil, fmt.Errorf("shape %v has %.0f elements, shape %v has %.0f", in[0], product(in[0]), shape, product(shape))
	}
	return shape, nil
}

// Gradient is g in the input's shape.
func (Reshape) Gradient(in []Expr, _, g Expr) []Expr { return []Expr{g.Reshape(in[0].Shape()...)} }

// Eval32 copies.
func (Reshape) Eval32(out Tensor[float32], in ...Tensor[float32]) { copy(out.Data, in[0].Data) }

// Eval64 copies.
func (Reshape) Eval64(out Tensor[float64], in ...Tensor[float64]) { copy(out.Data, in[0].Data) }

// Transpose makes axis Perm[i] of the input the axis i of the output: ONNX Transpose.
type Transpose struct{ Perm []int }

// Arity is 1.
func (Transpose) Arity() int { return 1 }

// Shape permutes the dimensions.
func (o Transpose) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	sorted := slices.Sorted(slices.Values(o.Perm))
	for i, axis := range sorted {
		if axis != i {
			return nil, fmt.Errorf("%v is not a permutation of axes", o.Perm)
		}
	}
	if len(o.Perm) != len(in[0]) {
		return nil, fmt.Errorf("%v permutes %d axes, shape %v has %d", o.Perm, len(o.Perm), in[0], len(in[0]))
	}
	shape := make(tensor.Shape, len(o.Perm))
	for i, axis := range o.Perm {
		shape[i] = in[0][axis]
	}
	return shape, nil
}

// Gradient is g transposed back.
func (o Transpose) Gradient(_ []Expr, _, g Expr) []Expr {
	inverse := make([]int, len(o.Perm))
	for i, axis := range o.Perm {
		inverse[axis] = i
	}
	return []Expr{g.Transpose(inverse...)}
}

// Eval32 is the kernel in float32.
func (o Transpose) Eval32(out Tensor[float32], in ...Tensor[float32]) { transpose(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o Transpose) Eval64(out Tensor[float64], in ...Tensor[float64]) { transpose(o, out, in[0]) }

func transpose[T Float](o Transpose, out, x Tensor[T]) {
	strides := RowMajor(x.Shape)
	permuted := make([]int, len(strides))
	for i, axis := range o.Perm {
		permuted[i] = strides[axis]
	}
	gather(out.Data, x.Data, 0, out.Shape, permuted)
}
