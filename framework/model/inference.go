package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// inference makes files compute what an evaluation does: BatchNormalization normalizes with the running statistics, and Dropout passes on
// what it is given.
type inference struct {
	read    map[string]bool // names of values that nodes read or graphs give; those of all scopes together
	off     map[string]bool // names of constants that are false, in every scope that has them
	changed []string        // the nodes that were exported for training
}

func (m *Model) inference() *inference {
	i := &inference{read: map[string]bool{}, off: map[string]bool{}}
	i.graph(m.Source.Graph)
	for _, f := range m.Source.Functions {
		i.names(f.Outputs)
		i.nodes(f.Nodes)
	}
	i.graph(m.graph) // which is written where the structure is edited
	return i
}

func (i *inference) graph(g *onnx.Graph) {
	for _, t := range g.Initializers {
		i.constant(t.Name, t)
	}
	for _, out := range g.Outputs {
		i.read[out.Name] = true
	}
	for _, in := range g.Inputs {
		i.constant(in.Name, nil) // what is fed in may be true
	}
	i.nodes(g.Nodes)
}

func (i *inference) nodes(nodes []*onnx.Node) {
	for _, n := range nodes {
		i.names(n.Inputs)
		for _, name := range n.Outputs {
			var t *onnx.Tensor
			if value := n.Attr("value"); value != nil && n.OpType == "Constant" && n.Domain == "" {
				t = value.T
			}
			i.constant(name, t)
		}
		for _, g := range subgraphs(n) {
			i.graph(g)
		}
	}
}

func (i *inference) names(list []string) {
	for _, name := range list {
		i.read[name] = true
	}
}

// constant notes a value, which is nil if it is not known.
func (i *inference) constant(name string, t *onnx.Tensor) {
	off := false
	if t != nil && t.DType == onnx.Bool {
		numbers, err := t.Int64s()
		off = err == nil && len(numbers) == 1 && numbers[0] == 0
	}
	if before, known := i.off[name]; known {
		off = off && before
	}
	i.off[name] = off
}

// rewrite is an [onnx.Rewrite].
func (i *inference) rewrite(n *onnx.Node, opset int64) (nodes []*onnx.Node, err error) {
	if n.Domain != "" {
		return nil, nil
	}
	switch n.OpType {
	case "BatchNormalization":
		nodes, err = i.batchNormalization(n, opset)
	case "Dropout":
		nodes = i.dropout(n, opset)
	}
	if nodes != nil {
		i.changed = append(i.changed, n.OpType)
	}
	return nodes, err
}

// batchNormalization drops what marks training, see the importer's function of that name. Who reads the new running statistics gets
// the old ones.
func (i *inference) batchNormalization(n *onnx.Node, opset int64) ([]*onnx.Node, error) {
	statistics := 0 // outputs beside the first
	for at, name := range n.Outputs {
		if at > 0 && name != "" {
			statistics++
		}
	}
	own := *n
	switch {
	case opset >= 14 && isSet(n, "training_mode"):
		own.Attributes = withInt(n, "training_mode", 0)
	case opset < 7 && !isSet(n, "is_test"):
		own.Attributes = withInt(n, "is_test", 1)
	case statistics == 0:
		return nil, nil
	}
	own.Outputs = n.Outputs[:1:1]
	nodes := []*onnx.Node{&own}
	for at, name := range n.Outputs {
		switch {
		case at == 0 || name == "" || !i.read[name]:
		case at > 2 || at+2 >= len(n.Inputs):
			return nil, fmt.Errorf("its output %q, the batch's statistics, is read elsewhere: the file can only be written for training", name)
		default:
			nodes = append(nodes, &onnx.Node{OpType: "Identity", Inputs: []string{n.Inputs[at+2]}, Outputs: []string{name}})
		}
	}
	return nodes, nil
}

// dropout turns training off. In the opsets 7 to 11 the operator is the identity already.
func (i *inference) dropout(n *onnx.Node, opset int64) []*onnx.Node {
	own := *n
	switch {
	case opset >= 12 && len(n.Inputs) > 2 && n.Inputs[2] != "" && !i.off[n.Inputs[2]]:
		own.Inputs = n.Inputs[:2:2]
		if own.Inputs[1] == "" {
			own.Inputs = n.Inputs[:1:1]
		}
	case opset < 7 && !isSet(n, "is_test"):
		own.Attributes = withInt(n, "is_test", 1)
	default:
		return nil
	}
	return []*onnx.Node{&own}
}

// isSet reports whether an attribute is not zero, or depends on the call of a function.
func isSet(n *onnx.Node, name string) bool {
	a := n.Attr(name)
	return a != nil && (a.I != 0 || a.Reference != "")
}

// withInt returns the attributes of a node with one set.
func withInt(n *onnx.Node, name string, value int64) []*onnx.Attribute {
	others := slices.DeleteFunc(slices.Clone(n.Attributes), func(a *onnx.Attribute) bool { return a.Name == name })
	return append(others, onnx.IntAttr(name, value))
}
