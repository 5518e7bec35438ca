package onnx

import (
	"cmp"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Rewrite returns the nodes that are written in the place of one, which it
// must not change, or nil where the node stays as it is, byte for byte. It is
// asked for every node of the graph, of subgraphs and of functions; opset is the
// version of the standard domain there. A nil Rewrite changes nothing.
type Rewrite func(n *Node, opset int64) ([]*Node, error)

// apply returns original, the content of an ONNX file, with nodes rewritten and
// every field that holds none of them as it was.
func (r Rewrite) apply(original []byte) ([]byte, error) {
	if r == nil {
		return original, nil
	}
	m := new(Model)
	if err := decodeRecord(original, m, 0); err != nil {
		return nil, err
	}
	walk := rewriter{r, m.Opsets[""]}
	w, err := walk.messages(original, map[protowire.Number]edit{7: walk.graph, 25: walk.function})
	if err != nil || w == nil {
		return original, err
	}
	return slices.Concat(append(w.parts, w.tail)...), nil
}

type rewriter struct {
	rewrite Rewrite
	opset   int64
}

// An edit returns the fields that take the place of the field of that number
// whose body it is given, or nil where it stays.
type edit func(number protowire.Number, body []byte) (*writer, error)

// messages writes a message with some of its fields edited. It returns nil if
// none of them changes.
func (r rewriter) messages(b []byte, edits map[protowire.Number]edit) (*writer, error) {
	var w writer
	changed := false
	for len(b) > 0 {
		number, v, length := consumeField(b)
		if length < 0 {
			return nil, malformed(fmt.Sprintf("field %d", number), length)
		}
		var fields *writer
		if e := edits[number]; e != nil && v.typ == protowire.BytesType {
			var err error
			if fields, err = e(number, v.bytes); err != nil {
				return nil, err
			}
		}
		if fields == nil {
			w.raw(b[:length])
		} else {
			changed = true
			w.append(fields)
		}
		b = b[length:]
	}
	if !changed {
		return nil, nil
	}
	return &w, nil
}

// within edits fields of a message that is a field itself.
func (r rewriter) within(number protowire.Number, body []byte, edits map[protowire.Number]edit) (*writer, error) {
	inner, err := r.messages(body, edits)
	if err != nil || inner == nil {
		return nil, err
	}
	var w writer
	w.prefix(number, inner.len())
	w.append(inner)
	return &w, nil
}

func (r rewriter) graph(number protowire.Number, body []byte) (*writer, error) {
	return r.within(number, body, map[protowire.Number]edit{1: r.node})
}

func (r rewriter) function(number protowire.Number, body []byte) (*writer, error) {
	f := new(Function)
	if err := decodeRecord(body, f, 1); err != nil {
		return nil, err
	}
	inside := rewriter{r.rewrite, cmp.Or(f.Opsets[""], r.opset)}
	return inside.within(number, body, map[protowire.Number]edit{7: inside.node})
}

func (r rewriter) node(number protowire.Number, body []byte) (*writer, error) {
	n := new(Node)
	if err := decodeRecord(body, n, 2); err != nil {
		return nil, err
	}
	nodes, err := r.rewrite(n, r.opset)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", n, err)
	}
	if nodes == nil {
		return r.within(number, body, map[protowire.Number]edit{5: r.attribute})
	}
	var w writer
	for _, n := range nodes {
		w.record(number, n)
	}
	return &w, nil
}

func (r rewriter) attribute(number protowire.Number, body []byte) (*writer, error) {
	return r.within(number, body, map[protowire.Number]edit{6: r.graph, 11: r.graph})
}
