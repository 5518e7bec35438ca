package ops

import (
	"cmp"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Expr is a tensor-valued expression: a node of a Gorgonia graph, a constant, or the error that prevented it. Errors stick: an
// expression over a failed one is that failure, so formulas are written without checks and asked for [Expr.Err] once. The zero
// Expr is absent: it stands for a missing input or a gradient that vanishes.
type Expr struct {
	node  *gorgonia.Node
	known *constant
	err   error
}

// Operand is anything that can stand in an expression: an [Expr], or a number that becomes one.
type Operand interface{ Expr() Expr }

// Expr returns x, so that an expression is an operand.
func (x Expr) Expr() Expr { return x }

// Input adds an input to a graph. Names must be unique in the graph: Gorgonia takes two inputs of one name for one.
func Input(g *gorgonia.ExprGraph, name string, d array.DType, shape ...int) Expr {
	switch {
	case name == "":
		return Failed(errors.New("an input has no name"))
	case len(g.ByName(name)) > 0:
		return Failed(fmt.Errorf("the graph already has an input %q", name))
	}
	if err := cmp.Or(nonempty(shape), bounded(shape)); err != nil {
		return Failed(fmt.Errorf("input %q: %w", name, err))
	}
	table := tableOf(g)
	writeName := func(h hash.Hash) { io.WriteString(h, name) }
	if _, taken := table.nodes[nodeHash(dtype(d), shape, writeName, nil)]; taken {
		return Failed(collision(name))
	}
	n := gorgonia.NewTensor(g, dtype(d), len(shape), gorgonia.WithName(name), gorgonia.WithShape(shape...))
	table.claim(n)
	return Expr{node: n}
}

func dtype(d array.DType) tensor.Dtype {
	if d == array.Float64 {
		return tensor.Float64
	}
	return tensor.Float32
}

// FromNode makes a node an expression.
func FromNode(n *gorgonia.Node) Expr { return Expr{node: n} }

// Failed returns an expression that is the failure err.
func Failed(err error) Expr { return Expr{err: err} }

// Err returns the first error in the expression, or nil.
func (x Expr) Err() error { return x.err }

// Node returns the node, or nil if x is absent, constant or failed.
func (x Expr) Node() *gorgonia.Node { return x.node }

// Absent reports whether x is the zero Expr.
func (x Expr) Absent() bool { return x.node == nil && x.known == nil && x.err == nil }

// Shape returns the shape, in memory of its own: empty for a scalar, and also if x is absent or failed.
func (x Expr) Shape() tensor.Shape {
	switch {
	case x.node != nil:
		return x.node.Shape()
	case x.known != nil:
		return x.known.shape.Clone()
	}
	return tensor.Shape{}
}

// Rank returns the number of dimensions.
func (x Expr) Rank() int { return len(x.Shape()) }

// DType returns the precision, which for a constant is float64.
func (x Expr) DType() array.DType {
	if x.known != nil || x.node != nil && x.node.Dtype() == tensor.Float64 {
		return array.Float64
	}
	return array.Float32
}

func (x Expr) with(o Operator, others ...Operand) Expr {
	in := make([]Expr, 1+len(others))
	in[0] = x
	for i, y := range others {
		in[i+1] = y.Expr()
	}
	return Apply(o, in...)
}

// Add is x + y, broadcast.
func (x Expr) Add(y Operand) Expr { return x.with(Binary{Add}, y) }

// Sub is x − y, broadcast.
func (x Expr) Sub(y Operand) Expr { return x.with(Binary{Sub}, y) }

// Mul is the elementwise product, broadcast.
func (x Expr) Mul(y Operand) Expr { return x.with(Binary{Mul}, y) }

// Div is the elementwise quotient, broadcast.
func (x Expr) Div(y Operand) Expr { return x.with(Binary{Div}, y) }

// Scale is a·x.
func (x Expr) Scale(a float64) Expr { return x.with(Affine{Scale: a}) }

// Shift is x + b.
func (x Expr) Shift(b float64) Expr { return x.with(Affine{Scale: 1, Shift: b}) }

// Neg is −x.
func (x Expr) Neg() Expr { return x.Scale(-1) }

// OneMinus is 1 − x.
func (x Expr) OneMinus() Expr { return x.with(Affine{Scale: -1, Shift: 1}) }

// Fill has x's shape and the value v everywhere, whatever x holds.
func (x Expr) Fill(v float64) Expr { return x.with(Fill{v}) }

// Square is x².
func (x Expr) Square() Expr { return x.Mul(x) }

// Exp is eˣ.
func (x Expr) Exp() Expr { return x.with(Unary{Exp}) }

// Log is the natural logarithm.
func (x Expr) Log() Expr { return x.with(Unary{Log}) }

// Sqrt is the square root.
func (x Expr) Sqrt() Expr { return x.with(Unary{Sqrt}) }

// Abs is |x|.
func (x Expr) Abs() Expr { return x.with(Unary{Abs}) }

// Sign is −1, 0 or 1.
func (x Expr) Sign() Expr { return x.with(Unary{Sign}) }

// Step is 1 where x > 0, else 0.
func (x Expr) Step() Expr { return x.with(Unary{Step}) }

// Relu is max(x, 0).
func (x Expr) Relu() Expr { return x.with(Unary{Relu}) }

// Tanh is the hyperbolic tangent.
func (x Expr) Tanh() Expr { return x.with(Unary{Tanh}) }

// Sigmoid is 1 / (1 + e⁻ˣ).
func (x Expr) Sigmoid() Expr { return x.with(Unary{Sigmoid}) }

// MatMul is the product of matrices, see [MatMul].
func (x Expr) MatMul(y Operand) Expr { return x.with(MatMul{}, y) }

// Sum is the sum over the axes, or over all if none is given; keep leaves a one in their place.
func (x Expr) Sum(keep bool, axes ...int) Expr {
	return x.with(ReduceSum{Axes: x.axesOrAll(axes), Keep: keep})
}

// Mean is the mean over the axes, or over all if none is given; keep leaves a one in their place.
func (x Expr) Mean(keep bool, axes ...int) Expr {
	sum := x.Sum(keep, axes...)
	if sum.err != nil || x.Absent() {
		return sum
	}
	return sum.Scale(float64(sum.Shape().TotalSize()) / float64(x.Shape().TotalSize()))
}

// SumTo undoes a broadcast from shape: it sums over the axes that Expand would repeat.
func (x Expr) SumTo(shape tensor.Shape) Expr {
	if x.err != nil || x.Absent() || slices.Equal(x.Shape(), shape) {
		return x
	}
	var axes []int
	lead := x.Rank() - len(shape)
	for i, n := range x.Shape() {
		if i < lead || shape[i-lead] != n {
			axes = append(axes, i)
		}
	}
	return x.Sum(true, axes...).Reshape(shape...)
}

// Expand repeats x to the shape, by the rules of broadcasting.
func (x Expr) Expand(shape ...int) Expr {
	if x.err == nil && !x.Absent() && slices.Equal(x.Shape(), shape) {
		return x
	}
	return x.with(Expand{Dims: slices.Clone(shape)})
}

// Reshape gives x's elements another shape of the same size.
func (x Expr) Reshape(shape ...int) Expr {
	if x.err == nil && !x.Absent() && slices.Equal(x.Shape(), shape) {
		return x
	}
	return x.with(Reshape{Dims: slices.Clone(shape)})
}

// Transpose makes axis perm[i] of x the axis i of the result.
func (x Expr) Transpose(perm ...int) Expr { return x.with(Transpose{Perm: slices.Clone(perm)}) }

// Softmax is eˣ / Σ eˣ along an axis.
func (x Expr) Softmax(axis int) Expr { return x.with(Softmax{axis}) }

// LogSoftmax is x − log Σ eˣ along an axis.
func (x Expr) LogSoftmax(axis int) Expr { return x.with(LogSoftmax{axis}) }

// OneHot turns class indices of shape (n) into rows of shape (n, classes).
func (x Expr) OneHot(classes int) Expr { return x.with(OneHot{classes}) }
