package model_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

func parameters(m *model.Model) []string {
	var names []string
	for _, p := range m.Parameters {
		names = append(names, fmt.Sprint(p.Name, p.Shape))
	}
	return names
}

func TestOnlyWhatTheOutputNeedsIsImported(t *testing.T) {
	source := perceptron()
	source.Graph.Nodes = append(source.Graph.Nodes, node("Det", "z", "y"))
	source.Graph.Inputs = append(source.Graph.Inputs, onnx.NewTensorInfo("unused", onnx.Int64))
	for output, want := range map[string][]string{
		"":  {"w1[5 3]", "b1[5]", "w2[4 5]", "b2[4]"},
		"r": {"w1[5 3]", "b1[5]"},
	} {
		m, err := model.Import(source, model.Options{Output: output})
		if err != nil {
			t.Fatal(err)
		}
		if got := parameters(m); !slices.Equal(got, want) || len(m.Inputs) != 1 {
			t.Errorf("for the output %q the parameters are %v, want %v; the inputs are %v", output, got, want, m.Inputs)
		}
	}
}

// PyTorch keeps one of several equal initializers and exports the others as Identity of it.
func TestMergedInitializersAreReportedAndMayBeSeparated(t *testing.T) {
	for untie, want := range map[bool][]string{
		true:  {"a[3]", "b[3]", "c[3]"},
		false: {"a[3]"},
	} {
		source := with(network(
			node("Identity", "b", "a"), node("Identity", "c", "b"),
			node("Add", "h", "x", "a"), node("Mul", "i", "h", "b"), node("Sub", "y", "i", "c"),
		), weights("a", 3))
		m, err := model.Import(source, model.Options{Untie: untie})
		if err != nil {
			t.Fatal(err)
		}
		if got := parameters(m); !slices.Equal(got, want) {
			t.Errorf("untied: %v: the parameters are %v, want %v", untie, got, want)
		}
		if _, err := write(m, 2); err != nil {
			t.Error(err)
		}
		if len(source.Graph.Nodes) != 5 || len(source.Graph.Initializers) != 1 {
			t.Error("the file's own graph was changed")
		}
		if ties := model.Ties(source.Graph); len(ties) != 1 || ties[0].Initializer != "a" || !slices.Equal(ties[0].Copies, []string{"b", "c"}) {
			t.Errorf("the ties are %v", ties)
		}
	}
}

func TestWhatOnlySetsAnOperatorUpIsNotTrained(t *testing.T) {
	exponent := onnx.NewFloatTensor("two", nil, []float32{2})
	for _, c := range []struct {
		nodes []*onnx.Node
		want  []string
	}{
		{[]*onnx.Node{node("Pow", "h", "x", "two"), node("Add", "y", "h", "w")}, []string{"w[3]"}},
		{[]*onnx.Node{node("Dropout", "h", "x", "two"), node("Add", "y", "h", "w")}, []string{"w[3]"}},
		{[]*onnx.Node{node("Mul", "h", "x", "two"), node("Add", "y", "h", "w")}, []string{"two[]", "w[3]"}},
	} {
		m := importModel(t, with(network(c.nodes...), exponent, weights("w", 3)))
		if got := parameters(m); !slices.Equal(got, c.want) {
			t.Errorf("%v trains %v, want %v", c.nodes[0], got, c.want)
		}
		if _, err := write(m, 2); err != nil {
			t.Error(err)
		}
	}
}

func TestAFixedBatchIsOnlyWhatTheExporterFed(t *testing.T) {
	source := perceptron()
	source.Graph.Inputs[0].Dims[0] = onnx.FixedDim(1)
	e, err := write(importModel(t, source), 7)
	if err != nil {
		t.Fatal(err)
	}
	if in, out := e.Inputs[0].Shape(), e.Output.Shape(); in[0] != 7 || out[0] != 7 {
		t.Errorf("at batch 7 the shapes are %v and %v", in, out)
	}
}

func TestTheBatchBindsEveryDimensionOfItsName(t *testing.T) {
	source := network(node("MatMul", "y", "x", "x"))
	source.Graph.Inputs[0].Dims[1] = onnx.SymbolicDim("batch")
	e, err := write(importModel(t, source), 4)
	if err != nil || !slices.Equal(e.Output.Shape(), []int{4, 4}) {
		t.Errorf("the output has the shape %v, %v", e.Output.Shape(), err)
	}
}

// Exporters share constants between nodes.
func TestAConstantMayBeAnOperandAndASetting(t *testing.T) {
	source := network(node("Constant", "two", onnx.FloatAttr("value_float", 2)),
		node("Mul", "h", "x", "two"), node("Pow", "i", "h", "two"), node("Add", "y", "i", "two"))
	e, err := write(importModel(t, source), 2)
	if err != nil {
		t.Fatal(err)
	}
	if held := ops.HeldBy(e.Output.Node().Graph()); len(held) != 0 {
		t.Errorf("%d constants in the graph, want none: arithmetic with a number needs no input", len(held))
	}
}

