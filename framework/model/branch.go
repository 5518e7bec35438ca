package model

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Branches are taken while the graph is written: PyTorch exports a squeeze of an unknown dimension as a question about a shape.
// The answer may depend on the batch, but the parameters do not: an initializer of the graph is trained if any branch reads it,
// and has the gradient zero where that branch is not taken. The initializers of a branch itself are constants, as they have no
// place among the graph's, which are what a trained model is saved by.
func branches() map[string]operator { // no variable: importing a branch leads back to the table of all operators
	return map[string]operator{"If": takes(1, 1, branch).settings(0)}
}

// branch imports the branch that a constant condition chooses as if its nodes stood in the graph.
func branch(c *call) ops.Expr {
	name := "else_branch"
	if c.scalar(0) != 0 {
		name = "then_branch"
	}
	c.attribute("then_branch", onnx.AttributeGraph)
	c.attribute("else_branch", onnx.AttributeGraph)
	a := c.attribute(name, onnx.AttributeGraph)
	switch {
	case c.err != nil:
		return ops.Expr{}
	case a == nil:
		c.fail("attribute %s is missing", name)
		return ops.Expr{}
	case len(a.G.SparseInitializers) > 0 || len(a.G.Outputs) != len(c.node.Outputs):
		c.fail("attribute %s: %d outputs for the node's %d, %d sparse initializers",
			name, len(a.G.Outputs), len(c.node.Outputs), len(a.G.SparseInitializers))
		return ops.Expr{}
	}
	if err := c.writer.branch(a.G); err != nil {
		c.fail("attribute %s: %w", name, err)
		return ops.Expr{}
	}
	for i, out := range a.G.Outputs {
		v, known := c.writer.values[out.Name]
		if !known {
			c.fail("attribute %s: nothing computes its output %q", name, out.Name)
		}
		c.outputs[i] = v
	}
	c.dtype = c.outputs[0].dtype
	return c.outputs[0].expr
}

// branch imports the nodes of a subgraph. Its own initializers are constants.
func (w *writer) branch(g *onnx.Graph) error {
	report := w.report
	w.report = nil // what fails here is the failure of the node whose branch this is
	defer func() { w.report = report }()
	for _, t := range g.Initializers {
		v, err := readTensor(t)
		if err != nil {
			return fmt.Errorf("initializer %q: %w", t.Name, err)
		}
		w.values[t.Name] = v
	}
	for _, n := range g.Nodes {
		mentioned(n, func(name string, _ usage) { w.needed[name] = true })
	}
	for _, out := range g.Outputs {
		w.needed[out.Name] = true
	}
	return w.nodes(g.Nodes)
}
