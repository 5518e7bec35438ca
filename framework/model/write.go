package model

import (
	"errors"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Expressions is a model in a graph, at one batch size.
type Expressions struct {
	Inputs    []ops.Expr // as Model.Inputs
	Output    ops.Expr
	Constants []Constant
}

// Constant is an input of the graph that always holds the same numbers.
type Constant struct {
	Input ops.Expr
	Value array.Array
}

// Write adds the model to a graph whose nodes have precision d. The parameters are expressions in the order and shapes of
// m.Parameters.
func (m *Model) Write(g *gorgonia.ExprGraph, d array.DType, batch int, params []ops.Expr) (*Expressions, error) {
	w, err := m.newWriter(g, d, params)
	if err != nil {
		return nil, err
	}
	for _, in := range m.Inputs {
		shape, err := in.bind(batch)
		if err != nil {
			return nil, err
		}
		x := ops.Input(g, "input "+in.Name, d, shape...)
		if err := x.Err(); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
		w.values[in.Name] = value{expr: x}
		w.out.Inputs = append(w.out.Inputs, x)
	}
	w.out.Output, err = w.output()
	if mismatch := new(shapeError); errors.As(err, mismatch) {
		err = fmt.Errorf("%w%s", err, m.fixedBatch(batch))
	}
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if shape := w.out.Output.Shape(); len(shape) == 0 || shape[0] != batch {
		return nil, fmt.Errorf("model: at batch %d the output %q has the shape %v; its first dimension must be the batch%s",
			batch, m.Output, shape, m.fixedBatch(batch))
	}
	return w.out, nil
}

// bind replaces the batch, which is the first dimension, by its size. A fixed first dimension is only what the exporter
// happened to feed, so it is bound too; where the graph depends on it, a later shape rule says so.
func (in Input) bind(batch int) ([]int, error) {
	shape := make([]int, len(in.Dims))
	for i, dim := range in.Dims {
		switch {
		case i == 0 || (dim.Param != "" && dim.Param == in.Dims[0].Param):
			shape[i] = batch
		case dim.Value >= 1 && dim.Value <= maxElements:
			shape[i] = int(dim.Value)
		case dim.Value < 0:
			return nil, fmt.Errorf("model: input %q: dimension %d (%v) is not fixed; only the batch, the first dimension, may be open", in.Name, i, dim)
		default:
			return nil, fmt.Errorf("model: input %q: dimension %d is %v", in.Name, i, dim)
		}
	}
	return shape, nil
}

// shapeError is what the shape rule of an operator of the graph found wrong.
type shapeError struct{ error }

// fixedBatch explains, where it may be the reason of a failure, that the file was exported for another batch size.
func (m *Model) fixedBatch(batch int) string {
	if n := m.Inputs[0].Dims[0].Value; n >= 0 && n != int64(batch) {
		return fmt.Sprintf(" (the file was exported for batch %d, this is %d: use that, or export it with a dynamic batch)", n, batch)
	}
	return ""
}

// writer is the state of one Write: the values of the graph that are known so far.
type writer struct {
	model     *Model
	graph     *gorgonia.ExprGraph
	precision array.DType
	values    map[string]value
	out       *Expressions
}

// value is a tensor of the ONNX graph: an expression, or a literal, which has an expression too once one was needed.
type value struct {
	expr    ops.Expr
	literal *literal
}

func (v value) shape() tensor.Shape {
	if v.literal != nil {
		return v.literal.shape
	}
	return v.expr.Shape()
}

// newWriter returns a writer that knows the parameters and the constants, but not the inputs.
func (m *Model) newWriter(g *gorgonia.ExprGraph, d array.DType, params []ops.Expr) (*writer, error) {
	w := &writer{model: m, graph: g, precision: d, values: map[string]value{}, out: &Expressions{}}
	if len(params) != len(m.Parameters) {
		return nil, fmt.Errorf("model: %d parameters given, the model has %d", len(params), len(m.Parameters))
	}
	for i, p := range m.Parameters {
		w.values[p.Name] = value{expr: params[i]}
	}
	for _, t := range m.constants {
		l, err := readTensor(t)
		if err != nil {
			return nil, fmt.Errorf("model: initializer %q: %w", t.Name, err)
		}
		w.values[t.Name] = value{literal: l}
	}
	return w, nil
}

// output imports all nodes.
func (w *writer) output() (ops.Expr, error) {
	if err := w.nodes(w.model.nodes); err != nil {
		return ops.Expr{}, err
	}
	if out := w.values[w.model.Output]; out.literal == nil {
		return out.expr, nil
	}
	return ops.Expr{}, fmt.Errorf("the output %q is a constant", w.model.Output)
}

func (w *writer) nodes(list []*onnx.Node) error {
	for _, n := range list {
		if err := w.node(n); err != nil {
			return fmt.Errorf("%s: %w", w.model.at(n), err)
		}
	}
	return nil
}

func (w *writer) node(n *onnx.Node) error {
	if reason := w.model.unknown(n); reason != "" {
		return errors.New(reason)
	}
	c := &call{writer: w, node: n, opset: w.model.opset, read: map[int]bool{}, attributes: map[string]bool{}}
	result := operators[n.OpType].importer(c)
	if err := result.expr.Err(); err != nil && c.err == nil {
		c.err = shapeError{err}
	}
	if c.err == nil {
		c.err = c.leftover()
	}
	w.values[n.Outputs[0]] = result
	return c.err
}

// constant adds a literal to the graph.
func (w *writer) constant(name string, l *literal) ops.Expr {
	x := ops.Input(w.graph, "constant "+name, w.precision, l.shape...)
	w.out.Constants = append(w.out.Constants, Constant{x, array.From64(l.data).As(w.precision)})
	return x
}