func TestABranchIsChosenByShapes(t *testing.T) {
	branch := func(name, output string) *onnx.Attribute {
		return onnx.GraphAttr(name, &onnx.Graph{
			Nodes:   []*onnx.Node{node("Add", output, "x", output+"-weights")},
			Outputs: []*onnx.ValueInfo{{Name: output}},
		})
	}
	source := with(network(node("Shape", "shape", "x"), node("Gather", "width", "shape", "one"), node("Equal", "wide", "width", "three"),
		node("If", "y", "wide", branch("then_branch", "a"), branch("else_branch", "b"))),
		integers("one", 1), integers("three", 3), weights("a-weights", 3), weights("b-weights", 5))
	for _, width := range []int64{3, 5} {
		source.Graph.Inputs[0].Dims[1] = onnx.FixedDim(width)
		e, err := write(importModel(t, source), 2)
		if err != nil || !slices.Equal(e.Output.Shape(), []int{2, int(width)}) {
			t.Errorf("at width %d the output has the shape %v, %v", width, e.Output.Shape(), err)
		}
	}
}

// A causal mask is a float that the output is differentiable in, but weight decay would make infinity minus infinity of it.
func TestAnInfiniteInitializerIsNoParameter(t *testing.T) {
	mask := onnx.NewFloatTensor("mask", []int64{3}, []float32{0, 0, float32(math.Inf(-1))})
	m := importModel(t, with(network(node("Mul", "h", "x", "w"), node("Add", "s", "h", "mask"), node("Softmax", "y", "s")), weights("w", 3), mask))
	if len(m.Parameters) != 1 || m.Parameters[0].Name != "w" || len(m.Frozen) != 1 || m.Frozen[0].Name != "mask" {
		t.Errorf("the parameters are %v, the frozen ones %v", m.Parameters, m.Frozen)
	}
}

func TestAnExponentIsTrainedUnlessItIsANumberOfTheFormula(t *testing.T) {
	for _, c := range []struct {
		rule   string
		source *onnx.Model
		want   []string
	}{
		{"a vector is trained", with(network(node("Pow", "y", "x", "p")), weights("p", 3)), []string{"p[3]"}},
		{"a number without axes is not", with(network(node("Mul", "h", "x", "w"), node("Pow", "y", "h", "p")), weights("w", 3), weights("p")), []string{"w[3]"}},
		{"what an exponent is computed from is trained", with(network(node("Mul", "h", "x", "w"), node("Pow", "y", "two", "h")),
			weights("w", 3), weights("two")), []string{"w[3]", "two[]"}},
	} {
		if got := parameters(importModel(t, c.source)); !slices.Equal(got, c.want) {
			t.Errorf("%s: the parameters are %v, want %v", c.rule, got, c.want)
		}
	}
}

// PyTorch's default exporter gives equal initializers one name. Vectors of equal numbers are merged ones; others may be shared on purpose.
func TestReadingsOfMergedVectorsAreReportedAndMayBeSeparated(t *testing.T) {
	scale := onnx.NewFloatTensor("n.scale", []int64{3}, []float32{1, 1, 1})
	for untie, want := range map[bool][]string{
		true:  {"n.scale[3]", "w[3]", "n.scale#2[3]", "n.scale#3[3]"},
		false: {"n.scale[3]", "w[3]"},
	} {
		source := with(network(
			node("Add", "a", "x", "n.scale"), node("Mul", "b", "a", "w"), node("Mul", "c", "b", "n.scale"),
			node("Add", "d", "c", "w"), node("Mul", "y", "d", "n.scale"),
		), scale, weights("w", 3))
		m, err := model.Import(source, model.Options{Untie: untie})
		if err != nil {
			t.Fatal(err)
		}
		if got := parameters(m); !slices.Equal(got, want) {
			t.Errorf("untied: %v: the parameters are %v, want %v", untie, got, want)
		}
		if _, err := write(m, 2); err != nil {
			t.Error(err)
		}
		if ties := model.Ties(source.Graph); len(ties) != 1 || ties[0].Initializer != "n.scale" || !slices.Equal(ties[0].Copies, []string{"n.scale#2", "n.scale#3"}) {
			t.Errorf("the ties are %v", ties)
		}
		if source.Graph.Nodes[2].Inputs[1] != "n.scale" {
			t.Error("the file's own graph was changed")
		}
		hints := model.Inspect(source, model.Options{Untie: untie}).Hints
		if len(hints) != 1 || !strings.HasPrefix(hints[0], `"w" is read by several nodes and trained as one`) {
			t.Errorf("the hints are %q", hints)
		}
	}
}
