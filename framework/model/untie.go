package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// untie undoes an economy of PyTorch's exporter: of initializers that are equal it keeps one and replaces the others by an
// Identity of it. They are parameters of their own, which only start out equal, and get their initializers back, each under its
// name. Weights that the model itself shares are exported without an Identity and stay shared.
func untie(source *onnx.Model) *onnx.Model {
	if source.ProducerName != "pytorch" {
		return source
	}
	graph := *source.Graph
	graph.Nodes, graph.Initializers = nil, slices.Clone(graph.Initializers)
	parameters := map[string]*onnx.Tensor{}
	for _, t := range graph.Initializers {
		if isFloat(t.DType) {
			parameters[t.Name] = t
		}
	}
	for _, n := range source.Graph.Nodes {
		merged := mergedInitializer(n, parameters)
		if merged == nil {
			graph.Nodes = append(graph.Nodes, n)
			continue
		}
		own := *merged
		own.Name = n.Outputs[0]
		parameters[own.Name] = &own
		graph.Initializers = append(graph.Initializers, &own)
	}
	untied := *source
	untied.Graph = &graph
	return &untied
}

// mergedInitializer returns the initializer that a node copies, or nil if it does anything else.
func mergedInitializer(n *onnx.Node, parameters map[string]*onnx.Tensor) *onnx.Tensor {
	if n.OpType != "Identity" || n.Domain != "" || len(n.Inputs) != 1 || len(n.Outputs) != 1 {
		return nil
	}
	return parameters[n.Inputs[0]]
}
