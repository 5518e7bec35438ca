package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// reading is an input of a node that reads an initializer as an operand.
type reading struct{ node, input int }

// sharedReadings returns the initializers of more than one number that several inputs of nodes read as operands, in the file's order.
func sharedReadings(g *onnx.Graph) (shared []*onnx.Tensor, readings map[string][]reading) {
	initialized := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		if isFloat(t.DType) && slices.ContainsFunc(t.Dims, func(n int64) bool { return n > 1 }) {
			initialized[t.Name] = t
		}
	}
	readings = map[string][]reading{}
	for at, n := range g.Nodes {
		if operators[n.OpType].flat || copied(n, initialized) != nil || n.OpType == "Slice" || n.OpType == "Split" {
			continue // a recurrent layer's gates are parts of one tensor
		}
		for i, name := range n.Inputs {
			if initialized[name] != nil && usageOf(n, i) == operand {
				readings[name] = append(readings[name], reading{at, i})
			}
		}
	}
	for _, t := range g.Initializers {
		if initialized[t.Name] == t && len(readings[t.Name]) > 1 {
			shared = append(shared, t)
		}
	}
	return shared, readings
}

// merged reports whether an initializer that several inputs read looks like several equal ones, to which an exporter gave one name: a vector
// of equal numbers, such as the scales of fresh normalizations or biases of zeros. PyTorch's default exporter merges these without an
// Identity. Other numbers are equal on purpose, or copies of a fresh layer, which nothing tells apart.
func merged(t *onnx.Tensor) bool {
	if len(t.Dims) == 0 || slices.Max(t.Dims) > 1<<20 {
		return false
	}
	numbers, err := t.Float64s()
	if err != nil || int64(len(numbers)) != slices.Max(t.Dims) {
		return false
	}
	return !slices.ContainsFunc(numbers, func(v float64) bool { return v != numbers[0] })
}

// copyOf names the parameter that stands in the place of a merged initializer at its i-th reading, counted from 2.
func copyOf(name string, i int) string { return fmt.Sprint(name, "#", i) }

// separateMerged gives each reading of a merged initializer one of its own, but for the first.
func separateMerged(g *onnx.Graph, sites map[*onnx.Node]*site) (separated []string) {
	shared, readings := sharedReadings(g)
	for _, t := range shared {
		if !merged(t) {
			continue
		}
		for i, r := range readings[t.Name][1:] {
			own := *t
			own.Name = copyOf(t.Name, i+2)
			g.Initializers = append(g.Initializers, &own)
			g.Nodes[r.node] = rewired(g.Nodes[r.node], r.input, own.Name, sites)
			separated = append(separated, fmt.Sprintf("%q, merged with others into %q, is an initializer of its own", own.Name, t.Name))
		}
	}
	return separated
}
