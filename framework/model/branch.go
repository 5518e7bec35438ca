package model

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Branches are taken while the graph is written: PyTorch exports a squeeze of an unknown dimension as a question about a shape.
// The answer may depend on the batch, but the parameters do not: an initializer of the graph is trained if any branch reads it that may
// be taken, and has the gradient zero where it is not. Where inputs that are fixed decide, the other branch is none of these. The initializers of a branch itself are constants, as they have no
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

// ruleOut finds the branches that are not taken whatever is fed: their conditions follow from inputs that are fixed.
func (m *Model) ruleOut() {
	m.ruledOut = map[*onnx.Graph]bool{}
	values := m.fixedTensors()
	var visit func(nodes []*onnx.Node)
	visit = func(nodes []*onnx.Node) {
		for _, n := range nodes {
			if n.OpType == "If" && n.Domain == "" && len(n.Inputs) == 1 {
				m.decide(n, values)
			}
			for _, g := range subgraphs(n) {
				visit(g.Nodes)
			}
		}
	}
	if len(values) > 0 {
		visit(m.nodes)
	}
}

// decide rules out a branch of a node, if its condition is known.
func (m *Model) decide(n *onnx.Node, values []*onnx.Tensor) {
	from := map[string]bool{n.Inputs[0]: true}
	m.collectSources(from)
	depends := func(in Input) bool { return from[in.Name] }
	if slices.ContainsFunc(m.Inputs, depends) || !slices.ContainsFunc(m.fixed, depends) {
		return
	}
	never := "then_branch"
	switch truth, known := m.truth(n.Inputs[0], values); {
	case !known:
		return
	case truth:
		never = "else_branch"
	}
	if a := n.Attr(never); a != nil && a.G != nil {
		m.ruledOut[a.G] = true
	}
}

// truth computes a truth value from constants. What cannot be computed is not known.
func (m *Model) truth(name string, values []*onnx.Tensor) (truth, known bool) {
	for _, t := range values {
		if t.Name == name {
			numbers, err := t.Float64s()
			return err == nil && len(numbers) == 1 && numbers[0] != 0, err == nil && len(numbers) == 1
		}
	}
	var numbers []float64
	err := ops.Build(func() error {
		applied, err := Apply(m.Source, name, values, array.Float32)
		if err == nil {
			numbers, _ = applied.Output.Known()
		}
		return err
	})
	return len(numbers) == 1 && numbers[0] != 0, err == nil && len(numbers) == 1
}

// fixedTensors returns the inputs that are fixed, at a typical batch, where their values have its shape.
func (m *Model) fixedTensors() (list []*onnx.Tensor) {
	batch := TypicalBatch(m.Inputs)
	for _, in := range m.fixed {
		if t, err := in.tensor(batch); err == nil {
			list = append(list, t)
		}
	}
	return list
}

// tensor returns a fixed input as a tensor of its type.
func (in Input) tensor(batch int) (*onnx.Tensor, error) {
	if slices.Contains(in.sizes, open) {
		return nil, &OpenError{}
	}
	numbers, err := in.Fixed(batch)
	if err != nil {
		return nil, err
	}
	t := &onnx.Tensor{Name: in.Name, DType: in.DType}
	for _, n := range in.Shape(batch) {
		t.Dims = append(t.Dims, int64(n))
	}
	if isFloat(in.DType) {
		return t.WithFloat64s(numbers)
	}
	whole := make([]int64, len(numbers))
	for i, v := range numbers {
		whole[i] = int64(v)
	}
	return t.WithInt64s(whole)
}
