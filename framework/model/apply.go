package model

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// Applied is one output of an ONNX graph that was given all its inputs.
type Applied struct {
	Graph  *gorgonia.ExprGraph // all its inputs are held by it, see [ops.HeldBy]
	Inputs []ops.Expr          // the floating-point inputs and initializers that the output reads, other than statistics
	Output ops.Expr            // a constant, if the output depends on none of them
	DType  onnx.DataType       // of the output in the file
}

// Refusal is the error for a graph that means what this package does not support.
type Refusal struct{ Problems []Problem }

// Error names the first problems with their nodes.
func (r *Refusal) Error() string { return "model: " + summarize(r.Problems) }

// Apply writes an output of a graph that is given the numbers of its inputs, by name: nothing is a batch, and any output will do.
// Floating-point inputs become inputs of the expression graph, so that operators have something to run on; inputs of
// other types, and those whose numbers must be known while the graph is written, are constants. A graph that is not supported is
// a [*Refusal]; any other error is a defect.
func Apply(source *onnx.Model, output string, inputs []*onnx.Tensor, d array.DType) (*Applied, error) {
	graph := *source.Graph
	graph.Initializers = slices.Concat(graph.Initializers, inputs)
	given := *source
	given.Graph = &graph
	applied, err := apply(&given, output, inputs, d)
	if refusal := new(Refusal); errors.As(err, &refusal) {
		return apply(&given, output, nil, d)
	}
	return applied, err
}

// apply writes an output of a graph without inputs. The variables are initializers that become inputs of the expression graph
// although nothing may be trained through what reads them.
func apply(source *onnx.Model, output string, variables []*onnx.Tensor, d array.DType) (*Applied, error) {
	m := &Model{Source: source, Output: output, options: Options{TrainMasks: true}} // infinities are numbers like others
	var needed map[string]bool
	var err error
	if m.opset, err = Opset(source); err != nil {
		return nil, &Refusal{[]Problem{{Reason: err.Error()}}}
	}
	m.graph, m.sites, err = inline(source)
	if err == nil {
		needed, err = m.trace()
	}
	if err == nil {
		err = m.readInitializers(needed, func(*onnx.Tensor, Parameter) string { return "" })
	}
	if err == nil {
		err = m.vary(variables)
	}
	if err != nil {
		return nil, &Refusal{[]Problem{{Reason: strings.TrimPrefix(err.Error(), "model: ")}}}
	}
	if problems := m.unsupported(); len(problems) > 0 {
		return nil, &Refusal{problems}
	}
	return m.writeApplied(d)
}

// vary makes those of the tensors parameters that are constants only because the operators that read them are locally constant.
func (m *Model) vary(variables []*onnx.Tensor) error {
	operands := map[string]bool{}
	for _, n := range m.nodes {
		mentioned(n, func(name string, u usage) { operands[name] = operands[name] || u == operand })
	}
	for _, t := range variables {
		at := slices.Index(m.constants, t)
		if at < 0 || !isFloat(t.DType) || !operands[t.Name] || slices.Contains(t.Dims, 0) {
			continue
		}
		p, err := readParameter(t)
		if err != nil {
			return fmt.Errorf("input %q: %w", t.Name, err)
		}
		m.Parameters = append(m.Parameters, p)
		m.constants = slices.Delete(m.constants, at, at+1)
	}
	return nil
}

// writeApplied writes the output of a model without inputs over the file's own numbers.
func (m *Model) writeApplied(d array.DType) (*Applied, error) {
	given := Given{Graph: gorgonia.NewGraph(), Precision: d, Training: true}
	hold := func(p Parameter) ops.Expr { return ops.Hold(given.Graph, "tensor "+p.Name, d, p.Value, p.Shape...) }
	for _, p := range m.Parameters {
		given.Params = append(given.Params, hold(p))
	}
	for _, p := range m.Buffers {
		given.Buffers = append(given.Buffers, hold(p))
	}
	w, err := m.newWriter(given)
	if err != nil {
		return nil, err
	}
	var problems []Problem
	var mistake error
	w.report = func(n *onnx.Node, err error) {
		if mistake == nil && errors.As(err, new(*defect.Error)) {
			mistake = fmt.Errorf("model: %s: %w", m.at(n), err)
		}
		problems = append(problems, Problem{m.at(n), err.Error()})
	}
	if err := w.nodes(m.nodes); err != nil {
		return nil, err
	}
	v := w.values[m.Output]
	_, known := v.expr.Known()
	switch {
	case mistake != nil:
		return nil, mistake
	case len(problems) > 0:
		return nil, &Refusal{problems}
	case !known && len(w.out.Noise) > 0:
		return nil, &Refusal{[]Problem{{Reason: "the output depends on noise, which everybody draws differently"}}}
	}
	return &Applied{given.Graph, given.Params, v.expr, v.dtype}, nil
}
