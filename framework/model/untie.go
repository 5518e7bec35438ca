package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Tie is an initializer that stands for several: exporters that find equal initializers keep one, and replace the others by an
// Identity of it or use its name for all. PyTorch does so with weights that only start out equal, such as those of fresh normalizations.
type Tie struct {
	Initializer string   `json:"initializer"`
	Copies      []string `json:"copies"` // what the option Untie calls the others
}

// separate returns the graph with initializers in the place of copies of initializers: those that are running statistics, since
// every normalization keeps its own, and all others too if untie is set, with the readings of merged ones. Any other weight that the nodes
// themselves share stays shared. It also returns what became an initializer of its own, in words. Nodes that are copied keep their sites.
func separate(source *onnx.Graph, untie bool, sites map[*onnx.Node]*site) (g *onnx.Graph, separated []string) {
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
			separated = append(separated, fmt.Sprintf("%q, a copy of %q, is an initializer of its own", own.Name, original.Name))
		} else {
			graph.Nodes = append(graph.Nodes, n)
		}
	}
	if untie {
		separated = append(separated, separateMerged(&graph, sites)...)
	}
	return &graph, append(separated, separateStatistics(&graph, sites)...)
}

// separateStatistics gives running statistics initializers of their own that are something else too, or those of another
// normalization: a simplifier merges what starts out equal. A normalization that is applied twice keeps one set, unless its own
// tensors were merged.
func separateStatistics(g *onnx.Graph, sites map[*onnx.Node]*site) (separated []string) {
	initialized, taken := map[string]*onnx.Tensor{}, map[string]bool{}
	for _, t := range g.Initializers {
		initialized[t.Name], taken[t.Name] = t, true
	}
	for _, in := range g.Inputs {
		taken[in.Name] = true
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			taken[name] = true
		}
	}
	statistics := runningStatistics(g)
	owners := map[string]string{} // of statistics, by name
	own := map[string]string{}    // names of statistics, by the old one and the owner
	for at, n := range g.Nodes {
		for i, name := range n.Inputs {
			t := initialized[name]
			if t == nil || usageOf(n, i) != running {
				continue
			}
			owner := fmt.Sprint(i, layerOf(n, at))
			if statistics[name] && (owners[name] == "" || owners[name] == owner) {
				owners[name] = owner
				continue
			}
			if own[name+owner] == "" {
				apart := *t
				apart.Name = unusedName(callLabel(n)+statisticSuffix[i], taken)
				taken[apart.Name] = true
				own[name+owner] = apart.Name
				g.Initializers = append(g.Initializers, &apart)
				separated = append(separated, fmt.Sprintf("%q, a running statistic of %v that was merged with others into %q, is an initializer of its own",
					apart.Name, n, name))
			}
			g.Nodes[at] = rewired(g.Nodes[at], i, own[name+owner], sites)
		}
	}
	return separated
}

// statisticSuffix is what PyTorch calls the running statistics, by the inputs of BatchNormalization.
var statisticSuffix = map[int]string{3: ".running_mean", 4: ".running_var"}

// layerOf identifies the layer that a normalization is: that of all nodes with the same tensors, unless one of them is there twice,
// which is the work of a simplifier.
func layerOf(n *onnx.Node, at int) string {
	tensors := slices.Clone(n.Inputs[1:])
	slices.Sort(tensors)
	if len(slices.Compact(tensors)) < len(n.Inputs)-1 {
		return fmt.Sprint("#", at)
	}
	return fmt.Sprintf("%q", n.Inputs[1:])
}

// rewired returns a copy of a node that reads another value.
func rewired(n *onnx.Node, input int, name string, sites map[*onnx.Node]*site) *onnx.Node {
	c := *n
	c.Inputs = slices.Clone(n.Inputs)
	c.Inputs[input] = name
	if s := sites[n]; s != nil {
		sites[&c] = s
	}
	return &c
}

// unusedName returns a name that is not taken: this one, or with a number behind it.
func unusedName(name string, taken map[string]bool) string {
	unique := name
	for i := 2; taken[unique]; i++ {
		unique = fmt.Sprint(name, "#", i)
	}
	return unique
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
	originals := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		if isFloat(t.DType) {
			originals[t.Name] = t
		}
	}
	statistics := runningStatistics(g)
	var ties []Tie
	places := map[string]int{} // in ties, by initializer
	for _, n := range g.Nodes {
		original := copied(n, originals)
		if original == nil {
			continue
		}
		originals[n.Outputs[0]] = original
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
	shared, readings := sharedReadings(g)
	for _, t := range shared {
		if !merged(t) {
			continue
		}
		at, known := places[t.Name]
		if !known {
			at, ties = len(ties), append(ties, Tie{Initializer: t.Name})
		}
		for i := range readings[t.Name][1:] {
			ties[at].Copies = append(ties[at].Copies, copyOf(t.Name, i+2))
		}
	}
	return ties
}
