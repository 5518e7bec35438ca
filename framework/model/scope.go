package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// scope says what the names in a list of nodes stand for.
type scope struct {
	outer      *scope            // of a branch: what stands around it
	names      map[string]string // of values
	open       bool              // other names stand for themselves: those of the graph itself
	prefix     string            // of new names
	attributes map[string]*onnx.Attribute
	site       *site
}

// branch returns the scope of a subgraph.
func (s *scope) branch() *scope {
	return &scope{outer: s, names: map[string]string{}, open: s.open, prefix: s.prefix, attributes: s.attributes, site: s.site}
}

// resolve returns the names that stand for these in the inlined graph.
func (s *scope) resolve(names []string) ([]string, error) {
	resolved := make([]string, len(names))
	for i, name := range names {
		var known bool
		if resolved[i], known = s.lookup(name); !known {
			return nil, fmt.Errorf("nothing computes %q", name)
		}
	}
	return resolved, nil
}

func (s *scope) lookup(name string) (string, bool) {
	if name == "" {
		return "", true
	}
	for at := s; at != nil; at = at.outer {
		if actual, known := at.names[name]; known {
			return actual, true
		}
	}
	return name, s.open
}

// bind sets what a call gives: inputs and attributes.
func (s *scope) bind(n *onnx.Node, f *function) error {
	switch opset := s.site.opset; {
	case len(n.Inputs) > len(f.Inputs):
		return fmt.Errorf("%v takes %d inputs, not %d", f, len(f.Inputs), len(n.Inputs))
	case len(n.Outputs) > len(f.Outputs):
		return fmt.Errorf("%v has %d outputs, not %d", f, len(f.Outputs), len(n.Outputs))
	case opset != 0 && (opset < MinOpset || opset > MaxOpset):
		return fmt.Errorf("%v: opset %d is not supported (%d to %d are)", f, opset, MinOpset, MaxOpset)
	}
	for i, formal := range f.Inputs {
		s.names[formal] = ""
		if i < len(n.Inputs) {
			s.names[formal] = n.Inputs[i]
		}
	}
	s.attributes = map[string]*onnx.Attribute{}
	for _, a := range f.Defaults {
		s.attributes[a.Name] = a
	}
	for _, a := range n.Attributes {
		if s.attributes[a.Name] == nil && !slices.Contains(f.Attributes, a.Name) {
			return fmt.Errorf("%v has no attribute %s", f, a.Name)
		}
		s.attributes[a.Name] = a
	}
	return nil
}
