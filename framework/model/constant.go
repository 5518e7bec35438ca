package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Constant is a floating-point tensor of the file that the output is differentiable in, but that is no parameter. Exporters write the
// numbers of formulas as initializers, so role and name decide, in this order:
//
//  1. What the option Train names is a parameter. A pattern with wildcards names constants only if it matches nothing else.
//  2. A single number, of any rank, is a constant if it is an exponent, a bound of Max, Min or Clip, or added under a root, a
//     logarithm or a quotient.
//  3. Weights, biases, scales and tables of layers are parameters, also with one unit.
//  4. Any other single number is a parameter only under a name that a person gave: exporters number what they find in formulas.
//  5. Constants are also masks, a first state of zeros and a scaling of the inputs that an exporter wrote, and what PyTorch writes
//     for a normalization without weights.
//
// Constant nodes are judged like initializers, but are parameters only by the third rule.
type Constant struct {
	Name   string `json:"name"`
	Shape  []int  `json:"shape"`
	Reason string `json:"reason"`
}

// NoWeights is the reason of a Constant node that no other reason makes a constant.
const NoWeights = "a Constant node that holds no layer's weights"

// judge returns why a tensor is a constant, or "", by its role and its name.
func (m *Model) judge() func(*onnx.Tensor, Parameter) string {
	found := evidenceOf(m.nodes, m.graph)
	verdict := func(t *onnx.Tensor, p Parameter) string {
		if p.masks() && m.options.TrainMasks {
			return ""
		}
		return found[t.Name].verdict(p, m.lifted[t.Name] != nil)
	}
	named := m.trainedConstants(verdict)
	return func(t *onnx.Tensor, p Parameter) string {
		if named[t.Name] {
			return ""
		}
		return verdict(t, p)
	}
}

// verdict returns why a tensor is a constant, or "".
func (e evidence) verdict(p Parameter, node bool) string {
	exporter := exporterNamed(p.Name)
	switch {
	case p.masks():
		return "a mask"
	case e.affine && byTorch.MatchString(p.Name) && (p.filled(0) || p.filled(1)):
		return "written by the exporter for a normalization without weights"
	}
	if p.Value.Len() == 1 {
		switch {
		case e.formula != "":
			return e.formula
		case e.unit:
			return ""
		case epsilon.MatchString(p.Name):
			return "an epsilon"
		case node:
			return NoWeights
		case exporter:
			return "a single number that the exporter named"
		}
		return ""
	}
	switch {
	case e.state && !e.other && !e.weight && (exporter || node) && p.filled(0):
		return "a first state of zeros that the exporter wrote"
	case e.scaling && !e.other && !e.weight && scalable(p.Name):
		return "it scales the inputs, before any weight"
	case node && !byPaddle.MatchString(p.Name) && (!e.weight || byTorch.MatchString(p.Name)):
		return NoWeights
	}
	return ""
}

// filled reports whether all numbers are v.
func (p Parameter) filled(v float64) bool {
	for i := range p.Value.Len() {
		if p.Value.At(i) != v {
			return false
		}
	}
	return true
}

// masks reports whether the numbers are those of a table that hides, such as the causal mask of attention: some are infinite, which no
// step moves but to NaN, or all are zero or one large negative number.
func (p Parameter) masks() bool {
	const low = -1e4
	lowest, others := 0., false
	for i := range p.Value.Len() {
		v := p.Value.At(i)
		if math.IsInf(v, 0) {
			return true
		}
		others = others || v > 0 || v != 0 && lowest != 0 && v != lowest
		lowest = min(lowest, v)
	}
	return lowest <= low && !others
}

// trainedConstants returns the constants that the option Train makes parameters.
func (m *Model) trainedConstants(verdict func(*onnx.Tensor, Parameter) string) map[string]bool {
	if len(m.options.Train) == 0 {
		return nil
	}
	constant := map[string]bool{} // of every name: whether it is one
	for _, t := range m.graph.Initializers {
		if p, err := readParameter(t); err == nil && isFloat(t.DType) {
			constant[t.Name] = verdict(t, p) != ""
		}
	}
	named := map[string]bool{}
	for _, pattern := range m.options.Train {
		var matched []string
		for name := range constant {
			if plugin.Match([]string{pattern}, name) {
				matched = append(matched, name)
			}
		}
		if !slices.ContainsFunc(matched, func(name string) bool { return !constant[name] }) {
			for _, name := range matched {
				named[name] = true
			}
		}
	}
	return named
}

// checkPatterns refuses patterns that are malformed or that no name matches: they are misspelt.
func (m *Model) checkPatterns() error {
	var names []string
	for _, p := range slices.Concat(m.Parameters, m.Frozen) {
		names = append(names, p.Name)
	}
	for _, c := range m.Constants {
		names = append(names, c.Name)
	}
	if err := plugin.CheckPatterns("initializer that could be trained", m.options.Train, names); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	for _, t := range m.graph.Initializers {
		if plugin.Match(m.options.Freeze, t.Name) && !slices.Contains(names, t.Name) {
			names = append(names, t.Name)
		}
	}
	if err := plugin.CheckPatterns("initializer that could be trained", m.options.Freeze, names); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	return nil
}

// lift returns the graph with initializers in the place of its floating-point Constant nodes, and those nodes by name. Those of
// functions stay what they are, as a call has no place of its own in the file.
func (m *Model) lift(source *onnx.Graph) (*onnx.Graph, map[string]*onnx.Node) {
	graph, lifted := *source, map[string]*onnx.Node{}
	graph.Nodes, graph.Initializers = nil, slices.Clone(source.Initializers)
	for _, n := range source.Nodes {
		t := n.Constant()
		if t == nil || m.sites[n] != nil {
			graph.Nodes = append(graph.Nodes, n)
			continue
		}
		lifted[t.Name] = n
		graph.Initializers = append(graph.Initializers, t)
	}
	return &graph, lifted
}

// lowered returns the graph as it was prepared, with Constant nodes where the file has them.
func (m *Model) lowered() *onnx.Graph {
	graph := *m.graph
	graph.Nodes, graph.Initializers = nil, nil
	for _, t := range m.graph.Initializers {
		n := m.lifted[t.Name]
		switch {
		case n == nil:
			graph.Initializers = append(graph.Initializers, t)
		case slices.Contains(m.fresh, t.Name):
			graph.Nodes = append(graph.Nodes, n.WithConstant(t))
		default:
			graph.Nodes = append(graph.Nodes, n)
		}
	}
	graph.Nodes = append(graph.Nodes, m.graph.Nodes...)
	return &graph
}
