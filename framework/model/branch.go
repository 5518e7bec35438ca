package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Branches are taken while the graph is written: PyTorch exports a squeeze of an unknown dimension as a question about a shape.
var branches = map[string]operator{}

func init() { branches["If"] = operator{1, 1, branch} } // not in the literal: importing a branch leads back to the tables

// branch imports the branch that a constant condition chooses as if its nodes stood in the graph.
func branch(c *call) value {
	name := "else_branch"
	if c.scalar(0) != 0 {
		name = "then_branch"
	}
	c.attribute("then_branch", onnx.AttributeGraph)
	c.attribute("else_branch", onnx.AttributeGraph)
	a := c.attribute(name, onnx.AttributeGraph)
	switch {
	case c.err != nil:
		return value{}
	case a == nil:
		c.fail("attribute %s is missing", name)
		return value{}
	case len(a.G.Initializers) > 0 || len(a.G.SparseInitializers) > 0 || len(a.G.Outputs) != 1:
		c.fail("attribute %s: only a graph with one output and without initializers is supported", name)
		return value{}
	}
	if err := c.writer.nodes(a.G.Nodes); err != nil {
		c.fail("attribute %s: %w", name, err)
	}
	v, known := c.writer.values[a.G.Outputs[0].Name]
	if !known {
		c.fail("attribute %s: nothing computes its output %q", name, a.G.Outputs[0].Name)
	}
	return v
}

// mentioned calls f with every value that a node reads, its branches included, and whether it is read as a setting.
func mentioned(n *onnx.Node, f func(name string, setting bool)) {
	for i, name := range n.Inputs {
		if name != "" {
			f(name, n.Domain == "" && slices.Contains(settings[n.OpType], i))
		}
	}
	for _, a := range n.Attributes {
		if a.G == nil {
			continue
		}
		for _, inner := range a.G.Nodes {
			mentioned(inner, f)
		}
		for _, out := range a.G.Outputs {
			f(out.Name, false)
		}
	}
}
