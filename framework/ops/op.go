// Package ops owns the differentiable operators that every Backstitch graph is made of, and the expressions that are written
// with them.
//
// An [Operator] is an exported struct whose fields are its attributes; its shape rule, reference kernel and symbolic gradient
// stand together. The set is closed under differentiation: every gradient is written with operators of the set, so gradients of
// gradients exist for all of them. On a Gorgonia graph an operator is carried by [Op], the one adapter to Gorgonia's interfaces,
// and it runs on the stock tape machine.
//
// Shapes are static, and every dimension of a node is at least one: a tensor without elements is a constant. The package reads no file format and
// knows no ONNX attribute; package model translates those.
package ops

import (
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Operator is a pure function from tensors to one tensor, with everything that differentiating and running it needs. The
// attributes are exported fields: two operators whose %+v prints alike are the same function, and none changes once applied.
type Operator interface {
	// Arity is the number of inputs.
	Arity() int
	// Shape returns the shape of the output, in memory of its own. It is the place where wrong inputs are refused.
	Shape(in ...tensor.Shape) (tensor.Shape, error)
	// Gradient returns, for each input, the gradient of a scalar with respect to it, given the gradient g of that scalar with
	// respect to out. A zero Expr means that it vanishes everywhere.
	Gradient(in []Expr, out, g Expr) []Expr
	// Eval32 and Eval64 are the reference kernel: they write every element of out, which has the shape that Shape announced.
	Eval32(out Tensor[float32], in ...Tensor[float32])
	Eval64(out Tensor[float64], in ...Tensor[float64])
}

// partial is what an operator adds whose gradient vanishes with respect to some inputs.
type partial interface {
	// Constant reports whether the output is locally constant in input i.
	Constant(i int) bool
}

// Tensor is what a kernel reads and writes: row-major data with its shape, which is empty for a scalar.
type Tensor[T Float] struct {
	Shape tensor.Shape
	Data  []T
}

// Float is the element type of a kernel.
type Float interface{ float32 | float64 }

// building guards the construction of graphs: Gorgonia keeps counters and hash codes of shared constants in globals.
var building sync.Mutex

// Build runs f, which constructs a graph, while no other construction runs in this process. Calls do not nest.
func Build(f func() error) error {
	building.Lock()
	defer building.Unlock()
	return f()
}

// Op makes an operator a node's operation in a Gorgonia graph; Apply makes it. It implements gorgonia.SDOp, so stock Gorgonia can
// differentiate and run it.
type Op struct {
	Operator
	ranks       []int  // of the inputs, then of the output
	description string // the operator's type and all attributes
	salt        int    // tells apart nodes whose 32-bit hashes collide
}

var _ gorgonia.SDOp = Op{}

// Of returns the operator of a node, or nil if the node is an input or holds an operation that is not ours.
func Of(n *gorgonia.Node) Operator {
	if op, ok := n.Op().(Op); ok {
		return op.Operator
	}
	return nil
}

// Type is the Hindley-Milner type that Gorgonia infers nodes' types from: all tensors have the same element type.
func (o Op) Type() hm.Type {
	types := make([]hm.Type, len(o.ranks))
	for i, rank := range o.ranks {
		types[i] = hm.TypeVariable('a')
		if rank > 0 {
			types[i] = gorgonia.TensorType{Dims: rank, Of: hm.TypeVariable('a')}
		}
	}
	return hm.NewFnType(types...)
}

// InferShape is the operator's shape rule.
func (o Op) InferShape(in ...gorgonia.DimSizer) (tensor.Shape, error) {
	shapes, err := gorgonia.DimSizersToShapes(in)
	if err != nil {
		return nil, err
	}
	return o.shape(shapes)
}

// Do runs the reference kernel. The result shares no memory with the inputs, and a panic becomes an error: the tape machine
// calls Do on a goroutine of its own.
func (o Op) Do(inputs ...gorgonia.Value) (out gorgonia.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &OpError{o, caught(r)}
		}
	}()
	if len(inputs) != o.Arity() {
		return nil, fmt.Errorf("ops: %v: %d inputs, want %d", o, len(inputs), o.Arity())
	}
	switch inputs[0].Dtype() {
	case tensor.Float32:
		return evaluate(o, o.Eval32, inputs)
	case tensor.Float64:
		return evaluate(o, o.Eval64, inputs)
	}
	return nil, fmt.Errorf("ops: %v: element type %v is not float32 or float64", o, inputs[0].Dtype())
}

