package plan

import (
	"fmt"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// value is a tensor while a graph is compiled: an input, a number that all its elements are, or an operator's result.
type value struct {
	id    int // by creation
	shape tensor.Shape
	size  int

	input *program.Input // nil unless this is an input
	known *float64       // what all elements are, if that is known
	op    ops.Operator
	in    []*value

	// Of the values that are needed:
	position int // in an order in which inputs come before what reads them
	users    []*value
	output   bool
}

func (v *value) String() string {
	switch {
	case v.input != nil && v.input.Node == nil:
		return "constant"
	case v.input != nil:
		return v.input.Node.Name()
	case v.known != nil:
		return fmt.Sprint(*v.known)
	}
	return describe(v.op)
}

func describe(op ops.Operator) string {
	return strings.TrimPrefix(fmt.Sprintf("%T%+v", op, op), "ops.")
}

// graph is what a program's graph becomes before it is planned: equal values are one, what is known is computed, and products take
// transposed operands as they are.
type graph struct {
	values  []*value // in an order in which inputs come before what reads them; only what the outputs need
	outputs []output

	precision array.DType
	fold      bool // compute what depends on constants only
	merged    map[string]*value
	made      int
}

type output struct {
	program.Output
	value *value
}

// read makes the values of a program's graph. With fold, what depends on constants only is computed now.
func read(p *program.Graph, precision array.DType, fold bool) (*graph, error) {
	g := &graph{precision: precision, fold: fold, merged: map[string]*value{}}
	made := map[*gorgonia.Node]*value{}
	for i := range p.Inputs {
		made[p.Inputs[i].Node] = g.input(&p.Inputs[i])
	}
	roots := make([]*gorgonia.Node, len(p.Outputs))
	for i, out := range p.Outputs {
		roots[i] = out.Node
	}
	var failure error
	postorder(roots, ops.Inputs, func(n *gorgonia.Node) {
		if made[n] != nil || failure != nil {
			return
		}
		op := ops.Of(n)
		if op == nil {
			failure = fmt.Errorf("%s is an input without a value, or an operation that is not ours", n.Name())
			return
		}
		var in []*value
		for _, child := range ops.Inputs(n) {
			in = append(in, made[child])
		}
		made[n] = g.apply(op, n.Shape(), in...)
	})
	if failure != nil {
		return nil, failure
	}
	for _, out := range p.Outputs {
		g.outputs = append(g.outputs, output{out, made[out.Node]})
	}
	g.shareMasks()
	g.separate()
	g.order()
	return g, nil
}

// postorder visits what is reachable from the roots, children first. It needs no stack of goroutine frames: graphs are deep.
func postorder[N comparable](roots []N, children func(N) []N, visit func(N)) {
	type frame struct {
		node N
		rest []N
	}
	seen := map[N]bool{}
	var stack []frame
	for _, root := range roots {
		if !seen[root] {
			seen[root] = true
			stack = append(stack, frame{root, children(root)})
		}
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.rest) == 0 {
				visit(top.node)
				stack = stack[:len(stack)-1]
				continue
			}
			child := top.rest[0]
			top.rest = top.rest[1:]
			if !seen[child] {
				seen[child] = true
				stack = append(stack, frame{child, children(child)})
			}
		}
	}
}

// order lists the values that the outputs need, and who uses them.
func (g *graph) order() {
	g.values = g.values[:0]
	roots := make([]*value, len(g.outputs))
	for i, out := range g.outputs {
		roots[i] = out.value
	}
	postorder(roots, func(v *value) []*value { return v.in }, func(v *value) {
		v.position = len(g.values)
		v.users = nil
		g.values = append(g.values, v)
	})
	for _, v := range g.values {
		for i, x := range v.in {
			if i == 0 || v.in[0] != x { // MaxPool reads its input twice
				x.users = append(x.users, v)
			}
		}
	}
	for _, out := range g.outputs {
		out.value.output = true
	}
}

// shareMasks lets masks be made from the activation's output, so that its input need not be kept: relu(x) and x are positive at
// the same places.
func (g *graph) shareMasks() {
	for _, v := range g.merged {
		if u, unary := v.op.(ops.Unary); unary && u.Func == ops.Step {
			if activation := g.merged[identity(ops.Unary{Func: ops.Relu}, v.in)]; activation != nil {
				v.in = []*value{activation}
			}
		}
	}
}

func identity(op ops.Operator, in []*value) string {
	var b strings.Builder
	b.WriteString(describe(op))
	for _, x := range in {
		fmt.Fprintf(&b, " %d", x.id)
	}
	return b.String()
}

func (g *graph) add(v *value) *value {
	v.id, v.size = g.made, v.shape.TotalSize()
	g.made++
	return v
}

func (g *graph) input(in *program.Input) *value {
	v := &value{shape: in.Node.Shape(), input: in}
	if in.Source == program.FromConstant && g.fold {
		if x, is := uniform(in.Value); is {
			v.input, v.known = nil, &x
		}
	}
	return g.add(v)
}

// uniform returns the number that all elements are.
func uniform(a array.Array) (x float64, is bool) {
	for i := range a.Len() {
		if i == 0 {
			x = a.At(0)
		} else if a.At(i) != x {
			return 0, false
		}
	}
	return x, a.Len() > 0 && x == x
}

// filled is a value all of whose elements are a number.
func (g *graph) filled(shape tensor.Shape, x float64) *value {
	k := fmt.Sprintf("%v everywhere in %v", x, shape)
	if v := g.merged[k]; v != nil {
		return v
	}
	v := g.add(&value{shape: shape, known: &x})
	g.merged[k] = v
	return v
}
