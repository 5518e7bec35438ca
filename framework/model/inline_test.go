package model

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// applied is a node of the standard domain, or with a name like "f.Norm" a call of a function. Its outputs are listed like "y z".
func applied(operator, outputs, inputs string, attributes ...*onnx.Attribute) *onnx.Node {
	n := &onnx.Node{OpType: operator, Outputs: listed(outputs), Inputs: listed(inputs), Attributes: attributes}
	if domain, name, called := strings.Cut(operator, "."); called {
		n.Domain, n.OpType = domain, name
	}
	return n
}

// listed splits a list of names, of which "-" is one that is omitted.
func listed(names string) []string {
	list := strings.Fields(names)
	for i, name := range list {
		list[i] = strings.TrimPrefix(name, "-")
	}
	return list
}

// define is a function in the domain "f" and of opset 17.
func define(name, inputs, outputs string, nodes ...*onnx.Node) *onnx.Function {
	return &onnx.Function{
		Name: name, Domain: "f", Inputs: listed(inputs), Outputs: listed(outputs), Nodes: nodes, Opsets: map[string]int64{"": 17},
	}
}

func (f functionTest) takes(attributes ...string) functionTest {
	f.functions[0].Attributes = attributes
	return f
}

func (f functionTest) withDefault(a *onnx.Attribute) functionTest {
	f.functions[0].Defaults = []*onnx.Attribute{a}
	return f
}

func (f functionTest) opset(version int64) functionTest {
	f.functions[0].Opsets = map[string]int64{"": version}
	return f
}

// functionTest is a model with functions, whose input x, a constant, is (1, 2, 3).
type functionTest struct {
	rule      string
	nodes     []*onnx.Node
	functions []*onnx.Function
	want      *onnx.Tensor
}

func (f functionTest) model() *onnx.Model {
	x := floats([]int64{3}, 1, 2, 3)
	x.Name = "x"
	return &onnx.Model{Opsets: map[string]int64{"": 17, "f": 1}, Functions: f.functions, Graph: &onnx.Graph{
		Nodes: f.nodes, Initializers: []*onnx.Tensor{x}, Outputs: []*onnx.ValueInfo{{Name: "y"}},
	}}
}

func nodes(list ...*onnx.Node) []*onnx.Node { return list }

func stands(name, reference string, t onnx.AttributeType) *onnx.Attribute {
	return &onnx.Attribute{Name: name, Type: t, Reference: reference}
}

