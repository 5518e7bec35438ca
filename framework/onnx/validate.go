package onnx

import (
	"errors"
	"fmt"
	"strings"
)

// validate checks the rules of the format that reading field by field cannot
// see. Models pass it on the way in and on the way out.
func (m *Model) validate() error {
	if m.Graph == nil {
		return errors.New("the model has no graph")
	}
	if len(m.Graph.Outputs) == 0 {
		return errors.New("graph: it has no outputs")
	}
	if err := m.Graph.validate(nil); err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	for _, f := range m.Functions {
		if err := f.validate(); err != nil {
			return fmt.Errorf("%v: %w", f, err)
		}
	}
	return nil
}

func (g *Graph) validate(formal formalAttributes) error {
	for i, n := range g.Nodes {
		if err := n.validate(formal); err != nil {
			return fmt.Errorf("%s: %w", g.at(i), err)
		}
	}
	for _, values := range [][]*ValueInfo{g.Inputs, g.Outputs, g.ValueInfo} {
		for _, v := range values {
			if err := v.validate(); err != nil {
				return err
			}
		}
	}
	_, err := g.producers()
	return err
}

// at identifies the node at a position, in a message.
func (g *Graph) at(position int) string {
	return fmt.Sprintf("node %d%s", position, strings.TrimPrefix(g.Nodes[position].String(), "node"))
}

func (n *Node) validate(formal formalAttributes) error {
	if n.OpType == "" {
		return errors.New("it has no op_type")
	}
	named := false
	for _, output := range n.Outputs {
		named = named || output != ""
	}
	if !named {
		return errors.New("it has no outputs")
	}
	seen := make(map[string]bool, len(n.Attributes))
	for _, a := range n.Attributes {
		if seen[a.Name] {
			return fmt.Errorf("attribute %q: given twice", a.Name)
		}
		seen[a.Name] = true
		if err := a.validate(formal); err != nil {
			return fmt.Errorf("attribute %q: %w", a.Name, err)
		}
	}
	return nil
}

func (a *Attribute) validate(formal formalAttributes) error {
	if a.Name == "" {
		return errors.New("it has no name")
	}
	if a.Type <= AttributeUndefined || int(a.Type) >= len(attributeTypeNames) {
		return fmt.Errorf("its type, %v, is not one of ONNX", a.Type)
	}
	if a.Reference != "" && !formal[a.Reference] {
		return fmt.Errorf("it stands for %q, which is no attribute of a function around it", a.Reference)
	}
	for _, value := range [...]struct {
		typ  AttributeType
		held bool
	}{
		{AttributeFloat, a.F != 0},
		{AttributeInt, a.I != 0},
		{AttributeString, len(a.S) > 0},
		{AttributeTensor, a.T != nil},
		{AttributeGraph, a.G != nil},
		{AttributeFloats, len(a.Floats) > 0},
		{AttributeInts, len(a.Ints) > 0},
		{AttributeStrings, len(a.Strings) > 0},
		{AttributeTensors, len(a.Tensors) > 0},
		{AttributeGraphs, len(a.Graphs) > 0},
	} {
		if value.held && a.Reference != "" {
			return fmt.Errorf("it holds %v, and stands for %q too", value.typ, a.Reference)
		}
		if value.held && value.typ != a.Type {
			return fmt.Errorf("its type is %v, but it holds %v", a.Type, value.typ)
		}
	}
	if a.Reference != "" {
		return nil
	}
	if a.Type == AttributeTensor && a.T == nil || a.Type == AttributeGraph && a.G == nil {
		return fmt.Errorf("its type is %v, but it holds none", a.Type)
	}
	for _, g := range a.subgraphs() {
		if err := g.validate(formal); err != nil {
			return err
		}
	}
	return nil
}

// subgraphs returns the graphs that the attribute holds.
func (a *Attribute) subgraphs() []*Graph {
	if a.G != nil {
		return []*Graph{a.G}
	}
	return a.Graphs
}

func (v *ValueInfo) validate() error {
	switch {
	case len(v.Dims) > 0 && !v.HasShape:
		return fmt.Errorf("value %q: it has dimensions, but HasShape is false", v.Name)
	case v.Kind != KindTensor && (v.DType != Undefined || v.HasShape):
		return fmt.Errorf("value %q: its kind is %v, but it has the type of a tensor", v.Name, v.Kind)
	}
	return nil
}

// source stands, among the positions of nodes, for a value that no node
// produces: an input or an initializer.
const source = -1

// producers returns, by name, the position of the node that produces each
// value of the graph, or source. It fails if a name is missing or taken twice.
func (g *Graph) producers() (map[string]int, error) {
	producer := make(map[string]int, len(g.Inputs)+len(g.Initializers)+len(g.Nodes))
	for i, v := range g.Inputs {
		if v.Name == "" {
			return nil, fmt.Errorf("input %d has no name", i)
		}
		if _, taken := producer[v.Name]; taken {
			return nil, fmt.Errorf("two inputs are named %q", v.Name)
		}
		producer[v.Name] = source
	}
	constants := make(map[string]bool, len(g.Initializers))
	for i, name := range g.initializerNames() {
		if name == "" {
			return nil, fmt.Errorf("initializer %d has no name", i)
		}
		if constants[name] {
			return nil, fmt.Errorf("two initializers are named %q", name)
		}
		constants[name] = true
		producer[name] = source
	}
	for i, n := range g.Nodes {
		for _, output := range n.Outputs {
			if output == "" {
				continue
			}
			switch first, taken := producer[output]; {
			case !taken:
				producer[output] = i
			case first == source:
				return nil, fmt.Errorf("%s: its output %q is an input or an initializer too", g.at(i), output)
			default:
				return nil, fmt.Errorf("value %q is produced twice: by %s and by %s", output, g.at(first), g.at(i))
			}
		}
	}
	return producer, nil
}

// initializerNames returns the names of all initializers, the sparse last.
func (g *Graph) initializerNames() []string {
	names := make([]string, 0, len(g.Initializers)+len(g.SparseInitializers))
	for _, t := range g.Initializers {
		names = append(names, t.Name)
	}
	for _, t := range g.SparseInitializers {
		name := ""
		if t.Values != nil {
			name = t.Values.Name
		}
		names = append(names, name)
	}
	return names
}
