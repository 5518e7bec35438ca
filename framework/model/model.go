// Package model gives an ONNX graph its meaning: it imports the format's data as differentiable expressions, and says what trains.
//
// Every operator's attributes, defaults and differences between opsets are read here and nowhere else; an operator or an
// attribute that is not supported is refused by name. The package knows no loss and no optimizer.
package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// The opsets of the standard domain whose operators the importer knows. Before 7, arithmetic broadcast by other rules.
const (
	MinOpset = 7
	MaxOpset = 21
)

// Model is an ONNX graph that was found fit for import: its nodes in the order of their dependencies, without those that the
// output does not need. It is read only.
type Model struct {
	Inputs     []Input
	Parameters []Parameter
	Output     string
	Source     *onnx.Model

	opset     int64
	nodes     []*onnx.Node
	constants []*onnx.Tensor
}

// Input is a tensor that is fed in at every step. Its first dimension is the batch.
type Input struct {
	Name string
	Dims []onnx.Dim
}

// Parameter is a float initializer: a tensor that is trained.
type Parameter struct {
	Name  string
	Shape []int
	Value array.Array // the file's numbers: float64 for DOUBLE, else float32
}

// Options chooses what is imported.
type Options struct {
	Output string // a graph output or any inner tensor; "" for the first graph output
}

// Import reads the graph's meaning. It fails if the graph cannot be trained as it stands, and names what is in the way;
// [Inspect] describes a graph without failing.
func Import(source *onnx.Model, o Options) (*Model, error) {
	m, err := open(source, o)
	if err != nil {
		return nil, err
	}
	if problems := m.unsupported(); len(problems) > 0 {
		return nil, fmt.Errorf("model: %s", summarize(problems))
	}
	return m, nil
}

// open finds the part of the graph that the output needs, without looking at operators.
func open(source *onnx.Model, o Options) (*Model, error) {
	opset, named := source.Opsets[""]
	if !named {
		return nil, fmt.Errorf("model: the file names no opset of the standard domain (ai.onnx)")
	}
	if opset < MinOpset || opset > MaxOpset {
		return nil, fmt.Errorf("model: opset %d is not supported (%d to %d are): convert the file, or export it again", opset, MinOpset, MaxOpset)
	}
	m := &Model{Source: untie(source), Output: o.Output, opset: opset}
	if m.Output == "" {
		if len(source.Graph.Outputs) == 0 {
			return nil, fmt.Errorf("model: the graph has no output")
		}
		m.Output = source.Graph.Outputs[0].Name
	}
	needed, err := m.trace()
	if err != nil {
		return nil, err
	}
	if err := m.readInitializers(needed); err != nil {
		return nil, err
	}
	return m, m.readInputs(needed)
}

// trace collects the nodes that the output needs, and returns the names of all values that they read.
func (m *Model) trace() (needed map[string]bool, err error) {
	g := m.Source.Graph
	needed = map[string]bool{m.Output: true}
	for _, n := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(n.Outputs, func(name string) bool { return name != "" && needed[name] }) {
			continue
		}
		m.nodes = append(m.nodes, n)
		mentioned(n, func(name string, _ bool) { needed[name] = true })
	}
	slices.Reverse(m.nodes)
	if len(m.nodes) == 0 {
		return nil, fmt.Errorf("model: no node computes a tensor %q", m.Output)
	}
	return needed, nil
}

func (m *Model) readInitializers(needed map[string]bool) error {
	trained := m.operands()
	for _, t := range m.Source.Graph.SparseInitializers {
		if t.Values != nil && needed[t.Values.Name] {
			return fmt.Errorf("model: initializer %q is sparse, which is not supported", t.Values.Name)
		}
	}
	for _, t := range m.Source.Graph.Initializers {
		if !needed[t.Name] {
			continue
		}
		if !isFloat(t.DType) || !trained[t.Name] {
			m.constants = append(m.constants, t)
			continue
		}
		p, err := readParameter(t)
		if err != nil {
			return fmt.Errorf("model: initializer %q: %w", t.Name, err)
		}
		m.Parameters = append(m.Parameters, p)
	}
	return nil
}

// operands returns the names of the values that are read as something else than a setting.
func (m *Model) operands() map[string]bool {
	read := map[string]bool{}
	for _, n := range m.nodes {
		mentioned(n, func(name string, setting bool) { read[name] = read[name] || !setting })
	}
	return read
}

func isFloat(d onnx.DataType) bool {
	switch d {
	case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
		return true
	}
	return false
}

func readParameter(t *onnx.Tensor) (Parameter, error) {
	p := Parameter{Name: t.Name}
	for _, n := range t.Dims {
		if n < 1 {
			return p, fmt.Errorf("shape %v has a dimension below one", t.Dims)
		}
		p.Shape = append(p.Shape, int(n))
	}
	if t.DType == onnx.Double {
		numbers, err := t.Float64s()
		p.Value = array.From64(numbers)
		return p, err
	}
	numbers, err := t.Float32s()
	p.Value = array.From32(numbers)
	return p, err
}

// fed returns the graph's inputs without those that are initializers: before IR version 4 all initializers were inputs too.
func fed(g *onnx.Graph) []*onnx.ValueInfo {
	initialized := map[string]bool{}
	for _, t := range g.Initializers {
		initialized[t.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(g.Inputs), func(in *onnx.ValueInfo) bool { return initialized[in.Name] })
}

func (m *Model) readInputs(needed map[string]bool) error {
	for _, in := range fed(m.Source.Graph) {
		if !needed[in.Name] {
			continue
		}
		switch {
		case in.Kind != onnx.KindTensor:
			return fmt.Errorf("model: input %q is a %v; only tensors are supported", in.Name, in.Kind)
		case !isFloat(in.DType):
			return fmt.Errorf("model: input %q holds %v elements; only floating-point inputs are supported", in.Name, in.DType)
		case !in.HasShape || len(in.Dims) == 0:
			return fmt.Errorf("model: input %q has no batch dimension", in.Name)
		}
		m.Inputs = append(m.Inputs, Input{in.Name, in.Dims})
	}
	if len(m.Inputs) == 0 {
		return fmt.Errorf("model: the output %q depends on no input", m.Output)
	}
	return nil
}

// Size returns the number of trained numbers.
func (m *Model) Size() int {
	n := 0
	for _, p := range m.Parameters {
		n += p.Value.Len()
	}
	return n
}