func thenElse(then, otherwise *onnx.Graph) []*onnx.Attribute {
	return attrs(onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", otherwise))
}

func TestACallComputesWhatItsFunctionSays(t *testing.T) {
	truth := applied("Constant", "yes", "", onnx.TensorAttr("value", ints(1)))
	lie := applied("Constant", "no", "", onnx.TensorAttr("value", ints(0)))
	double := define("Double", "a", "b", applied("Add", "b", "a a"))
	subgraph := func(output string, list ...*onnx.Node) *onnx.Graph {
		return &onnx.Graph{Nodes: list, Outputs: []*onnx.ValueInfo{{Name: output}}}
	}
	leaky := define("Leaky", "a", "b", applied("Neg", "n", "a"), applied("LeakyRelu", "b", "n", stands("alpha", "slope", onnx.AttributeFloat)))
	least := define("Least", "a low high", "b", applied("Clip", "b", "a low high"))
	bounded := applied("Constant", "two", "", onnx.FloatAttr("value_float", 2))
	old := define("Old", "a", "b",
		applied("Unsqueeze", "u", "a", onnx.IntsAttr("axes", 0, 2)), // (1, 3, 1)
		applied("Softmax", "s", "u"),                                // over all but the first axis
		applied("ReduceSum", "r", "s", onnx.IntsAttr("axes", 1)),    // one
		applied("Squeeze", "q", "r", onnx.IntsAttr("axes", 1, 2)),   // (1)
		applied("Mul", "b", "a q"))

	for _, c := range []functionTest{
		{"a name for inputs, outputs and what is between them", nodes(applied("f.F", "y", "x")),
			defined(define("F", "x", "y", applied("Mul", "z", "x x"), applied("Neg", "y", "z"))), floats([]int64{3}, -1, -4, -9)},
		{"values of equal names in the graph, in two functions and in two calls",
			nodes(applied("Neg", "z", "x"), applied("f.F", "u", "z"), applied("f.F", "v", "u"), applied("f.G", "w", "v"), applied("Add", "y", "w z")),
			defined(define("F", "x", "y", applied("Mul", "z", "x x"), applied("Sqrt", "y", "z")), define("G", "x", "y", applied("Add", "z", "x x"), applied("Add", "y", "z x"))),
			floats([]int64{3}, 2, 4, 6)},
		{"functions that call functions", nodes(applied("f.F", "y", "x")),
			defined(define("F", "a", "b", applied("f.Double", "c", "a"), applied("f.Double", "b", "c")), double), floats([]int64{3}, 4, 8, 12)},
		{"several outputs, of which one is omitted", nodes(applied("f.F", "- y", "x")),
			defined(define("F", "a", "b c", applied("Neg", "b", "a"), applied("Neg", "c", "b"))), floats([]int64{3}, 1, 2, 3)},
		{"outputs that the call leaves out at the end", nodes(applied("f.F", "y", "x")),
			defined(define("F", "a", "b c", applied("Neg", "b", "a"), applied("Neg", "c", "b"))), floats([]int64{3}, -1, -2, -3)},
		{"an omitted input", nodes(bounded, applied("f.Least", "y", "x - two")), defined(least), floats([]int64{3}, 1, 2, 2)},
		{"inputs that the call leaves out at the end", nodes(bounded, applied("f.Least", "y", "x two")), defined(least), floats([]int64{3}, 2, 2, 3)},
		{"an input that is an output", nodes(applied("f.F", "u y", "x")), defined(define("F", "a", "b a", applied("Neg", "b", "a"))), floats([]int64{3}, 1, 2, 3)},
		{"an output that is listed twice", nodes(applied("f.F", "u v", "x"), applied("Add", "y", "u v")),
			defined(define("F", "a", "b b", applied("Neg", "b", "a"))), floats([]int64{3}, -2, -4, -6)},

		functionTest{"an attribute of the call", nodes(applied("f.Leaky", "y", "x", onnx.FloatAttr("slope", 0.5))),
			defined(leaky), floats([]int64{3}, -0.5, -1, -1.5)}.takes("slope"),
		functionTest{"an attribute's default", nodes(applied("f.Leaky", "y", "x")),
			defined(clone(leaky)), floats([]int64{3}, -0.25, -0.5, -0.75)}.withDefault(onnx.FloatAttr("slope", 0.25)),
		functionTest{"an attribute instead of its default", nodes(applied("f.Leaky", "y", "x", onnx.FloatAttr("slope", 0.5))),
			defined(clone(leaky)), floats([]int64{3}, -0.5, -1, -1.5)}.withDefault(onnx.FloatAttr("slope", 0.25)),
		functionTest{"an attribute that the call leaves out is the operator's default", nodes(applied("f.Leaky", "y", "x")),
			defined(clone(leaky)), floats([]int64{3}, -0.01, -0.02, -0.03)}.takes("slope"),
		functionTest{"an attribute that is handed on", nodes(applied("f.F", "y", "x", onnx.FloatAttr("s", 0.5))),
			defined(define("F", "a", "b", applied("f.Leaky", "b", "a", stands("slope", "s", onnx.AttributeFloat))), leaky),
			floats([]int64{3}, -0.5, -1, -1.5)}.takes("s"),

		{"the name of an operator is the function's", nodes(applied("Relu", "y", "x")),
			defined(&onnx.Function{Name: "Relu", Inputs: []string{"a"}, Outputs: []string{"b"}, Nodes: nodes(applied("Neg", "b", "a")), Opsets: map[string]int64{"": 17}}),
			floats([]int64{3}, -1, -2, -3)},
		functionTest{"nodes are of their function's opset", nodes(applied("f.Old", "h", "x"), applied("Softmax", "s", "h"), applied("ReduceSum", "r", "s"), applied("Mul", "y", "h r")),
			defined(old), floats([]int64{3}, 1, 2, 3)}.opset(12),

		{"a call in a branch", nodes(truth, applied("If", "y", "yes", thenElse(subgraph("b", applied("f.Double", "b", "x")), subgraph("b", applied("Neg", "b", "x")))...)),
			defined(double), floats([]int64{3}, 2, 4, 6)},
		{"branches in a function see its names", nodes(lie, applied("f.F", "y", "x no")),
			defined(define("F", "a no", "b", applied("Neg", "c", "a"),
				applied("If", "b", "no", thenElse(subgraph("c2", applied("Neg", "c2", "a")), subgraph("c2", applied("Add", "c2", "c a"), applied("Neg", "unused", "c")))...))),
			floats([]int64{3}, 0, 0, 0)},
		functionTest{"branches in a function see its attributes", nodes(truth, applied("f.F", "y", "x yes", onnx.FloatAttr("s", 2))),
			defined(define("F", "a yes", "b", applied("If", "b", "yes",
				thenElse(subgraph("c", applied("Constant", "k", "", stands("value_float", "s", onnx.AttributeFloat)), applied("Mul", "c", "a k")), subgraph("a"))...))),
			floats([]int64{3}, 2, 4, 6)}.takes("s"),
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := evaluate(t, c.model(), "y")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, expected(t, c.want))
		})
	}
}

