package model_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// either is an If whose condition is an initializer, "yes" or "no".
func either(condition, output string, then, otherwise *onnx.Graph) *onnx.Node {
	return node("If", output, condition, onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", otherwise))
}

// subgraph computes what its last node does.
func subgraph(nodes ...*onnx.Node) *onnx.Graph {
	g := &onnx.Graph{Nodes: nodes}
	for _, name := range nodes[len(nodes)-1].Outputs {
		g.Outputs = append(g.Outputs, &onnx.ValueInfo{Name: name})
	}
	return g
}

// branching adds the conditions that either takes.
func branching(nodes ...*onnx.Node) *onnx.Model {
	return with(network(nodes...), integers("yes", 1), integers("no", 0))
}

func TestWhatABranchReadsIsTrainedWhicheverIsTaken(t *testing.T) {
	own := subgraph(node("Mul", "b", "x", "k"))
	own.Initializers = []*onnx.Tensor{weights("k", 3)}
	normalized := subgraph(node("BatchNormalization", "b", "x", "w", "v", "mean", "variance"))

	for _, c := range []struct {
		rule                string
		source              *onnx.Model
		parameters, buffers []string
	}{
		{"of either branch", branching(either("yes", "y", subgraph(node("Add", "a", "x", "w")), subgraph(node("Add", "b", "x", "v")))),
			[]string{"w", "v"}, nil},
		{"of a nested branch", branching(either("no", "y", subgraph(node("Neg", "a", "x")),
			subgraph(either("yes", "b", subgraph(node("Add", "c", "x", "w")), subgraph(node("Add", "d", "x", "v")))))), []string{"w", "v"}, nil},
		{"but not what an inner operator reads like an attribute", branching(either("yes", "y", subgraph(node("Where", "a", "w", "x", "x")),
			subgraph(node("Add", "b", "x", "v")))), []string{"v"}, nil},
		{"but not what only has its shape taken", branching(either("yes", "y",
			subgraph(node("Shape", "s", "w"), node("Expand", "e", "v", "s"), node("Add", "a", "x", "e")), subgraph(node("Neg", "b", "x")))),
			[]string{"v"}, nil},
		{"but not where a branch is only asked for its shape", branching(
			either("yes", "h", subgraph(node("Add", "a", "x", "w")), subgraph(node("Neg", "b", "x"))),
			node("Shape", "s", "h"), node("Expand", "e", "v", "s"), node("Add", "y", "x", "e")), []string{"v"}, nil},
		{"but not a branch's own initializers", branching(either("no", "y", subgraph(node("Add", "a", "x", "w")), own)), []string{"w"}, nil},
		{"and running statistics are buffers", branching(either("yes", "y", normalized, subgraph(node("Neg", "c", "x")))),
			[]string{"w", "v"}, []string{"mean", "variance"}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			source := with(c.source, weights("w", 3), weights("v", 3), weights("mean", 3), weights("variance", 3))
			m := importModel(t, source)
			if got := namesOf(m.Parameters); !slices.Equal(got, c.parameters) {
				t.Errorf("the parameters are %q, want %q", got, c.parameters)
			}
			if got := namesOf(m.Buffers); !slices.Equal(got, c.buffers) {
				t.Errorf("the buffers are %q, want %q", got, c.buffers)
			}
			if _, err := write(m, 2); err != nil {
				t.Error(err)
			}
			if problems := model.Inspect(source, model.Options{}).Problems; len(problems) > 0 {
				t.Errorf("the problems are %v", problems)
			}
		})
	}
}

func namesOf(list []model.Parameter) []string {
	var names []string
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

func TestAFailureInABranchIsReportedOnce(t *testing.T) {
	source := branching(either("yes", "y", subgraph(node("Det", "a", "x"), node("Neg", "b", "a")), subgraph(node("Neg", "c", "x"))))
	const want = `[{node "n" (If, opset 17) attribute then_branch: node "n" (Det, opset 17): operator Det of opset 17 is not supported}]`
	if got := fmt.Sprint(model.Inspect(source, model.Options{}).Problems); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// The two Ifs use the same names in their branches, and one that the graph computes later. The gradients are worked out by hand:
// y = w·x + k + 2·w·x − u with k constant; the loss is the mean over 3 elements of (y − 0)².
func TestTheGradientIsThatOfTheBranchTaken(t *testing.T) {
	first := subgraph(node("Mul", "p", "x", "w"), node("Add", "q", "p", "k"))
	first.Initializers = []*onnx.Tensor{onnx.NewFloatTensor("k", []int64{3}, []float32{1, 1, 1})}
	split := node("Split", "l", "p", onnx.IntAttr("axis", 0))
	split.Outputs = append(split.Outputs, "r")
	second := subgraph(node("Add", "p", "a", "a"), split)
	unused := subgraph(node("Mul", "p", "x", "v"), split)
	source := with(branching(
		node("Mul", "a", "x", "w"),
		either("yes", "b", first, subgraph(node("Mul", "p", "x", "v"))),
		&onnx.Node{OpType: "If", Inputs: []string{"no"}, Outputs: []string{"c", "d"}, Attributes: []*onnx.Attribute{
			onnx.GraphAttr("then_branch", unused), onnx.GraphAttr("else_branch", second)}},
		node("Concat", "e", "c", "d", onnx.IntAttr("axis", 0)),
		node("Add", "f", "b", "e"),
		node("Identity", "p", "u"),
		node("Sub", "y", "f", "p"),
	), floats32("w", 1, 2, 3), floats32("v", 1, 1, 1), floats32("u", 0.5, 0.5, 0.5))

	loss, err := program.NewLoss("mse")
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1, 2, 3, -1, 0.5, 2}
	g := &golden{model: importModel(t, source), loss: loss, batch: engine.Batch{
		Inputs: []array.Array{array.From64(x)}, Targets: array.New(array.Float64, 6), Size: 2}}
	want := map[string]array.Array{"w": array.New(array.Float64, 3), "v": array.New(array.Float64, 3), "u": array.New(array.Float64, 3)}
	for i := range x {
		w := float64(1 + i%3)
		y := 3*w*x[i] + 1 - 0.5
		want["w"].F64[i%3] += 2 * y * 3 * x[i] / 6
		want["u"].F64[i%3] -= 2 * y / 6
	}
	if d := distance(t, g.run(t, array.Float64)["gradients"], want); d > 1e-12 {
		t.Errorf("the gradients are off by %.2g", d)
	}
}

func floats32(name string, numbers ...float32) *onnx.Tensor {
	return onnx.NewFloatTensor(name, []int64{int64(len(numbers))}, numbers)
}
