package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// A call of a function that the file defines is replaced by the function's nodes, before anything else looks at the graph. Values
// inside get the name of the call in front of theirs. Values inside branches keep theirs, unless another value has it: from here
// on every value of the model, its branches included, has a name of its own.

// site says of a node of a function where it was called.
type site struct {
	call   *onnx.Node
	opset  int64 // of the standard domain, as the function imports it
	caller *site // nil for the graph itself
}

// inline returns the source's graph without calls of functions, and where the nodes that took their places were called. Nodes
// that need no change are the source's own.
func inline(source *onnx.Model) (*onnx.Graph, map[*onnx.Node]*site, error) {
	table, err := functionsOf(source)
	if err != nil {
		return nil, nil, err
	}
	if err := table.check(source.Graph.Nodes); err != nil {
		return nil, nil, err
	}
	in := &inliner{functions: table, sites: map[*onnx.Node]*site{}, taken: map[string]bool{}, copies: map[string]int{}}
	in.claim(source.Graph)
	graph := *source.Graph
	graph.Nodes, err = in.nodes(source.Graph.Nodes, &scope{open: true})
	return &graph, in.sites, err
}

type inliner struct {
	functions functions
	sites     map[*onnx.Node]*site
	taken     map[string]bool // names of values
	copies    map[string]int  // how often a name was asked for
}

// claim notes the names of a graph's values, which keep them.
func (in *inliner) claim(g *onnx.Graph) {
	for _, v := range g.Inputs {
		in.taken[v.Name] = true
	}
	for _, t := range g.Initializers {
		in.taken[t.Name] = true
	}
	for _, t := range g.SparseInitializers {
		if t.Values != nil {
			in.taken[t.Values.Name] = true
		}
	}
	for _, n := range g.Nodes {
		for _, name := range n.Outputs {
			in.taken[name] = true
		}
	}
}

// fresh returns a name that no value has yet: this one, or with a number behind it.
func (in *inliner) fresh(name string) string {
	name = tail(name)
	for {
		in.copies[name]++
		unique := name
		if n := in.copies[name]; n > 1 {
			unique = fmt.Sprint(name, "#", n)
		}
		if !in.taken[unique] {
			in.taken[unique] = true
			return unique
		}
	}
}

// tail shortens names, which nested calls make longer and longer.
func tail(name string) string {
	const longest = 200
	return name[max(0, len(name)-longest):]
}

// declare gives the outputs of a scope's own nodes their names.
func (in *inliner) declare(s *scope, nodes []*onnx.Node) {
	for _, n := range nodes {
		for _, name := range n.Outputs {
			if _, known := s.names[name]; name != "" && !known {
				s.names[name] = in.fresh(s.prefix + name)
			}
		}
	}
}

// nodes inlines the calls among nodes.
func (in *inliner) nodes(list []*onnx.Node, s *scope) ([]*onnx.Node, error) {
	var inlined []*onnx.Node
	for _, n := range list {
		if s.outer == nil && s.open && in.functions.calledBy(n) == nil && len(subgraphs(n)) == 0 {
			inlined = append(inlined, n)
			continue
		}
		c, err := in.node(n, s)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
		f := in.functions.calledBy(n)
		if f == nil {
			inlined = append(inlined, c)
			continue
		}
		body, err := in.call(c, f, s)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", n, err)
		}
		inlined = append(inlined, body...)
	}
	return inlined, nil
}

// node returns a copy of a node with the names that its values have from now on.
func (in *inliner) node(n *onnx.Node, s *scope) (*onnx.Node, error) {
	c := *n
	if s.site != nil && s.site.opset == 0 && n.Domain == "" && in.functions.calledBy(n) == nil {
		return nil, fmt.Errorf("the function names no opset of the standard domain (ai.onnx)")
	}
	var err error
	if c.Inputs, err = s.resolve(n.Inputs); err != nil {
		return nil, err
	}
	if c.Outputs, err = s.resolve(n.Outputs); err != nil {
		return nil, err
	}
	c.Attributes = nil
	for _, a := range n.Attributes {
		own, err := in.attribute(a, s)
		if err != nil {
			return nil, fmt.Errorf("attribute %s: %w", a.Name, err)
		}
		if own != nil {
			c.Attributes = append(c.Attributes, own)
		}
	}
	if s.site != nil {
		in.sites[&c] = s.site
	}
	return &c, nil
}

