package plan

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/tensor"
)

// apply returns the value of an operator: an older one that is equal, or one that is simpler.
func (g *graph) apply(op ops.Operator, shape tensor.Shape, in ...*value) *value {
	if v := g.known(op, shape, in); v != nil {
		return v
	}
	if v := g.simpler(op, shape, in); v != nil {
		return v
	}
	k := identity(op, in)
	if v := g.merged[k]; v != nil {
		return v
	}
	v := g.folded(op, shape, in)
	if v == nil {
		v = g.add(&value{shape: shape, op: op, in: in})
	}
	g.merged[k] = v
	return v
}

// known computes what follows from numbers that are the same everywhere. It returns nil if nothing does.
func (g *graph) known(op ops.Operator, shape tensor.Shape, in []*value) *value {
	if fill, is := op.(ops.Fill); is {
		return g.filled(shape, fill.Value)
	}
	for _, x := range in {
		if x.known == nil {
			return nil
		}
	}
	switch op := op.(type) {
	case ops.Unary, ops.Binary, ops.Affine, ops.Clamp, ops.Within, ops.Where:
		return g.filled(shape, g.evaluateOne(op, in))
	case ops.Reshape, ops.Expand, ops.Transpose, ops.Slice, ops.ReduceMax:
		return g.filled(shape, *in[0].known)
	case ops.ReduceSum:
		return g.filled(shape, *in[0].known*float64(in[0].size)/float64(shape.TotalSize()))
	}
	return nil
}

// evaluateOne applies an elementwise operator to numbers.
func (g *graph) evaluateOne(op ops.Operator, in []*value) float64 {
	operands := make([]ops.Tensor[float64], len(in))
	for i, x := range in {
		operands[i] = ops.Tensor[float64]{Shape: tensor.Shape{}, Data: []float64{*x.known}}
	}
	out := ops.Tensor[float64]{Shape: tensor.Shape{}, Data: make([]float64, 1)}
	op.Eval64(out, operands...)
	return out.Data[0]
}

// simpler returns another way to the same value, or nil.
func (g *graph) simpler(op ops.Operator, shape tensor.Shape, in []*value) *value {
	switch op := op.(type) {
	case ops.Reshape:
		return g.view(shape, in[0])
	case ops.Expand:
		if shape.TotalSize() == in[0].size {
			return g.viewAs(shape, in[0])
		}
	case ops.Affine:
		return g.affine(op, shape, in[0])
	case ops.Binary:
		return g.withNumber(op.Func, shape, in[0], in[1])
	case ops.ReduceSum:
		if shape.TotalSize() == in[0].size {
			return g.viewAs(shape, in[0])
		}
		return g.factored(op, shape, in[0])
	case ops.Transpose:
		if movesNothing(op.Perm, in[0].shape) {
			return g.viewAs(shape, in[0])
		}
	case ops.MatMul:
		return g.withoutTransposes(op, shape, in[0], in[1])
	case ops.OneHot:
		return g.apply(ops.Binary{Func: ops.Equal}, shape, g.viewAs(tensor.Shape{in[0].size, 1}, in[0]), g.counting(op.Classes))
	}
	return nil
}

// counting is a row of the numbers 0, 1, 2, …
func (g *graph) counting(n int) *value {
	k := fmt.Sprintf("%d numbers from 0", n)
	if v := g.merged[k]; v != nil {
		return v
	}
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = float64(i)
	}
	v := g.add(&value{shape: tensor.Shape{1, n}, input: &program.Input{Source: program.FromConstant, Value: array.From64(numbers)}})
	g.merged[k] = v
	return v
}

// viewAs is the same elements in another shape.
func (g *graph) viewAs(shape tensor.Shape, x *value) *value {
	return g.apply(ops.Reshape{Dims: slices.Clone(shape)}, shape, x)
}

// view skips views of views, and views in the same shape.
func (g *graph) view(shape tensor.Shape, x *value) *value {
	if slices.Equal(shape, x.shape) {
		return x
	}
	if _, again := x.op.(ops.Reshape); again {
		return g.viewAs(shape, x.in[0])
	}
	return nil
}

// affine merges an affine map into the one before.
func (g *graph) affine(op ops.Affine, shape tensor.Shape, x *value) *value {
	if op == (ops.Affine{Scale: 1}) {
		return x
	}
	inner, again := x.op.(ops.Affine)
	if !again {
		return nil
	}
	scale, shift := op.Scale*inner.Scale, op.Scale*inner.Shift+op.Shift
	if math.IsInf(scale, 0) || math.IsInf(shift, 0) || scale == 0 {
		return nil
	}
	return g.apply(ops.Affine{Scale: scale, Shift: shift}, shape, x.in[0])
}