func defined(functions ...*onnx.Function) []*onnx.Function { return functions }

func clone(f *onnx.Function) *onnx.Function {
	c := *f
	c.Attributes, c.Defaults = nil, nil
	return &c
}

func TestACallThatCannotBeInlinedIsRefusedByName(t *testing.T) {
	one := func(f *onnx.Function, call *onnx.Node) functionTest {
		return functionTest{nodes: nodes(call), functions: defined(f)}
	}
	relu := func() *onnx.Function { return define("F", "a", "b", applied("Relu", "b", "a")) }
	broken := define("Inner", "a", "b", applied("Relu", "b", "a", onnx.IntAttr("axis", 1)))
	outer := &onnx.Node{Name: "call", Domain: "f", OpType: "Outer", Inputs: []string{"x"}, Outputs: []string{"y"}}
	body := &onnx.Graph{Outputs: []*onnx.ValueInfo{{Name: "x"}}}

	for _, c := range []struct {
		functionTest
		want string
	}{
		{one(relu(), applied("f.F", "y", "x x")), `model: node for "y" (f.F): function "f.F" takes 1 inputs, not 2`},
		{one(relu(), applied("f.F", "y z", "x")), `model: node for "y" (f.F): function "f.F" has 1 outputs, not 2`},
		{one(relu(), applied("f.F", "y", "x", onnx.IntAttr("k", 1))), `model: node for "y" (f.F): function "f.F" has no attribute k`},
		{one(relu(), applied("f.F", "y", "x")).opset(22), `model: node for "y" (f.F): function "f.F": opset 22 is not supported (6 to 21 are)`},
		{one(relu(), applied("f.F", "y", "x")).opset(0),
			`model: node for "y" (f.F): node for "b" (Relu): the function names no opset of the standard domain (ai.onnx)`},
		{one(define("F", "a", "b", applied("Relu", "b", "x")), applied("f.F", "y", "x")),
			`model: node for "y" (f.F): node for "b" (Relu): nothing computes "x"`},
		{one(define("F", "a", "b", applied("Relu", "b", "a", stands("k", "s", onnx.AttributeInt))), applied("f.F", "y", "x", onnx.FloatAttr("s", 1))).takes("s"),
			`model: node for "y" (f.F): node for "b" (Relu): attribute k: it is of type INT and stands for s of type FLOAT`},
		{one(define("F", "a", "b", applied("If", "b", "a", stands("then_branch", "s", onnx.AttributeGraph))), applied("f.F", "y", "x", onnx.GraphAttr("s", body))).takes("s"),
			`model: node for "y" (f.F): node for "b" (If): attribute then_branch: it stands for s, a graph, which is not supported`},
		{functionTest{nodes: nodes(applied("f.F", "y", "x")), functions: defined(relu(), relu())},
			`model: function "f.F" is defined twice; overloads are not supported`},
		{functionTest{nodes: nodes(applied("f.A", "y", "x")), functions: defined(
			define("A", "a", "b", applied("f.B", "b", "a")), define("B", "a", "b", applied("f.C", "b", "a")), define("C", "a", "b", applied("f.B", "b", "a")))},
			`model: functions may not call themselves: function "f.B" calls function "f.C" calls function "f.B"`},
		{functionTest{nodes: nodes(outer), functions: defined(broken, define("Outer", "a", "b", applied("f.Inner", "b", "a")))},
			`model: node for "y" (Relu, opset 17) in node for "y" (f.Inner) in node "call" (f.Outer): attribute axis is not supported`},
		{one(define("F", "a", "b", applied("Nothing", "b", "a")), applied("f.F", "y", "x")).opset(12),
			`model: node for "y" (Nothing, opset 12) in node for "y" (f.F): operator Nothing of opset 12 is not supported`},
	} {
		source := c.model()
		source.Graph.Initializers = nil
		source.Graph.Inputs = []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(3))}
		report := Inspect(source, Options{})
		_, err := Import(source, Options{})
		if err == nil && len(report.Problems) == 1 {
			err = fmt.Errorf("model: %s: %s", report.Problems[0].Node, report.Problems[0].Reason)
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("got  %v\nwant %s", err, c.want)
		}
		if len(report.Problems) == 0 {
			t.Errorf("no problem is reported for %s", c.want)
		}
	}
}

