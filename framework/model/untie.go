package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Tie is an initializer that stands for several: exporters that find equal initializers keep one and replace the others by an
// Identity of it. PyTorch does so with weights that only start out equal, such as those of fresh normalizations.
type Tie struct {
	Initializer string   `json:"initializer"`
	Copies      []string `json:"copies"` // the outputs of the Identities
}

// separate returns the graph with initializers in the place of copies of initializers: those that are running statistics, since
// every normalization keeps its own, and all others too if untie is set. A weight that the nodes themselves share stays shared.
func separate(source *onnx.Graph, untie bool) (g *onnx.Graph, separated []string) {
	merged := map[string]*onnx.Tensor{}
	for _, t := range source.Initializers {
		if isFloat(t.DType) {
			merged[t.Name] = t
		}
	}
	statistics := runningStatistics(source)
	graph := *source
	graph.Nodes, graph.Initializers = nil, slices.Clone(graph.Initializers)
	for _, n := range source.Nodes {
		original := copied(n, merged)
		if original == nil {
			graph.Nodes = append(graph.Nodes, n)
			continue
		}
		own := *original
		own.Name = n.Outputs[0]
		merged[own.Name] = &own
		if untie || statistics[own.Name] || statistics[original.Name] {
			graph.Initializers = append(graph.Initializers, &own)
			separated = append(separated, own.Name)
		} else {
			graph.Nodes = append(graph.Nodes, n)
		}
	}
	return &graph, separated
}

// copied returns the initializer that a node copies, or nil if it does anything else.
func copied(n *onnx.Node, initializers map[string]*onnx.Tensor) *onnx.Tensor {
	if n.OpType != "Identity" || n.Domain != "" || len(n.Inputs) != 1 || len(n.Outputs) != 1 {
		return nil
	}
	return initializers[n.Inputs[0]]
}

// runningStatistics returns the names of the values that are read as such and, but for copying, as nothing else.
func runningStatistics(g *onnx.Graph) map[string]bool {
	statistics := map[string]bool{}
	initialized := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		initialized[t.Name] = t
	}
	for _, n := range g.Nodes {
		if copied(n, initialized) != nil {
			continue
		}
		mentioned(n, func(name string, u usage) {
			before, known := statistics[name]
			statistics[name] = u == running && (before || !known)
		})
	}
	return statistics
}

// Ties returns the initializers that stand for several parameters, which the option Untie separates.
func Ties(g *onnx.Graph) []Tie {
	merged := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		if isFloat(t.DType) {
			merged[t.Name] = t
		}
	}
	statistics := runningStatistics(g)
	var ties []Tie
	places := map[string]int{} // in ties, by initializer
	for _, n := range g.Nodes {
		original := copied(n, merged)
		if original == nil {
			continue
		}
		merged[n.Outputs[0]] = original
		if statistics[n.Outputs[0]] {
			continue
		}
		at, known := places[original.Name]
		if !known {
			at, ties = len(ties), append(ties, Tie{Initializer: original.Name})
			places[original.Name] = at
		}
		ties[at].Copies = append(ties[at].Copies, n.Outputs[0])
	}
	return ties
}