// caught returns what a kernel panicked with as an error.
func caught(cause any) error {
	if err, is := cause.(*IndexError); is {
		return err
	}
	return fmt.Errorf("%v", cause)
}

// ReturnsPtr, CallsExtern and OverwritesInput tell Gorgonia that results are new values made in Go.
func (o Op) ReturnsPtr() bool { return false }

// CallsExtern reports that no foreign code runs.
func (o Op) CallsExtern() bool { return false }

// OverwritesInput reports that no input's memory is reused.
func (o Op) OverwritesInput() int { return -1 }

// WriteHash writes what identifies the operation: its type and all attributes.
func (o Op) WriteHash(h hash.Hash) {
	io.WriteString(h, o.description)
	if o.salt != 0 {
		fmt.Fprintf(h, "#%d", o.salt)
	}
}

// Hashcode hashes what WriteHash writes.
func (o Op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String prints the operator with its attributes.
func (o Op) String() string { return strings.TrimPrefix(o.description, "ops.") }

// DiffWRT reports for each input whether it has a gradient.
func (o Op) DiffWRT(inputs int) []bool {
	wrt := make([]bool, inputs)
	for i := range wrt {
		wrt[i] = !isConstant(o.Operator, i)
	}
	return wrt
}

func isConstant(o Operator, i int) bool {
	p, ok := o.(partial)
	return ok && p.Constant(i)
}

// SymDiff is the operator's gradient. Where an input has none, the node is nil.
func (o Op) SymDiff(inputs gorgonia.Nodes, output, grad *gorgonia.Node) (gorgonia.Nodes, error) {
	in := make([]Expr, len(inputs))
	for i, n := range inputs {
		in[i] = FromNode(n)
	}
	gradients := o.Gradient(in, FromNode(output), FromNode(grad))
	nodes := make(gorgonia.Nodes, len(gradients))
	for i, g := range gradients {
		if g.err != nil {
			return nil, fmt.Errorf("gradient of %v: %w", o, g.err)
		}
		nodes[i] = g.node
	}
	return nodes, nil
}

// OpError is the error of an operator that cannot be applied, or that fails while it runs.
type OpError struct {
	Op     Op
	Reason error // what is wrong, without the operator
}

// Error names the operator with its attributes, for those who write expressions.
func (e *OpError) Error() string { return fmt.Sprintf("%v: %v", e.Op, e.Reason) }

// Unwrap returns the reason.
func (e *OpError) Unwrap() error { return e.Reason }

// Plain returns an error without the operators of this package that it went through, for those who know only the file or the loss that
// these come from.
func Plain(err error) error {
	if e := new(OpError); errors.As(err, &e) {
		return Plain(e.Reason)
	}
	return err
}

// Apply adds the operator applied to the inputs to their graph. If the graph has that node already, it is the result. On constants
// alone the result is a constant, and so is a tensor without elements, whatever it is computed from.
func Apply(o Operator, in ...Expr) Expr {
	op := Op{Operator: o, ranks: make([]int, len(in)+1), description: fmt.Sprintf("%T%+v", o, o)}
	folds := len(in) > 0
	for i, x := range in {
		if x.err != nil {
			return x
		}
		if x.Absent() {
			return Failed(&OpError{op, fmt.Errorf("input %d is missing", i)})
		}
		folds = folds && x.known != nil
	}
	if folds {
		return fold(op, in)
	}
	if slices.ContainsFunc(in, Expr.empty) {
		return onNothing(op, in)
	}
	in, err := intoGraph(in)
	if err != nil {
		return Failed(&OpError{op, err})
	}
	nodes := make([]*gorgonia.Node, len(in))
	shapes := make([]tensor.Shape, len(in))
	for i, x := range in {
		nodes[i], shapes[i], op.ranks[i] = x.node, x.node.Shape(), x.node.Dims()
	}
	if err := compatible(nodes); err != nil {
		return Failed(&OpError{op, err})
	}
	shape, err := op.shape(shapes)
	if err != nil {
		return Failed(&OpError{op, err})
	}
	if product(shape) == 0 {
		return Constant(shape, nil)
	}
	op.ranks[len(in)] = len(shape)
	node, err := merged(op, shape, nodes)
	if err != nil {
		return Failed(&OpError{op, err})
	}
	return Expr{node: node}
}

// compatible refuses nodes of different graphs and of different or other than floating-point types.
func compatible(inputs []*gorgonia.Node) error {
	for i, n := range inputs {
		switch d := n.Dtype(); {
		case n.Graph() == nil || n.Graph() != inputs[0].Graph():
			return fmt.Errorf("input %d does not belong to the graph of the first", i)
		case d != tensor.Float32 && d != tensor.Float64:
			return fmt.Errorf("input %d is %v, want float32 or float64", i, d)
		case d != inputs[0].Dtype():
			return fmt.Errorf("input %d is %v, the first is %v", i, d, inputs[0].Dtype())
		}
	}
	return nil
}

// Bounds of a tensor, so that no size overflows and no shape is a burden.
const (
	maxElements = 1 << 31
	maxAxes     = 64
)

// shape is the operator's shape rule, between the checks that hold for all operators.
func (o Op) shape(in []tensor.Shape) (tensor.Shape, error) {
	if len(in) != o.Arity() {
		return nil, fmt.Errorf("%d inputs, want %d", len(in), o.Arity())
	}
	shape, err := o.Shape(in...)
	if err != nil {
		return nil, err
	}
	if err := bounded(shape); err != nil {
		return nil, fmt.Errorf("the output: %w", err)
	}
	return shape, nil
}

// bounded refuses a shape that is too large.
func bounded(shape tensor.Shape) error {
	if len(shape) > maxAxes {
		return fmt.Errorf("%d axes are too many for a tensor", len(shape))
	}
	if size := product(shape); size > maxElements {
		return fmt.Errorf("shape %v has %.3g elements, too many for a tensor", shape, size)
	}
	return nil
}

// product is the size of a shape that may be too large for an int.
func product(shape []int) float64 {
	size := 1.0
	for _, n := range shape {
		size *= float64(n)
	}
	return size
}

// nonempty refuses a shape without elements: only constants may be empty.
func nonempty(shape tensor.Shape) error {
	for _, n := range shape {
		if n < 1 {
			return fmt.Errorf("a tensor of shape %v has no elements", shape)
		}
	}
	return nil
}

// Inputs returns the nodes that n reads, in order; none for an input of the graph.
func Inputs(n *gorgonia.Node) []*gorgonia.Node {
	var children []*gorgonia.Node
	for it := n.Graph().From(n.ID()); it.Next(); {
		children = append(children, it.Node().(*gorgonia.Node))
	}
	return children
}

func evaluate[T Float](o Op, kernel func(Tensor[T], ...Tensor[T]), inputs []gorgonia.Value) (gorgonia.Value, error) {
	in := make([]Tensor[T], len(inputs))
	shapes := make([]tensor.Shape, len(inputs))
	for i, v := range inputs {
		var err error
		if in[i], err = view[T](v); err != nil {
			return nil, fmt.Errorf("ops: %v: input %d: %w", o, i, err)
		}
		if shapes[i] = in[i].Shape; len(shapes[i]) != o.ranks[i] {
			return nil, fmt.Errorf("ops: %v: input %d has shape %v, its node has %d axes", o, i, shapes[i], o.ranks[i])
		}
	}
	shape, err := o.shape(shapes)
	if err != nil {
		return nil, fmt.Errorf("ops: %v: %w", o, err)
	}
	out := Tensor[T]{Shape: shape, Data: make([]T, shape.TotalSize())}
	kernel(out, in...)
	return value(out), nil
}

// view reads a Gorgonia value in place.
func view[T Float](v gorgonia.Value) (Tensor[T], error) {
	if d, ok := v.(*tensor.Dense); ok && (d.RequiresIterator() || d.DataOrder().IsColMajor()) {
		return Tensor[T]{}, errors.New("a view whose elements are not contiguous in row-major order")
	}
	switch data := v.Data().(type) {
	case []T:
		return Tensor[T]{Shape: v.Shape(), Data: data}, nil
	case T:
		return Tensor[T]{Shape: v.Shape(), Data: []T{data}}, nil
	}
	return Tensor[T]{}, fmt.Errorf("element type %v differs from the first input's", v.Dtype())
}

func value[T Float](t Tensor[T]) gorgonia.Value {
	if len(t.Shape) > 0 {
		return tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(t.Data))
	}
	switch v := any(t.Data[0]).(type) {
	case float32:
		return gorgonia.NewF32(v)
	default:
		return gorgonia.NewF64(v.(float64))
	}
}