// attribute returns what an attribute is where a function was called, or nil if it stands for one that the call leaves out.
func (in *inliner) attribute(a *onnx.Attribute, s *scope) (*onnx.Attribute, error) {
	own := *a
	if a.Reference != "" {
		given := s.attributes[a.Reference]
		switch {
		case given == nil:
			return nil, nil
		case given.Type != a.Type:
			return nil, fmt.Errorf("it is of type %v and stands for %s of type %v", a.Type, a.Reference, given.Type)
		case given.G != nil || len(given.Graphs) > 0: // the nodes would be as many as the references to them
			return nil, fmt.Errorf("it stands for %s, a graph, which is not supported", a.Reference)
		}
		own = *given
		own.Name = a.Name
		return &own, nil
	}
	var err error
	if a.G != nil {
		if own.G, err = in.graph(a.G, s.branch()); err != nil {
			return nil, err
		}
	}
	own.Graphs = slices.Clone(a.Graphs)
	for i, g := range a.Graphs {
		if own.Graphs[i], err = in.graph(g, s.branch()); err != nil {
			return nil, err
		}
	}
	return &own, nil
}

// graph returns a copy of a subgraph with a scope of its own.
func (in *inliner) graph(g *onnx.Graph, s *scope) (*onnx.Graph, error) {
	c := *g
	c.Initializers, c.Inputs, c.Outputs, c.ValueInfo = nil, nil, nil, nil
	for _, v := range g.Inputs {
		s.names[v.Name] = in.fresh(s.prefix + v.Name)
		own := *v
		own.Name = s.names[v.Name]
		c.Inputs = append(c.Inputs, &own)
	}
	for _, t := range g.Initializers {
		s.names[t.Name] = in.fresh(s.prefix + t.Name)
		own := *t
		own.Name = s.names[t.Name]
		c.Initializers = append(c.Initializers, &own)
	}
	in.declare(s, g.Nodes)
	for _, v := range g.Outputs {
		name, known := s.lookup(v.Name)
		if !known {
			return nil, fmt.Errorf("nothing computes the output %q", v.Name)
		}
		own := *v
		own.Name = name
		c.Outputs = append(c.Outputs, &own)
	}
	var err error
	c.Nodes, err = in.nodes(g.Nodes, s)
	return &c, err
}

// call returns the nodes of a function in the place of a call, whose own names are those of the inlined graph.
func (in *inliner) call(n *onnx.Node, f *function, caller *scope) ([]*onnx.Node, error) {
	s := &scope{names: map[string]string{}, prefix: tail(caller.prefix + callLabel(n) + "/")}
	s.site = &site{call: n, opset: f.Opsets[""], caller: caller.site}
	if err := s.bind(n, f); err != nil {
		return nil, err
	}
	var passed []*onnx.Node // inputs that are outputs too
	for i, formal := range f.Outputs {
		name := ""
		if i < len(n.Outputs) {
			name = n.Outputs[i]
		}
		switch value, bound := s.names[formal]; {
		case name == "":
		case bound:
			pass := &onnx.Node{Name: formal, OpType: "Identity", Inputs: []string{value}, Outputs: []string{name}}
			in.sites[pass] = s.site
			passed = append(passed, pass)
		default:
			s.names[formal] = name
		}
	}
	in.declare(s, f.Nodes)
	body, err := in.nodes(f.Nodes, s)
	return append(body, passed...), err
}

// callLabel is the name of a node, or of its first output where it has none.
func callLabel(n *onnx.Node) string { return cmp.Or(append([]string{n.Name}, n.Outputs...)...) }

// version returns the version of a node's operator set.
func (m *Model) version(n *onnx.Node) int64 {
	if n.Domain != "" {
		return m.Source.Opsets[n.Domain]
	}
	if o := m.sites[n]; o != nil {
		return o.opset
	}
	return m.opset
}

// calls names the calls that a node comes from, the last one first.
func (m *Model) calls(n *onnx.Node) string {
	var list strings.Builder
	for o := m.sites[n]; o != nil; o = o.caller {
		fmt.Fprint(&list, " in ", o.call)
	}
	return list.String()
}
