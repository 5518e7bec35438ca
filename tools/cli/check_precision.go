package cli

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// precisionBounds are the largest errors that are expected of a file that computes in, or rounds to, a type of 16 bits: four units in the
// last place of the largest number. Runtimes round such numbers at different places.
var precisionBounds = map[onnx.DataType]float64{onnx.Float16: 0x1p-8, onnx.BFloat16: 0x1p-5}

// precisionBound returns the bound for a file's outputs, and the type that makes it larger than that of float32, if one does.
func precisionBound(m *onnx.Model, float32Bound float64) (float64, string) {
	types := map[onnx.DataType]bool{}
	roundings(m.Graph, types)
	for _, f := range m.Functions {
		roundings(&onnx.Graph{Nodes: f.Nodes}, types)
	}
	bound, of := float32Bound, ""
	for d := range types {
		if b := precisionBounds[d]; b > bound {
			bound, of = b, d.String()
		}
	}
	return bound, of
}

// roundings adds the types of 16 bits that a graph feeds, casts to, or reads in nodes that are no casts. Numbers that are only stored in one and
// cast to another before they are used are computed with as exactly as others.
func roundings(g *onnx.Graph, types map[onnx.DataType]bool) {
	held := map[string]onnx.DataType{}
	for _, t := range g.Initializers {
		held[t.Name] = t.DType
	}
	for _, in := range g.Inputs {
		if !slices.ContainsFunc(g.Initializers, func(t *onnx.Tensor) bool { return t.Name == in.Name }) {
			types[in.DType] = true
		}
	}
	for _, n := range g.Nodes {
		if t := n.Constant(); t != nil && len(n.Outputs) > 0 {
			held[n.Outputs[0]] = t.DType
		}
		if to := n.Attr("to"); n.OpType == "Cast" && to != nil {
			types[onnx.DataType(to.I)] = true
		} else if n.OpType != "Cast" {
			for _, in := range n.Inputs {
				types[held[in]] = true
			}
		}
		for _, a := range n.Attributes {
			for _, inner := range append(slices.Clone(a.Graphs), a.G) {
				if inner != nil {
					roundings(inner, types)
				}
			}
		}
	}
}
