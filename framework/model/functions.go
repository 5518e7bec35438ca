package model

import (
	"fmt"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// maxInlined bounds what calls of functions may become, counted in nodes, their inputs, outputs and attributes: with functions that
// call functions, a small file can ask for any number.
const maxInlined = 1 << 18

// maxNested bounds how deep functions may call functions.
const maxNested = 100

// functions are those that a file defines, by what a node calls them.
type functions map[operatorName]*function

// operatorName is what a node applies: an operator or a function.
type operatorName struct{ domain, name string }

// function is a function of the file with what its calls become, once that was measured.
type function struct {
	*onnx.Function
	measured bool
	size     int // 1 + maxInlined for any larger size
	depth    int // of the calls in it: 1 for none
}

func functionsOf(source *onnx.Model) (functions, error) {
	table := functions{}
	for _, f := range source.Functions {
		name := operatorName{f.Domain, f.Name}
		if table[name] != nil {
			return nil, fmt.Errorf("%v is defined twice; overloads are not supported", f)
		}
		table[name] = &function{Function: f}
	}
	return table, nil
}

// calledBy returns the function that a node calls, or nil if it applies an operator.
func (t functions) calledBy(n *onnx.Node) *function { return t[operatorName{n.Domain, n.OpType}] }

// check refuses calls, among the nodes of a graph, that lead back to themselves or that become too much.
func (t functions) check(nodes []*onnx.Node) error {
	size := 0
	for _, n := range nodes {
		calls, err := t.measureCalls(n, nil)
		if err != nil {
			return err
		}
		if size += calls.size; size > maxInlined {
			return fmt.Errorf("the functions that %v and those before it call become more than %d nodes, inputs, outputs and attributes",
				n, maxInlined)
		}
	}
	return nil
}

// measureCalls measures what the calls in a node, its branches included, become. The path are the functions that led there.
func (t functions) measureCalls(n *onnx.Node, path []*function) (total function, err error) {
	add := func(size, depth int) {
		total.size = min(total.size+size, 1+maxInlined)
		total.depth = max(total.depth, depth)
	}
	if f := t.calledBy(n); f != nil {
		if err := t.measure(f, path); err != nil {
			return total, err
		}
		add(f.size, f.depth)
	}
	for _, g := range subgraphs(n) {
		for _, inner := range g.Nodes {
			calls, err := t.measureCalls(inner, path)
			if err != nil {
				return total, err
			}
			add(calls.size, calls.depth)
		}
	}
	return total, nil
}

func (t functions) measure(f *function, path []*function) error {
	for i, before := range path {
		if before == f {
			return cycleError(path[i:])
		}
	}
	if f.measured {
		return nil
	}
	if len(path) == maxNested {
		return fmt.Errorf("%v is called by functions that are nested more than %d deep", f, maxNested)
	}
	path = append(path, f)
	for _, n := range f.Nodes {
		calls, err := t.measureCalls(n, path)
		if err != nil {
			return err
		}
		f.size = min(f.size+weight(n)+calls.size, 1+maxInlined)
		f.depth = max(f.depth, calls.depth)
	}
	f.depth++
	f.measured = true
	if f.depth > maxNested {
		return fmt.Errorf("%v calls functions that are nested more than %d deep", f, maxNested)
	}
	return nil
}

func cycleError(cycle []*function) error {
	var names []string
	for _, f := range append(cycle, cycle[0]) {
		names = append(names, f.String())
	}
	return fmt.Errorf("functions may not call themselves: %s", strings.Join(names, " calls "))
}

// weight is the size of a node without what it calls.
func weight(n *onnx.Node) int {
	size := 1 + len(n.Inputs) + len(n.Outputs) + len(n.Attributes)
	for _, g := range subgraphs(n) {
		size += len(g.Initializers) + len(g.Inputs) + len(g.Outputs)
		for _, inner := range g.Nodes {
			size += weight(inner)
		}
	}
	return size
}

// subgraphs returns the graphs among a node's attributes: branches and bodies of loops.
func subgraphs(n *onnx.Node) []*onnx.Graph {
	var list []*onnx.Graph
	for _, a := range n.Attributes {
		if a.G != nil {
			list = append(list, a.G)
		}
		list = append(list, a.Graphs...)
	}
	return list
}
