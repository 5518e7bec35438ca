package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Edits lists what an export changes in the file besides numbers: nothing unless a head was replaced or copies of initializers
// became initializers of their own.
func (m *Model) Edits() []string {
	var list []string
	for _, name := range m.fresh {
		list = append(list, fmt.Sprintf("the head's %q has another shape", name))
	}
	for _, name := range m.separated {
		list = append(list, fmt.Sprintf("%q, a copy of another initializer, is one of its own", name))
	}
	return list
}

// Export writes the model with these parameters and buffers, in the model's order, to the file target. Numbers are rounded to the
// types of the file, and everything that is not listed by Edits stays as it was, byte for byte. The path is that of the file that
// the model was loaded from, or "" if it is from nowhere.
func (m *Model) Export(path, target string, parameters, buffers []array.Array) error {
	tensors, err := m.updated(parameters, buffers)
	if err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if path != "" && len(m.Edits()) == 0 {
		return onnx.SavePatched(path, target, tensors...)
	}
	edited := *m.Source
	graph := *edited.Graph
	if len(m.Edits()) > 0 {
		graph = *m.graph
		edited.Functions = nil
	}
	graph.Initializers = slices.Clone(graph.Initializers)
	for i, t := range graph.Initializers {
		if at := slices.IndexFunc(tensors, func(u *onnx.Tensor) bool { return u.Name == t.Name }); at >= 0 {
			graph.Initializers[i] = tensors[at]
		}
	}
	edited.Graph = &graph
	if path != "" {
		return edited.SaveEdited(path, target)
	}
	return edited.Save(target)
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
