package model

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// Given is what the expressions of a model are written over: a graph, the precision of its nodes, the size of the batch, and
// expressions for the parameters and buffers, in the order and shapes of Model.Parameters and Model.Buffers.
type Given struct {
	Graph     *gorgonia.ExprGraph
	Precision array.DType
	Batch     int
	Params    []ops.Expr
	Buffers   []ops.Expr
	Training  bool // else evaluation: BatchNormalization uses its running statistics, and Dropout is the identity
}

// Expressions is a model in a graph.
type Expressions struct {
	Inputs  []ops.Expr // as Model.Inputs
	Output  ops.Expr
	Buffers []ops.Expr // as Model.Buffers: their values after the step
	Noise   []ops.Expr // inputs that want numbers drawn uniformly from [0, 1), anew for every step
}

// Write adds the model to a graph. What else the graph reads is held by it, see [ops.HeldBy].
func (m *Model) Write(given Given) (*Expressions, error) {
	w, err := m.newWriter(given)
	if err != nil {
		return nil, err
	}
	if err := w.inputs(); err != nil {
		return nil, err
	}
	w.out.Output, err = w.output()
	if mismatch := new(shapeError); errors.As(err, mismatch) {
		err = fmt.Errorf("%w%s", err, m.fixedBatch(given.Batch))
	}
	if err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	if shape := w.out.Output.Shape(); (len(shape) == 0 || shape[0] != given.Batch) && m.Inputs[0].Dims[0].Value != int64(given.Batch) {
		return nil, fmt.Errorf("model: at batch %d the output %q has the shape %v; its first dimension must be the batch%s",
			given.Batch, m.Output, shape, m.fixedBatch(given.Batch))
	}
	return w.out, nil
}

// inputs adds the model's inputs to the graph.
func (w *writer) inputs() error {
	for _, in := range w.model.Inputs {
		x := ops.Input(w.given.Graph, "input "+in.Name, w.given.Precision, in.Shape(w.given.Batch)...)
		if err := x.Err(); err != nil {
			return fmt.Errorf("model: %w", err)
		}
		w.values[in.Name] = value{x, in.DType}
		w.out.Inputs = append(w.out.Inputs, x)
	}
	for _, in := range w.model.fixed {
		x, err := in.value.broadcast(in.Shape(w.given.Batch))
		if err != nil {
			return fmt.Errorf("model: fix: input %q: %w", in.Name, err)
		}
		w.values[in.Name] = value{x, in.DType}
	}
	return nil
}

// shapeError is what the shape rule of an operator of the graph found wrong. The node is named by what the file calls it.
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
	model   *Model
	given   Given
	values  map[string]value
	buffers map[string]int // places in out.Buffers by name
	needed  map[string]bool
	out     *Expressions
	budget  budget

	// If report is set, a node that fails is reported, and what depends on it is left out; else it ends the writing.
	report  func(n *onnx.Node, err error)
	missing map[string]bool
}

// value is a tensor of the ONNX graph. Integers and truth values are numbers in expressions like all others; their type decides
// how they divide and convert.
type value struct {
	expr  ops.Expr
	dtype onnx.DataType
}

func (v value) isInteger() bool { return !isFloat(v.dtype) }

// newWriter returns a writer that knows the parameters, buffers and constants, but not the inputs.
func (m *Model) newWriter(given Given) (*writer, error) {
	w := &writer{
		model: m, given: given, values: map[string]value{}, buffers: map[string]int{}, needed: map[string]bool{m.Output: true},
		out: &Expressions{Buffers: slices.Clone(given.Buffers)}, missing: map[string]bool{},
	}
	for _, n := range m.nodes {
		mentioned(n, func(name string, _ usage) { w.needed[name] = true })
	}
	if len(given.Params) != len(m.Parameters) || len(given.Buffers) != len(m.Buffers) {
		return nil, fmt.Errorf("model: %d parameters and %d buffers given, the model has %d and %d",
			len(given.Params), len(given.Buffers), len(m.Parameters), len(m.Buffers))
	}
	for i, p := range m.Parameters {
		w.values[p.Name] = value{given.Params[i], onnx.Float}
	}
	for i, p := range m.Buffers {
		w.values[p.Name] = value{given.Buffers[i], onnx.Float}
		w.buffers[p.Name] = i
	}
	for _, p := range m.Frozen {
		x := ops.Hold(given.Graph, "frozen "+p.Name, given.Precision, p.Value, p.Shape...)
		if err := x.Err(); err != nil {
			return nil, fmt.Errorf("model: %w", err)
		}
		w.values[p.Name] = value{x, onnx.Float}
	}
	for _, t := range m.constants {
		v, err := readTensor(t)
		if err != nil {
			return nil, fmt.Errorf("model: initializer %q: %w", t.Name, err)
		}
		w.values[t.Name] = v
	}
	return w, nil
}

// readTensor returns a tensor of the file as a constant.
func readTensor(t *onnx.Tensor) (value, error) {
	data, err := t.Float64s()
	if err != nil {
		return value{}, err
	}
	shape := make([]int, len(t.Dims))
	for i, n := range t.Dims {
		shape[i] = int(n)
	}
	return value{ops.Constant(shape, data), t.DType}, nil
}

// output imports all nodes.
func (w *writer) output() (ops.Expr, error) {
	if err := w.nodes(w.model.nodes); err != nil {
		return ops.Expr{}, err
	}
	out := w.values[w.model.Output].expr
	if _, known := out.Known(); known {
		return ops.Expr{}, fmt.Errorf("the output %q is a constant", w.model.Output)
	}
	return out, nil
}

func (w *writer) nodes(list []*onnx.Node) error {
	for _, n := range list {
		if w.lacks(n) {
			continue
		}
		err := w.node(n)
		if err != nil && w.report != nil {
			w.report(n, err)
			w.forget(n)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", w.model.at(n), err)
		}
	}
	return nil
}

// lacks reports whether a node reads what was reported missing, and forgets its outputs too.
func (w *writer) lacks(n *onnx.Node) bool {
	lacking := false
	mentioned(n, func(name string, _ usage) { lacking = lacking || w.missing[name] })
	if lacking {
		w.forget(n)
	}
	return lacking
}

func (w *writer) forget(n *onnx.Node) {
	for _, name := range n.Outputs {
		w.missing[name] = true
	}
}

const unforeseen = "importing it failed unexpectedly"

func (w *writer) node(n *onnx.Node) (err error) {
	defer func() { // a file that no check foresaw must not end the process
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%s: %w", unforeseen, defect.New(cause))
		}
	}()
	if reason := w.model.unknown(n); reason != "" {
		return errors.New(reason)
	}
	if err := w.read(n); err != nil {
		return err
	}
	c := &call{
		writer: w, node: n, opset: w.model.version(n), training: w.given.Training && !w.model.options.Evaluation,
		read: map[int]bool{}, attributes: map[string]bool{}, outputs: make([]value, len(n.Outputs)),
	}
	first := operators[n.OpType].importer(c)
	c.outputs[0] = value{first, c.dtype}
	if c.err == nil {
		c.err = c.leftover()
	}
	if c.err != nil {
		return c.err
	}
	return c.publish()
}

// TypicalBatch is the batch that the file fixes for its inputs, or two.
func TypicalBatch(inputs []Input) int {
	if n := inputs[0].Dims[0].Value; n >= 1 && n < 1<<16 {
		return int(n)
	}
	return 2
}
