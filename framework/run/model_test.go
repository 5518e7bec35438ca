package run_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// noisy is a network with buffers and noise for the digits.
func noisy() *programtest.Network {
	return programtest.NewNetwork(1, 8, 8).Conv("conv", 2, 3).BatchNorm("norm").Apply("Relu").Dropout(0.25).Flatten().
		Dense("hidden", 8).Apply("Relu").Dropout(0.5).Dense("logits", 10)
}

// prepareNetwork prepares the small recipe with another model.
func prepareNetwork(t *testing.T, n *programtest.Network, overrides ...string) (*run.Run, error) {
	t.Helper()
	m, err := n.Model()
	if err != nil {
		t.Fatal(err)
	}
	return prepareModel(t, m, overrides...)
}

func prepareModel(t *testing.T, m *onnx.Model, overrides ...string) (*run.Run, error) {
	t.Helper()
	overrides = append([]string{"model.onnx=network.onnx", "model.init=keep"}, overrides...)
	rc, err := recipe.Parse("test.toml", []byte(small), recipe.Options{Set: overrides})
	if err != nil {
		t.Fatal(err)
	}
	return run.Prepare(context.Background(), rc, func(string) (*onnx.Model, error) { return m, nil })
}

// fields lists what of a state is trained, or what the model updates itself.
func fields(r *run.Run, kind optim.Kind) (names []string) {
	for _, f := range r.Program.Layout.Fields() {
		if f.Kind == kind {
			names = append(names, f.Name)
		}
	}
	return names
}

func TestTheRecipeChoosesWhatIsTrained(t *testing.T) {
	all := []string{"conv.weight", "conv.bias", "norm.scale", "norm.bias", "hidden.weight", "hidden.bias", "logits.weight", "logits.bias"}
	for _, c := range []struct {
		overrides []string
		want      []string
	}{
		{nil, all},
		{[]string{`model.freeze=["conv.*", "norm.*"]`}, all[4:]},
		{[]string{`model.train=["logits.*"]`}, all[6:]},
		{[]string{`model.train=["*.bias"]`, `model.freeze=["[cn]*"]`}, []string{"hidden.bias", "logits.bias"}},
	} {
		r, err := prepareNetwork(t, noisy(), c.overrides...)
		if err != nil {
			t.Errorf("%q: %v", c.overrides, err)
			continue
		}
		if got := fields(r, optim.Parameter); !slices.Equal(got, c.want) {
			t.Errorf("%q: trained are %q, want %q", c.overrides, got, c.want)
		}
	}
	for want, overrides := range map[string][]string{
		`matches the pattern "fc.*"`:   {`model.freeze=["fc.*"]`},
		"nothing would be trained":     {`model.freeze=["*"]`},
		"the model has 8 outputs":      {"model.output=Relu_7"},
		"the model has 7 outputs":      {"model.head={classes = 7}"},
		`no node computes a tensor "y`: {"model.output=y"},
	} {
		if _, err := prepareNetwork(t, noisy(), overrides...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", overrides, err, want)
		}
	}
}

func TestTheRecipeChoosesTheStatisticsOfBatchNormalization(t *testing.T) {
	for mode, moves := range map[string]bool{"as-exported": true, "train": true, "eval": false} {
		r, err := prepareNetwork(t, noisy(), "model.batchnorm="+mode)
		if err != nil {
			t.Fatal(err)
		}
		h := newByHand(t, r, 3)
		before := h.state.Clone()
		h.apply(t, h.state, 1)
		if got := fields(r, optim.Buffer); !slices.Equal(got, []string{"norm.mean", "norm.variance"}) {
			t.Fatalf("%s: the buffers are %q", mode, got)
		}
		for _, f := range r.Program.Layout.Fields() {
			if f.Kind == optim.Buffer && h.state.Field(f).Equal(before.Field(f)) == moves {
				t.Errorf("%s: whether a step moves %v is %v", mode, f, !moves)
			}
		}
	}
}

func TestANewHeadIsDrawnForEverySeedAndTheBodyStaysAsItIs(t *testing.T) {
	r, err := prepareNetwork(t, programtest.NewNetwork(1, 8, 8).Flatten().Dense("body", 6).Apply("Relu").Dense("fc", 3),
		"model.head={classes = 10}", `model.freeze=["body.*"]`)
	if err != nil {
		t.Fatal(err)
	}
	if got := fields(r, optim.Parameter); !slices.Equal(got, []string{"fc.weight", "fc.bias"}) {
		t.Errorf("trained are %q", got)
	}
	weight := r.Program.Layout.Fields()[0]
	if !slices.Equal(weight.Shape, []int{10, 6}) {
		t.Errorf("the new head has the shape %v", weight.Shape)
	}
	one, other := newByHand(t, r, 3).state.Field(weight), newByHand(t, r, 4).state.Field(weight)
	if one.Equal(array.New(one.DType(), one.Len())) || one.Equal(other) {
		t.Error("the new head is zero, or the same for all seeds")
	}
}

// tied is a linear classifier whose bias is added twice, once through the Identity that an exporter left of an equal bias.
func tied() *onnx.Model {
	g := &onnx.Graph{
		Name: "tied",
		Inputs: []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"),
			onnx.FixedDim(1), onnx.FixedDim(8), onnx.FixedDim(8))},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(10))},
		Initializers: []*onnx.Tensor{
			onnx.NewFloatTensor("weight", []int64{64, 10}, make([]float32, 640)),
			onnx.NewFloatTensor("bias", []int64{10}, make([]float32, 10)),
		},
		Nodes: []*onnx.Node{
			{OpType: "Flatten", Inputs: []string{"x"}, Outputs: []string{"flat"}},
			{OpType: "Gemm", Inputs: []string{"flat", "weight", "bias"}, Outputs: []string{"product"}},
			{OpType: "Identity", Inputs: []string{"bias"}, Outputs: []string{"other_bias"}},
			{OpType: "Add", Inputs: []string{"product", "other_bias"}, Outputs: []string{"y"}},
		},
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

func TestTheRecipeUntiesWhatTheExporterMerged(t *testing.T) {
	for set, want := range map[string][]string{
		"model.untie=false": {"weight", "bias"},
		"model.untie=true":  {"weight", "bias", "other_bias"},
	} {
		r, err := prepareModel(t, tied(), set)
		if err != nil {
			t.Fatal(err)
		}
		if got := fields(r, optim.Parameter); !slices.Equal(got, want) {
			t.Errorf("%s: trained are %q, want %q", set, got, want)
		}
	}
}
