package onnx

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// letters builds a graph from lines "output = input input …"; an input that no
// line produces is an input of the graph.
func letters(lines ...string) *Graph {
	g := &Graph{}
	defined := make(map[string]bool)
	for _, line := range lines {
		outputs, inputs, _ := strings.Cut(line, "=")
		n := &Node{OpType: "F", Inputs: strings.Fields(inputs), Outputs: strings.Fields(outputs)}
		for _, output := range n.Outputs {
			defined[output] = true
		}
		g.Nodes = append(g.Nodes, n)
	}
	for _, n := range g.Nodes {
		for _, input := range n.Inputs {
			if !defined[input] {
				defined[input] = true
				g.Inputs = append(g.Inputs, &ValueInfo{Name: input})
			}
		}
	}
	return g
}

func TestNodesComeAfterWhatTheyUse(t *testing.T) {
	for _, test := range []struct {
		rule  string
		lines []string
		want  string
	}{
		{"a sorted file keeps its order", []string{"b = x", "a = x", "d = b", "c = a d"}, "b a d c"},
		{"a reversed chain is turned", []string{"c = b", "b = a", "a = x"}, "a b c"},
		{"one node out of place moves", []string{"a = x", "c = a b", "b = x", "d = c"}, "a b c d"},
		{"any output orders", []string{"d = c", "b c = x"}, "b d"},
		{"nodes without inputs stay", []string{"a =", "b =", "c = b a"}, "a b c"},
		{"a value used twice", []string{"b = a a", "a = x x"}, "a b"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			g := letters(test.lines...)
			if err := g.sortNodes(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range g.Nodes {
				got = append(got, n.Outputs[0])
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("order %v, want %s", got, test.want)
			}
		})
	}
}

func TestNodesComeAfterWhatTheirSubgraphsUse(t *testing.T) {
	inner := letters("r = late")
	inner.Inputs, inner.Outputs = nil, []*ValueInfo{{Name: "r"}}
	outer := &Graph{Nodes: []*Node{{OpType: "If", Outputs: []string{"r2"}, Attributes: []*Attribute{GraphAttr("then_branch", inner)}}}}
	outer.Outputs = []*ValueInfo{{Name: "r2"}, {Name: "later"}}

	g := letters("y = x", "late = x", "later = x")
	g.Nodes[0].Attributes = []*Attribute{GraphAttr("then_branch", outer)}
	if err := g.sortNodes(); err != nil {
		t.Fatal(err)
	}
	if last := g.Nodes[2].Outputs[0]; last != "y" {
		t.Errorf("the last node produces %q, want y", last)
	}
}

func TestDependenciesAreThoseThatONNXGoReads(t *testing.T) {
	for _, test := range []struct {
		rule  string
		lines []string
		want  [][]int
	}{
		{"in the order of the inputs", []string{"a = x", "b = x", "c = b x a"}, [][]int{nil, nil, {1, 0}}},
		{"once for each use", []string{"a = x", "b = a a"}, [][]int{nil, {0, 0}}},
		{"through any output", []string{"a b = x", "c = b"}, [][]int{nil, {0}}},
		{"none without inputs", []string{"a =", "b = a"}, [][]int{nil, {0}}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			s := testSkeleton(t, letters(test.lines...))
			if got, err := s.dependencies(); err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("dependencies %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestOmittedInputsOrderNothing(t *testing.T) {
	g := letters("a = x", "b = a")
	g.Nodes[0].Inputs = []string{"", "x", ""}
	g.Nodes[1].Outputs = []string{"", "b"}
	s := testSkeleton(t, g)
	if got, err := s.dependencies(); err != nil || !reflect.DeepEqual(got, [][]int{nil, {0}}) {
		t.Errorf("dependencies %v, %v", got, err)
	}
}

func TestDisagreementWithONNXGoIsAnError(t *testing.T) {
	for rule, spoil := range map[string]func([]*Node){
		"another input":    func(nodes []*Node) { nodes[1].Inputs = []string{"a", "x"} },
		"another number":   func(nodes []*Node) { nodes[1].Inputs = []string{"a"} },
		"another operator": func(nodes []*Node) { nodes[1].OpType = "G" },
		"another output":   func(nodes []*Node) { nodes[1].Outputs = []string{"c"} },
	} {
		t.Run(rule, func(t *testing.T) {
			s := testSkeleton(t, letters("a = x", "b = a a"))
			told := skeleton{slices.Clone(s.nodes)}
			changed := *s.nodes[1]
			told.nodes[1] = &changed
			spoil(told.nodes)
			r := &recorder{nodes: told.nodes, outputs: make([]*vertex, 2)}
			if err := s.decodeInto(r); err == nil || !strings.Contains(err.Error(), "onnx-go reads node 1 as") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestPanicsOfONNXGoAreErrors(t *testing.T) {
	s := testSkeleton(t, letters("a = x"))
	if err := s.decodeInto(&recorder{nodes: s.nodes}); err == nil { // no room for outputs: the recorder panics
		t.Error("no error")
	}
}

func testSkeleton(t *testing.T, g *Graph) skeleton {
	t.Helper()
	producer, err := g.producers()
	if err != nil {
		t.Fatal(err)
	}
	inputs := make([][]string, len(g.Nodes))
	for i, n := range g.Nodes {
		inputs[i] = n.Inputs
	}
	return g.skeleton(producer, inputs)
}
