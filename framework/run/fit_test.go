package run_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// scaled multiplies examples of a shape with a number, and gives them another shape.
func scaled(from, to []int) *onnx.Model {
	dims := []onnx.Dim{onnx.SymbolicDim("batch")}
	for _, n := range from {
		dims = append(dims, onnx.FixedDim(int64(n)))
	}
	shape := []int64{0}
	for _, n := range to {
		shape = append(shape, int64(n))
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name: "scaled",
		Nodes: []*onnx.Node{
			{OpType: "Mul", Inputs: []string{"x", "weight"}, Outputs: []string{"h"}},
			{OpType: "Reshape", Inputs: []string{"h", "shape"}, Outputs: []string{"y"}},
		},
		Inputs:  []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, dims...)},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
		Initializers: []*onnx.Tensor{
			onnx.NewFloatTensor("weight", []int64{1}, []float32{.5}), onnx.NewInt64Tensor("shape", []int64{int64(len(shape))}, shape),
		},
	}}
}

// measured is a regression of four examples whose inputs and targets have these shapes.
type measured struct{ inputs, targets []int }

func (m measured) Load(context.Context) (*dataset.Dataset, error) {
	count := func(shape []int) array.Array {
		size := 4
		for _, n := range shape {
			size *= n
		}
		return array.From32(make([]float32, size))
	}
	s := &dataset.Split{Inputs: count(m.inputs), Shape: m.inputs, Targets: count(m.targets), TargetShape: m.targets}
	return &dataset.Dataset{Name: "measured", Train: s, Test: s}, nil
}

func TestDataAreTakenAsTheyLieAndNeverInAnotherOrder(t *testing.T) {
	for _, c := range []struct {
		data, wanted []int
		hint         string // "" if they fit
	}{
		{[]int{3, 4, 5}, []int{3, 4, 5}, ""},
		{[]int{60}, []int{3, 4, 5}, ""},
		{[]int{3, 4, 5}, []int{60}, ""},
		{[]int{4, 5}, []int{1, 4, 5}, ""},
		{[]int{4, 5, 1}, []int{1, 4, 5}, ""},
		{[]int{1, 60, 1}, []int{3, 4, 5}, ""},
		{[]int{1}, []int{1, 1}, ""},
		{[]int{4, 4, 3}, []int{3, 4, 4}, "np.transpose(ARRAY, (0, 3, 1, 2))"},
		{[]int{3, 4, 4}, []int{4, 4, 3}, "np.transpose(ARRAY, (0, 2, 3, 1))"},
		{[]int{5, 4, 3}, []int{3, 4, 5}, "np.transpose(ARRAY, (0, 3, 2, 1))"},
		{[]int{5, 4}, []int{4, 5}, "np.transpose(ARRAY, (0, 2, 1))"},
		{[]int{5, 4, 3}, []int{3, 1, 4, 5}, "np.transpose(ARRAY, (0, 3, 2, 1))"},
		{[]int{5, 1, 4, 3}, []int{3, 4, 5}, "np.transpose(ARRAY, (0, 4, 3, 1, 2))"},
		{[]int{7, 5, 4, 3}, []int{3, 7, 5, 4}, "np.transpose(ARRAY, (0, 4, 1, 2, 3))"},
		{[]int{6, 10}, []int{3, 4, 5}, "np.reshape(ARRAY, (-1, 3, 4, 5))"},
		{[]int{12, 5}, []int{3, 4, 5}, "np.reshape(ARRAY, (-1, 3, 4, 5))"},
		{[]int{4, 4}, []int{2, 8}, "np.reshape(ARRAY, (-1, 2, 8))"},
		{[]int{4, 5, 6}, []int{3, 4, 5}, "the data set measured has ["},
	} {
		for what, parts := range map[string]struct {
			name  string
			model *onnx.Model
			data  measured
		}{
			"inputs":  {"x", scaled(c.wanted, c.wanted), measured{c.data, c.wanted}},
			"targets": {"y", scaled(c.wanted, c.wanted), measured{c.wanted, c.data}},
		} {
			rc, err := recipe.Parse("test.toml", []byte(small), recipe.Options{Set: []string{"model.onnx=network.onnx", "loss.name=mse"}})
			if err != nil {
				t.Fatal(err)
			}
			rc.Data.Source = parts.data
			_, err = run.Prepare(t.Context(), rc, func(string) (*onnx.Model, error) { return parts.model, nil })
			text := fmt.Sprint(err)
			if (err == nil) != (c.hint == "") || err != nil && !strings.Contains(text, strings.ReplaceAll(c.hint, "ARRAY", parts.name)) {
				t.Errorf("%s of shape %v where %v are read: %v", what, c.data, c.wanted, err)
			}
		}
	}
}

func TestARefusedShapeNamesTheSizesThatTheRecipeGives(t *testing.T) {
	_, err := prepareGrid(t, pooled(onnx.SymbolicDim("height"), onnx.SymbolicDim("width")), grid{2, 5, 5}, "model.dims={height = 4, width = 5}")
	if want := `takes examples of shape [2 4 5] (with dims = {height = 4, width = 5}), the data set grid has [2 5 5]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A parameter without axes has no axis of examples: it is no input that data are compared with.
func TestAScalarParameterTrains(t *testing.T) {
	source, err := programtest.NewNetwork(1, 8, 8).Flatten().Dense("fc", 10).Mul("gate").Model()
	if err != nil {
		t.Fatal(err)
	}
	rc, err := recipe.Parse("test.toml", []byte(small), recipe.Options{Models: modelzoo.Names(), Set: []string{`model.onnx="gated.onnx"`}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := run.Prepare(context.Background(), rc, func(string) (*onnx.Model, error) { return source, nil })
	if err != nil {
		t.Fatal(err)
	}
	if last := r.Program.Model.Parameters[2]; last.Name != "gate" || len(last.Shape) != 0 {
		t.Fatalf("the last parameter is %+v", last)
	}
	f, err := r.Execute(context.Background(), run.Options{Workers: 1, Folder: filepath.Join(t.TempDir(), "run")})
	if err != nil || f.Info.Status != run.Finished {
		t.Errorf("the run ended with %v", err)
	}
}
