package model_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

func ones(name string) *onnx.Tensor { return onnx.NewFloatTensor(name, []int64{1}, []float32{1}) }

// computed returns the output of a model of one input, with the file's parameters.
func computed(t *testing.T, m *model.Model, batch int, x []float64) (y []float64) {
	t.Helper()
	err := ops.Build(func() error {
		given := model.Given{Graph: gorgonia.NewGraph(), Precision: array.Float32, Batch: batch, Training: true}
		for _, p := range m.Parameters {
			given.Params = append(given.Params, ops.Hold(given.Graph, p.Name, array.Float32, p.Value, p.Shape...))
		}
		e, err := m.Write(given)
		if err != nil {
			return err
		}
		values := opstest.Values{e.Inputs[0]: x}
		for _, h := range ops.HeldBy(given.Graph) {
			values[h.Input] = h.Value.As(array.Float64).F64
		}
		y = opstest.Run(t, values, e.Output)[0]
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// chooser adds 1 to x or subtracts it, as a rate that is an input equals 16000 or not, and multiplies with a mask.
func chooser() *onnx.Model {
	branch := func(name, operator string) *onnx.Attribute {
		out := name + "_out"
		return onnx.GraphAttr(name, &onnx.Graph{Name: name, Nodes: []*onnx.Node{node(operator, out, "x", "one")},
			Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo(out, onnx.Float)}})
	}
	choose := node("If", "chosen", "is16k")
	choose.Attributes = []*onnx.Attribute{branch("then_branch", "Add"), branch("else_branch", "Sub")}
	m := with(network(node("Equal", "is16k", "sr", "rate"), choose, node("Cast", "float", "mask"), node("Mul", "masked", "chosen", "float"),
		node("Mul", "y", "masked", "w")), integers("rate", 16000), onnx.NewFloatTensor("one", nil, []float32{1}), ones("w"))
	m.Graph.Nodes[2].Attributes = []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}
	m.Graph.Initializers[0].Dims = nil
	batch := onnx.SymbolicDim("batch")
	m.Graph.Inputs = []*onnx.ValueInfo{
		onnx.NewTensorInfo("sr", onnx.Int64),
		onnx.NewTensorInfo("x", onnx.Float, batch, onnx.FixedDim(3)),
		onnx.NewTensorInfo("mask", onnx.Bool, batch, onnx.FixedDim(3)),
	}
	return m
}

func TestAFixedInputIsAConstantAndWhatItDecidesFolds(t *testing.T) {
	for _, c := range []struct {
		rule string
		fix  map[string]any
		want []float64 // of x = 1, 2, 3 and 4, 5, 6, times the weight 1
	}{
		{"one branch", map[string]any{"sr": int64(16000), "mask": true}, []float64{2, 3, 4, 5, 6, 7}},
		{"the other", map[string]any{"sr": int64(8000), "mask": true}, []float64{0, 1, 2, 3, 4, 5}},
		{"a list for every example", map[string]any{"sr": 16000.0, "mask": []any{true, false, true}}, []float64{2, 0, 4, 5, 0, 7}},
		{"truth values as numbers", map[string]any{"sr": int64(16000), "mask": []any{int64(0), int64(1), int64(1)}}, []float64{0, 3, 4, 0, 6, 7}},
		{"an example each", map[string]any{"sr": int64(16000), "mask": []any{[]any{true}, []any{false}}}, []float64{2, 3, 4, 0, 0, 0}},
	} {
		m, err := model.Import(chooser(), model.Options{Fix: c.fix})
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if len(m.Inputs) != 1 || m.Inputs[0].Name != "x" {
			t.Errorf("%s: fed are %v", c.rule, m.Inputs)
		}
		if got := computed(t, m, 2, []float64{1, 2, 3, 4, 5, 6}); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
}

func TestValuesThatAnInputCannotHaveAreRefused(t *testing.T) {
	for _, c := range []struct {
		rule string
		fix  map[string]any
		want string
	}{
		{"no input", map[string]any{"sl": int64(1)}, `fix names "sl", but the file has no such input (did you mean "sr"?)`},
		{"an initializer", map[string]any{"w": 1.0}, `fix names "w", but the file has no such input`},
		{"a fraction", map[string]any{"sr": 1.5}, `fix: input "sr": 1.5 is no element of type INT64`},
		{"a truth value for a number", map[string]any{"sr": true}, `fix: input "sr": it holds INT64 elements, not true and false`},
		{"a number for a truth value", map[string]any{"mask": int64(2)}, `fix: input "mask": 2 is no element of type BOOL`},
		{"a text", map[string]any{"sr": "16k"}, `want a number, true or false, or a list of these, not 16k`},
		{"a ragged list", map[string]any{"mask": []any{[]any{true}, true}}, `want lists of one length and of one kind of elements`},
		{"everything", map[string]any{"sr": int64(1), "x": 1.0, "mask": true}, `every input that the output "y" depends on is fixed`},
		{"nothing", nil, `input "sr" has no batch dimension: examples are fed to the first input; to fix the input "sr", write fix = {sr = N} in [model], or --fix sr=N`},
	} {
		if _, err := model.Import(chooser(), model.Options{Fix: c.fix}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.rule, err, c.want)
		}
	}
	m, err := model.Import(chooser(), model.Options{Fix: map[string]any{"sr": int64(1), "mask": []any{true, false}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = write(m, 5); err == nil || !strings.Contains(err.Error(), `fix: input "mask": a value of shape [2] does not fill the shape [5 3]`) {
		t.Errorf("a list of another length: error %v", err)
	}
}

// A condition may be computed from an input, in steps; the examples themselves are no way to fix it.
func TestWhatMustBeKnownNamesTheInputsThatItIsComputedFrom(t *testing.T) {
	swapped := chooser()
	swapped.Graph.Inputs[0], swapped.Graph.Inputs[1] = swapped.Graph.Inputs[1], swapped.Graph.Inputs[0]
	m, err := model.Import(swapped, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write(m, 2); err == nil || !strings.HasSuffix(err.Error(), `to fix the input "sr", write fix = {sr = N} in [model], or --fix sr=N`) {
		t.Errorf("error %v", err)
	}
	m, err = model.Import(with(network(node("Reshape", "y", "x", "x"))), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write(m, 2); err == nil || !strings.HasSuffix(err.Error(), "not computed from data") {
		t.Errorf("error %v", err)
	}
}

func TestTheValueOfAFixedInputDecidesItsOpenDimensions(t *testing.T) {
	m := with(network(node("ReduceSum", "s", "x", "axes"), node("Mul", "y", "s", "w")), ones("w"))
	m.Graph.Inputs = []*onnx.ValueInfo{
		onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(3)),
		onnx.NewTensorInfo("axes", onnx.Int64, onnx.SymbolicDim("count")),
	}
	o := model.Options{Fix: map[string]any{"axes": []any{int64(1)}}}
	imported, err := model.Import(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if got := computed(t, imported, 2, []float64{1, 2, 3, 4, 5, 6}); !reflect.DeepEqual(got, []float64{6, 15}) {
		t.Errorf("sums are %v", got)
	}
	fed, err := model.Feed(m, o)
	if err != nil || len(fed) != 2 || !reflect.DeepEqual(fed[1].Shape(2), []int{1}) {
		t.Fatalf("fed are %v, error %v", fed, err)
	}
	if numbers, err := fed[1].Fixed(2); err != nil || !reflect.DeepEqual(numbers, []float64{1}) {
		t.Errorf("fixed to %v, error %v", numbers, err)
	}
}

// What only the other branch reads is neither trained nor moved, by weight decay say.
func TestABranchThatIsNeverTakenTrainsNothing(t *testing.T) {
	branch := func(name, weight string) *onnx.Attribute {
		return onnx.GraphAttr(name, &onnx.Graph{Name: name, Nodes: []*onnx.Node{node("MatMul", name+"_out", "x", weight)},
			Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo(name+"_out", onnx.Float)}})
	}
	source := func(condition ...*onnx.Node) *onnx.Model {
		m := with(network(append(condition, node("If", "y", "c", branch("then_branch", "a"), branch("else_branch", "b")))...), weights("a", 3, 2), weights("b", 3, 2))
		m.Graph.Inputs = append(m.Graph.Inputs, onnx.NewTensorInfo("flag", onnx.Bool))
		return m
	}
	not, shape := node("Not", "c", "flag"), []*onnx.Node{node("Shape", "s", "x"), node("Size", "n", "s"), node("Cast", "c", "n", onnx.IntAttr("to", int64(onnx.Bool)))}
	direct := node("Identity", "c", "flag")
	for _, c := range []struct {
		rule   string
		source *onnx.Model
		fix    map[string]any
		want   string
	}{
		{"an input that is not fixed", source(direct), nil, "a b"},
		{"a fixed input", source(direct), map[string]any{"flag": true}, "a"},
		{"its opposite", source(not), map[string]any{"flag": true}, "b"},
		{"a shape, whose batch may change", source(shape...), nil, "a b"},
	} {
		m, err := model.Import(c.source, model.Options{Fix: c.fix})
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if got := strings.ReplaceAll(strings.Join(parameters(m), " "), "[3 2]", ""); got != c.want {
			t.Errorf("%s: trained are %s, want %s", c.rule, got, c.want)
		}
	}
}

// A decoder's cache begins without elements.
func TestAnInputWithoutElementsIsAConstant(t *testing.T) {
	m := with(network(node("Concat", "all", "past", "x", onnx.IntAttr("axis", 1)), node("Mul", "y", "all", "w")), ones("w"))
	m.Graph.Inputs = append(m.Graph.Inputs, onnx.NewTensorInfo("past", onnx.Float, onnx.SymbolicDim("batch"), onnx.SymbolicDim("past_length")))
	o := model.Options{Dims: map[string]int{"past_length": 0}}
	imported, err := model.Import(m, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(imported.Inputs) != 1 {
		t.Errorf("fed are %v", imported.Inputs)
	}
	if got := computed(t, imported, 2, []float64{1, 2, 3, 4, 5, 6}); !reflect.DeepEqual(got, []float64{1, 2, 3, 4, 5, 6}) {
		t.Errorf("with nothing before it: %v", got)
	}
	fed, err := model.Feed(m, o)
	if err != nil || len(fed) != 2 || !reflect.DeepEqual(fed[1].Shape(2), []int{2, 0}) {
		t.Errorf("fed are %v, error %v", fed, err)
	}
}
