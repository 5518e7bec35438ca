package run_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// pooled is a network that averages over two open dimensions: a dense layer of what the means leave.
func pooled(height, width onnx.Dim) *onnx.Model {
	dims := []onnx.Dim{onnx.SymbolicDim("batch"), onnx.FixedDim(2), height, width}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name: "pooled",
		Nodes: []*onnx.Node{
			{OpType: "GlobalAveragePool", Inputs: []string{"x"}, Outputs: []string{"means"}},
			{OpType: "Flatten", Inputs: []string{"means"}, Outputs: []string{"flat"}},
			{OpType: "MatMul", Inputs: []string{"flat", "w"}, Outputs: []string{"y"}},
		},
		Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, dims...)},
		Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, dims[0], onnx.FixedDim(3))},
		Initializers: []*onnx.Tensor{onnx.NewFloatTensor("w", []int64{2, 3}, []float32{.1, .2, .3, -.1, -.2, -.3})},
	}}
}

// grid is a data set of eight examples of a shape, in three classes.
type grid []int

func (g grid) Load(context.Context) (*dataset.Dataset, error) {
	size := 8
	for _, n := range g {
		size *= n
	}
	inputs, targets := make([]float32, size), make([]float32, 8)
	for i := range inputs {
		inputs[i] = float32(i%7) / 7
	}
	for i := range targets {
		targets[i] = float32(i % 3)
	}
	s := &dataset.Split{Inputs: array.From32(inputs), Shape: g, Targets: array.From32(targets), Classes: 3}
	return &dataset.Dataset{Name: "grid", Train: s, Test: s}, nil
}

func prepareGrid(t *testing.T, m *onnx.Model, g grid, overrides ...string) (*run.Run, error) {
	t.Helper()
	overrides = append([]string{"model.onnx=network.onnx", "model.init=keep"}, overrides...)
	rc, err := recipe.Parse("test.toml", []byte(small), recipe.Options{Set: overrides})
	if err != nil {
		t.Fatal(err)
	}
	rc.Data.Source = g
	return run.Prepare(t.Context(), rc, func(string) (*onnx.Model, error) { return m, nil })
}

func TestOpenDimensionsAreThoseOfTheDataUnlessTheyAreGiven(t *testing.T) {
	height, width := onnx.SymbolicDim("height"), onnx.Dim{Value: -1}
	for _, c := range []struct {
		rule      string
		overrides []string
		data      grid
		dims      string // of the resolved recipe
		note      string
	}{
		{"both are the data's", nil, grid{2, 4, 5}, `{"height":4,"x.3":5}`, `have the sizes of the data: dims = {height = 4, "x.3" = 5}.`},
		{"one is", []string{"model.dims.height=4"}, grid{2, 4, 5}, `{"height":4,"x.3":5}`, `have the sizes of the data: dims = {"x.3" = 5}.`},
		{"none is", []string{"model.dims.height=4", "model.dims.x.3=5"}, grid{2, 4, 5}, `{"height":4,"x.3":5}`, ""},
	} {
		r, err := prepareGrid(t, pooled(height, width), c.data, c.overrides...)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		resolved, err := json.Marshal(r.Recipe.Resolved())
		if err != nil || !strings.Contains(string(resolved), `"dims":`+c.dims) {
			t.Errorf("%s: the recipe is %s (%v)", c.rule, resolved, err)
		}
		if notes := strings.Join(r.Notes(), "\n"); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
			t.Errorf("%s: the notes are %q", c.rule, notes)
		}
		if _, err := r.Execute(t.Context(), run.Options{Folder: t.TempDir(), Workers: 1}); err != nil {
			t.Errorf("%s: %v", c.rule, err)
		}
	}
}

func TestSizesThatTheDataDoNotHaveAreRefused(t *testing.T) {
	side := onnx.SymbolicDim("side")
	for _, c := range []struct {
		rule      string
		overrides []string
		data      grid
		want      string
	}{
		{"other sizes than those given", []string{"model.dims.side=4"}, grid{2, 5, 5}, `the model's input "x" takes examples of shape [2 4 4] (with dims = {side = 4}), the data set grid has [2 5 5]`},
		{"one symbol of two sizes", nil, grid{2, 4, 5}, `"side" is one size, but dimension 2 of "x" is 4 in the data, and dimension 3 of "x" is 5`},
		{"examples of another rank", nil, grid{32}, `[model], or --dim side=N; the data set grid, with examples of shape [32], does not say`},
	} {
		if _, err := prepareGrid(t, pooled(side, side), c.data, c.overrides...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.rule, err, c.want)
		}
	}
}

// A mask has the dimensions of what it masks.
func TestTheDataDecideTheDimensionsOfFixedInputsToo(t *testing.T) {
	height, width := onnx.SymbolicDim("height"), onnx.SymbolicDim("width")
	m := pooled(height, width)
	m.Graph.Nodes = append([]*onnx.Node{{OpType: "Mul", Inputs: []string{"x", "mask"}, Outputs: []string{"masked"}}}, m.Graph.Nodes...)
	m.Graph.Nodes[1].Inputs[0] = "masked"
	m.Graph.Inputs = append(m.Graph.Inputs, onnx.NewTensorInfo("mask", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(1), height, width))
	if _, err := prepareGrid(t, m, grid{2, 4, 5}, "model.fix.mask=1"); err != nil {
		t.Error(err)
	}
	_, err := prepareGrid(t, m, grid{2, 4, 5})
	if want := `the model has 2 inputs, and data sets hold one; to fix the input "mask", write fix = {mask = N} in [model], or --fix mask=N`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}