// The sizes are refused before anything is copied.
func TestSmallFilesCannotAskForManyNodes(t *testing.T) {
	chain := func(depth, width int) *onnx.Model {
		f := functionTest{nodes: nodes(applied("f.F0", "y", "x"))}
		for i := range depth {
			list, value := []*onnx.Node{}, "a"
			for j := range width {
				next := fmt.Sprint("v", j)
				list = append(list, applied(fmt.Sprint("f.F", i+1), next, value))
				value = next
			}
			f.functions = append(f.functions, define(fmt.Sprint("F", i), "a", value, list...))
		}
		f.functions = append(f.functions, define(fmt.Sprint("F", depth), "a", "b", applied("Neg", "b", "a")))
		return f.model()
	}
	for _, c := range []struct {
		depth, width int
		want         string
	}{
		{99, 1, ""},
		{100, 1, "nested more than 100 deep"},
		{20_000, 1, "nested more than 100 deep"},
		{12, 2, ""},
		{64, 2, `the functions that node for "y" (f.F0) and those before it call become more than 262144 nodes`},
		{4, 1000, "become more than 262144 nodes"},
	} {
		start := time.Now()
		_, _, err := inline(chain(c.depth, c.width))
		if fine := err == nil; fine != (c.want == "") || !fine && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d functions, each calling the next %d times: %v, want %q", c.depth, c.width, err, c.want)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%d functions, each calling the next %d times, took %v", c.depth, c.width, took)
		}
	}
}

func TestEveryValueHasANameOfItsOwn(t *testing.T) {
	long := strings.Repeat("long", 100)
	call := func(name, outputs, inputs string) *onnx.Node {
		n := applied("f.F", outputs, inputs)
		n.Name = name
		return n
	}
	inner := &onnx.Graph{Nodes: nodes(applied("Neg", "t", "x"), applied("Neg", "u/t", "t")), Outputs: []*onnx.ValueInfo{{Name: "u/t"}}}
	source := functionTest{
		nodes: nodes(
			applied("Neg", "u/t#2", "x"), call("u", "u", "x"), call("u", "v", "u"), call("", "w", "v"), call(long, "z", "w"),
			applied("If", "y", "z", thenElse(inner, inner)...)),
		functions: defined(define("F", "a", "b", applied("Neg", "t", "a"), applied("Neg", long, "t"), applied("Neg", "b", long))),
	}.model()
	graph, _, err := inline(source)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var visit func(list []*onnx.Node)
	visit = func(list []*onnx.Node) {
		for _, n := range list {
			for _, name := range n.Outputs {
				if seen[name] || len(name) > 210 {
					t.Errorf("the name %q is taken or too long", name)
				}
				seen[name] = true
			}
			for _, g := range subgraphs(n) {
				visit(g.Nodes)
			}
		}
	}
	visit(graph.Nodes)
	for _, name := range []string{"u/t#2", "u/t", "u/t#3", "w/t", "t", "t#2"} {
		if !seen[name] {
			t.Errorf("no value has the name %q", name)
		}
	}
	if len(source.Graph.Nodes) != 6 || !slices.Equal(inner.Nodes[1].Outputs, []string{"u/t"}) {
		t.Error("the file's own graph was changed")
	}
}