// withNumber makes sums with a number, and products, affine maps.
func (g *graph) withNumber(f ops.Arithmetic, shape tensor.Shape, a, b *value) *value {
	var op ops.Affine
	x := a
	switch {
	case b.known != nil && f == ops.Add:
		op = ops.Affine{Scale: 1, Shift: *b.known}
	case b.known != nil && f == ops.Sub:
		op = ops.Affine{Scale: 1, Shift: -*b.known}
	case b.known != nil && f == ops.Mul:
		op = ops.Affine{Scale: *b.known}
	case a.known != nil && f == ops.Add:
		op, x = ops.Affine{Scale: 1, Shift: *a.known}, b
	case a.known != nil && f == ops.Sub:
		op, x = ops.Affine{Scale: -1, Shift: *a.known}, b
	case a.known != nil && f == ops.Mul:
		op, x = ops.Affine{Scale: *a.known}, b
	default:
		return nil
	}
	if !slices.Equal(x.shape, shape) || math.IsInf(op.Scale, 0) || math.IsInf(op.Shift, 0) {
		return nil
	}
	return g.apply(op, shape, x)
}

// movesNothing reports whether a permutation leaves the axes longer than one in their order.
func movesNothing(perm []int, shape tensor.Shape) bool {
	last := -1
	for _, axis := range perm {
		if shape[axis] == 1 {
			continue
		}
		if axis < last {
			return false
		}
		last = axis
	}
	return true
}

// withoutTransposes lets a product read its operands as they were before their last two axes were swapped.
func (g *graph) withoutTransposes(op ops.MatMul, shape tensor.Shape, a, b *value) *value {
	plainA, swappedA := unswapped(a)
	plainB, swappedB := unswapped(b)
	if !swappedA && !swappedB {
		return nil
	}
	op.TransA = op.TransA != swappedA
	op.TransB = op.TransB != swappedB
	return g.apply(op, shape, plainA, plainB)
}

func unswapped(x *value) (plain *value, swapped bool) {
	t, is := x.op.(ops.Transpose)
	if !is {
		return x, false
	}
	n := len(t.Perm)
	for i, axis := range t.Perm[:max(0, n-2)] {
		if axis != i {
			return x, false
		}
	}
	if n < 2 || t.Perm[n-1] != n-2 {
		return x, false
	}
	return x.in[0], true
}

// maxFolded bounds the constants that are computed while a graph is compiled.
const maxFolded = 1 << 22

// folded computes an operator on constants by its reference kernel, or returns nil.
func (g *graph) folded(op ops.Operator, shape tensor.Shape, in []*value) *value {
	if !g.fold || shape.TotalSize() > maxFolded || len(in) == 0 {
		return nil
	}
	for _, x := range in {
		if x.known == nil && (x.input == nil || x.input.Source != program.FromConstant) {
			return nil
		}
	}
	held := &program.Input{Source: program.FromConstant}
	if err := guard(func() {
		if g.precision == array.Float64 {
			held.Value = array.From64(evaluate(op.Eval64, shape, in, func(x *value) []float64 { return x.numbers(g.precision).F64 }))
		} else {
			held.Value = array.From32(evaluate(op.Eval32, shape, in, func(x *value) []float32 { return x.numbers(g.precision).F32 }))
		}
	}); err != nil {
		return nil // it fails when it runs, with an error that says where
	}
	return g.add(&value{shape: shape, input: held})
}

func evaluate[T ops.Float](kernel func(ops.Tensor[T], ...ops.Tensor[T]), shape tensor.Shape, in []*value, data func(*value) []T) []T {
	operands := make([]ops.Tensor[T], len(in))
	for i, x := range in {
		operands[i] = ops.Tensor[T]{Shape: x.shape, Data: data(x)}
	}
	out := ops.Tensor[T]{Shape: shape, Data: make([]T, shape.TotalSize())}
	kernel(out, operands...)
	return out.Data
}

// numbers returns the elements of a constant.
func (v *value) numbers(d array.DType) array.Array {
	if v.known == nil {
		return v.input.Value.As(d)
	}
	a := array.New(d, v.size)
	for i := range v.size {
		a.Set(i, *v.known)
	}
	return a
}
