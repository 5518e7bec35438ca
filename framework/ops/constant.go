package ops

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A constant is an expression whose numbers are known while the graph is written. Operators on constants alone are evaluated at
// once, by their own kernels in float64, and leave nothing in the graph: that is how the shapes that exporters compute fold
// away. Where a constant meets a node, it becomes an input of the node's graph that always holds the same numbers.

// constant is the value of an expression that is known. Unlike a node it may be empty.
type constant struct {
	shape tensor.Shape
	data  []float64
}

// Constant returns an expression that holds these numbers, in row-major order. Neither slice may change afterwards.
func Constant(shape []int, data []float64) Expr {
	if size := product(shape); size != float64(len(data)) {
		return Failed(fmt.Errorf("a constant of shape %v with %d numbers", shape, len(data)))
	}
	return Expr{known: &constant{shape, data}}
}

// Scalar returns a constant without axes.
func Scalar(v float64) Expr { return Constant(nil, []float64{v}) }

// Known returns the numbers of a constant expression, which must not be changed.
func (x Expr) Known() (data []float64, is bool) {
	if x.known == nil {
		return nil, false
	}
	return x.known.data, true
}

// Held is an input of a graph that always holds the same numbers.
type Held struct {
	Input Expr
	Value array.Array
}

// Hold adds an input that always holds these numbers, bound to it as its value. Its name must be unique in the graph.
func Hold(g *gorgonia.ExprGraph, name string, d array.DType, numbers array.Array, shape ...int) Expr {
	x := Input(g, name, d, shape...)
	if x.err != nil {
		return x
	}
	numbers = numbers.As(d)
	var err error
	if d == array.Float64 {
		err = gorgonia.Let(x.node, value(Tensor[float64]{Shape: shape, Data: numbers.F64}))
	} else {
		err = gorgonia.Let(x.node, value(Tensor[float32]{Shape: shape, Data: numbers.F32}))
	}
	if err != nil {
		return Failed(err)
	}
	table := tableOf(g)
	table.held = append(table.held, heldNode{x.node.ID(), numbers})
	return x
}

// HeldBy returns the inputs of a graph that always hold the same numbers: those that Hold made, and the constants that met a
// node.
func HeldBy(g *gorgonia.ExprGraph) []Held {
	var list []Held
	for _, h := range tableOf(g).held {
		list = append(list, Held{FromNode(g.Node(h.id).(*gorgonia.Node)), h.value})
	}
	return list
}

// maxConstant bounds the constants that are computed, so that a small file cannot ask for much memory or time.
const maxConstant = 1 << 22

// fold evaluates an operator on constants.
func fold(op Op, in []Expr) Expr {
	shapes, inputs := make([]tensor.Shape, len(in)), make([]Tensor[float64], len(in))
	for i, x := range in {
		shapes[i] = x.known.shape
		inputs[i] = Tensor[float64]{Shape: x.known.shape, Data: x.known.data}
	}
	shape, err := op.shape(shapes)
	if err != nil {
		return Failed(&OpError{op, err})
	}
	if size := product(shape); size > maxConstant {
		return Failed(&OpError{op, fmt.Errorf("a constant of shape %v is larger than the %d numbers that are computed while a graph is written",
			shape, maxConstant)})
	}
	out := Tensor[float64]{Shape: shape, Data: make([]float64, shape.TotalSize())}
	if len(out.Data) > 0 {
		if err := guard(func() { op.Eval64(out, inputs...) }); err != nil {
			return Failed(&OpError{op, err})
		}
	}
	return Expr{known: &constant{shape, out.Data}}
}

// absorbing is what an operator adds that makes elements of inputs of which some have none.
type absorbing interface {
	// withoutEmpty applies the operator to inputs of which some are empty and some are nodes. The output has that shape.
	withoutEmpty(shape tensor.Shape, in []Expr) Expr
}

// empty reports whether x has no elements.
func (x Expr) empty() bool { return x.known != nil && len(x.known.data) == 0 }

// onNothing applies an operator to inputs of which some are empty, and so constants, and some are nodes.
func onNothing(op Op, in []Expr) Expr {
	shapes := make([]tensor.Shape, len(in))
	for i, x := range in {
		shapes[i] = x.Shape()
	}
	shape, err := op.shape(shapes)
	if err != nil {
		return Failed(&OpError{op, err})
	}
	if product(shape) == 0 {
		return Constant(shape, nil)
	}
	o, absorbs := op.Operator.(absorbing)
	if !absorbs {
		return Failed(&OpError{op, fmt.Errorf("shapes %v: an input without elements is not supported", shapes)})
	}
	return o.withoutEmpty(shape, in)
}

// guard returns a panic of f as an error.
func guard(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

// intoGraph makes the constants among the inputs nodes of the graph that the others belong to.
func intoGraph(in []Expr) ([]Expr, error) {
	var g *gorgonia.ExprGraph
	var d array.DType
	for _, x := range in {
		if x.node != nil {
			g, d = x.node.Graph(), x.DType()
			break
		}
	}
	nodes := make([]Expr, len(in))
	for i, x := range in {
		if nodes[i] = x; x.known == nil {
			continue
		}
		if nodes[i] = x.HeldIn(g, d); nodes[i].err != nil {
			return nil, fmt.Errorf("input %d: %w", i, nodes[i].err)
		}
	}
	return nodes, nil
}

// HeldIn returns the input of a graph that holds a constant: the one that it has already for equal numbers, or a new one. What is
// computed of it is a node.
func (x Expr) HeldIn(g *gorgonia.ExprGraph, d array.DType) Expr {
	if g == nil {
		return Failed(errors.New("a constant meets an expression of no graph"))
	}
	table := tableOf(g)
	key := x.known.digest()
	if id, ok := table.constants[key]; ok {
		return FromNode(g.Node(id).(*gorgonia.Node))
	}
	held := Hold(g, fmt.Sprintf("constant %x", key[:8]), d, array.From64(x.known.data), x.known.shape...)
	if held.err == nil {
		table.constants[key] = held.node.ID()
	}
	return held
}

// digest identifies a constant by its shape and numbers.
func (c *constant) digest() [sha256.Size]byte {
	h := sha256.New()
	fmt.Fprint(h, c.shape)
	binary.Write(h, binary.LittleEndian, c.data)
	return [sha256.Size]byte(h.Sum(nil))
}
