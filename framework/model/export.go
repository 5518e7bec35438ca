package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Edits lists what an export changes in the file besides numbers: nothing unless a head was replaced or initializers that several had
// were separated.
func (m *Model) Edits() []string {
	var list []string
	for _, name := range m.fresh {
		list = append(list, fmt.Sprintf("the head's %q has another shape", name))
	}
	return append(list, m.separated...)
}

// Export writes the model with these parameters and buffers, in the model's order, to the file target. Numbers are rounded to the
// types of the file, and everything that is not listed by Edits stays as it was, byte for byte. The path is that of the file that
// the model was loaded from, or "" if it is from nowhere.
func (m *Model) Export(path, target string, parameters, buffers []array.Array) error {
	return m.export(path, target, parameters, buffers, nil)
}

// ExportInference writes what Export writes, but with the operators that were exported for training in evaluation mode, and returns
// the names of these, one for each node. Where there are none, it writes the same bytes.
func (m *Model) ExportInference(path, target string, parameters, buffers []array.Array) (changed []string, err error) {
	i := m.inference()
	err = m.export(path, target, parameters, buffers, i.rewrite)
	return i.changed, err
}

func (m *Model) export(path, target string, parameters, buffers []array.Array, rewrite onnx.Rewrite) error {
	tensors, err := m.updated(parameters, buffers)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if path != "" && len(m.Edits()) == 0 {
		return rewrite.SavePatched(path, target, tensors...)
	}
	renewed := map[string]*onnx.Tensor{}
	for _, t := range tensors {
		renewed[t.Name] = t
	}
	edited := *m.Source
	graph := *edited.Graph
	if len(m.Edits()) > 0 {
		graph = *m.lowered()
		edited.Functions = nil
	}
	renew(&graph, renewed)
	if edited.IRVersion < 4 {
		declare(&graph)
	}
	edited.Graph = &graph
	if path != "" {
		return rewrite.SaveEdited(&edited, path, target)
	}
	return rewrite.Save(&edited, target)
}

// renew gives initializers and Constant nodes of a graph new numbers.
func renew(g *onnx.Graph, tensors map[string]*onnx.Tensor) {
	g.Initializers, g.Nodes = slices.Clone(g.Initializers), slices.Clone(g.Nodes)
	for i, t := range g.Initializers {
		if renewed := tensors[t.Name]; renewed != nil {
			g.Initializers[i] = renewed
		}
	}
	for i, n := range g.Nodes {
		if t := n.Constant(); t != nil && tensors[t.Name] != nil {
			g.Nodes[i] = n.WithConstant(tensors[t.Name])
		}
	}
}

// declare makes inputs of all initializers, as files before IR version 4 have it.
func declare(g *onnx.Graph) {
	g.Inputs = slices.Clone(g.Inputs)
	declared := map[string]bool{}
	for _, in := range g.Inputs {
		declared[in.Name] = true
	}
	for _, t := range g.Initializers {
		if !declared[t.Name] {
			in := onnx.NewTensorInfo(t.Name, t.DType)
			for _, n := range t.Dims {
				in.Dims = append(in.Dims, onnx.FixedDim(n))
			}
			g.Inputs = append(g.Inputs, in)
		}
	}
}

// updated returns the initializers of parameters and buffers with new numbers.
func (m *Model) updated(parameters, buffers []array.Array) ([]*onnx.Tensor, error) {
	if len(parameters) != len(m.Parameters) || len(buffers) != len(m.Buffers) {
		return nil, fmt.Errorf("%d parameters and %d buffers given, the model has %d and %d",
			len(parameters), len(buffers), len(m.Parameters), len(m.Buffers))
	}
	values := map[string]array.Array{}
	for i, p := range m.Parameters {
		values[p.Name] = parameters[i]
	}
	for i, p := range m.Buffers {
		values[p.Name] = buffers[i]
	}
	var list []*onnx.Tensor
	for _, t := range m.graph.Initializers {
		v, changed := values[t.Name]
		if !changed {
			continue
		}
		var err error
		if v.DType() == array.Float64 {
			t, err = t.WithFloat64s(v.F64)
		} else {
			t, err = t.WithFloat32s(v.F32)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	return list, nil
}
