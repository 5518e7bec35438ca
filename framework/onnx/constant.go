package onnx

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Constant returns the floating-point tensor that a Constant node stands for,
// under the name of the node's output, or nil if the node is or holds anything
// else.
func (n *Node) Constant() *Tensor {
	if n.OpType != "Constant" || n.Domain != "" || len(n.Attributes) != 1 || len(n.Outputs) != 1 {
		return nil
	}
	switch a := n.Attributes[0]; {
	case a.Reference != "":
	case a.Name == "value" && a.Type == AttributeTensor && a.T != nil && a.T.DType.isFloat():
		t := *a.T
		t.Name = n.Outputs[0]
		return &t
	case a.Name == "value_float" && a.Type == AttributeFloat:
		return NewFloatTensor(n.Outputs[0], nil, []float32{a.F})
	case a.Name == "value_floats" && a.Type == AttributeFloats:
		return NewFloatTensor(n.Outputs[0], []int64{int64(len(a.Floats))}, a.Floats)
	}
	return nil
}

// WithConstant returns a copy of a Constant node that stands for t.
func (n *Node) WithConstant(t *Tensor) *Node {
	c := *n
	own := *t
	if a := n.Attr("value"); a != nil && a.T != nil {
		own.Name = a.T.Name
	}
	c.Attributes = []*Attribute{TensorAttr("value", &own)}
	return &c
}

// node replaces the value of a Constant node.
func (p *patch) node(w *writer, body []byte) error {
	if len(p.pending) == 0 {
		w.raw(body)
		return nil
	}
	n := new(Node)
	if err := decodeRecord(body, n, 2); err != nil {
		return fmt.Errorf("%v: %w", n, err)
	}
	old := n.Constant()
	if old == nil || p.pending[old.Name] == nil {
		w.raw(body)
		return nil
	}
	t := p.pending[old.Name]
	delete(p.pending, old.Name)
	raw, err := t.replaces(old)
	if err != nil {
		return fmt.Errorf("%v: %w", n, err)
	}
	edits := edits{5: func(w *writer, body []byte) error { return p.attribute(w, body, n.Attributes[0], old, raw) }}
	if err := w.edited(body, edits); err != nil {
		return fmt.Errorf("%v: %w", n, err)
	}
	return nil
}

// attribute replaces the value of an attribute, which is body, by raw.
func (p *patch) attribute(w *writer, body []byte, a *Attribute, old *Tensor, raw []byte) error {
	number := valueField[a.Name]
	switch count := occurrences(body, number); {
	case a.Name == "value_floats":
		return w.withData(body, &pieces{t: floats32, raw: raw, number: number})
	case count != 1:
		return fmt.Errorf("attribute %s: its value is there %d times", a.Name, count)
	case a.Name == "value_float":
		return w.withData(body, &pieces{t: floats32, raw: raw, number: number})
	}
	return w.edited(body, edits{number: func(w *writer, body []byte) error {
		own := new(Tensor)
		if err := decodeRecord(body, own, 4); err != nil {
			return err
		}
		own.Name = old.Name
		return p.data(w, body, own, raw)
	}})
}

// valueField has the fields of an AttributeProto that hold the values of a
// Constant.
var valueField = map[string]protowire.Number{"value": 5, "value_float": 2, "value_floats": 7}

// floats32 has numbers as float attributes have them.
var floats32 = &Tensor{DType: Float, storage: floatData}

// occurrences returns how often a message has a field.
func occurrences(b []byte, number protowire.Number) int {
	count := 0
	for len(b) > 0 {
		n, _, length := consumeField(b)
		if length < 0 {
			return count
		}
		if n == number {
			count++
		}
		b = b[length:]
	}
	return count
}

// constants returns the tensors that Constant nodes of the graph hold, by the
// names of the nodes' outputs.
func (g *Graph) constants() map[string]*Tensor {
	held := map[string]*Tensor{}
	for _, n := range g.Nodes {
		if n.Constant() != nil && n.Attributes[0].T != nil {
			held[n.Outputs[0]] = n.Attributes[0].T
		}
	}
	return held
}

func (d DataType) isFloat() bool {
	return slices.Contains([]DataType{Float, Double, Float16, BFloat16}, d)
}
