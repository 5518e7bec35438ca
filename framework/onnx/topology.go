package onnx

import (
	"fmt"
	"slices"
	"strings"
)

// sortNodes puts the nodes of a valid graph into topological order, and leaves
// an order that is topological as it is. Values that nothing produces and
// cycles are errors.
func (g *Graph) sortNodes() error {
	producer, err := g.producers()
	if err != nil {
		return err
	}
	inputs := make([][]string, len(g.Nodes))
	for i, n := range g.Nodes {
		inputs[i] = slices.Concat(n.Inputs, n.captured())
		for j, name := range inputs[i] {
			if _, defined := producer[name]; !defined && name != "" {
				return fmt.Errorf("%s: its input %d, %q, is not an input of the graph, an initializer or an output of a node", g.at(i), j, name)
			}
		}
	}
	for _, v := range g.Outputs {
		if _, defined := producer[v.Name]; !defined {
			return fmt.Errorf("output %q is not an output of a node, an initializer or an input", v.Name)
		}
	}
	if len(g.Nodes) == 0 {
		return nil // onnx-go refuses such a graph
	}
	dependencies, err := g.skeleton(producer, inputs).dependencies()
	if err != nil {
		return err
	}
	order, cycle := topologicalOrder(dependencies)
	if cycle != nil {
		return g.cycleError(cycle)
	}
	sorted := make([]*Node, len(order))
	for i, position := range order {
		sorted[i] = g.Nodes[position]
	}
	g.Nodes = sorted
	return nil
}

// captured returns the values that the node's subgraphs use and do not define.
func (n *Node) captured() []string {
	var names []string
	for _, a := range n.Attributes {
		for _, sub := range a.subgraphs() {
			names = append(names, sub.free()...)
		}
	}
	return names
}

// free returns, once each, the values that g uses and does not define.
func (g *Graph) free() []string {
	known := map[string]bool{"": true}
	for _, v := range g.Inputs {
		known[v.Name] = true
	}
	for _, name := range g.initializerNames() {
		known[name] = true
	}
	for _, n := range g.Nodes {
		for _, output := range n.Outputs {
			known[output] = true
		}
	}
	var names []string
	use := func(name string) {
		if !known[name] {
			known[name] = true
			names = append(names, name)
		}
	}
	for _, n := range g.Nodes {
		for _, name := range slices.Concat(n.Inputs, n.captured()) {
			use(name)
		}
	}
	for _, v := range g.Outputs {
		use(v.Name)
	}
	return names
}

// topologicalOrder returns the positions 0, 1, … with each after those that it
// depends on, and in ascending order if that is such an order; or else the
// positions along a cycle, each depending on the next.
func topologicalOrder(dependencies [][]int) (order, cycle []int) {
	type visit struct{ position, next int } // next: how many dependencies were looked at
	const unseen, open, done = 0, 1, 2
	state := make([]int8, len(dependencies))
	var path []visit
	for root := range dependencies {
		if state[root] == unseen {
			state[root] = open
			path = append(path, visit{position: root})
		}
		for len(path) > 0 {
			top := &path[len(path)-1]
			if top.next == len(dependencies[top.position]) {
				state[top.position] = done
				order = append(order, top.position)
				path = path[:len(path)-1]
				continue
			}
			dependency := dependencies[top.position][top.next]
			top.next++
			switch state[dependency] {
			case unseen:
				state[dependency] = open
				path = append(path, visit{position: dependency})
			case open:
				for i := len(path) - 1; len(cycle) == 0 || cycle[len(cycle)-1] != dependency; i-- {
					cycle = append(cycle, path[i].position)
				}
				slices.Reverse(cycle)
				return nil, cycle
			}
		}
	}
	return order, nil
}

func (g *Graph) cycleError(cycle []int) error {
	const most = 8
	var names []string
	for _, position := range cycle[:min(len(cycle), most)] {
		names = append(names, g.at(position))
	}
	if more := len(cycle) - most; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Errorf("the nodes form a cycle, each using an output of the next and the last of the first: %s", strings.Join(names, ", "))
}
