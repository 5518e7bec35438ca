package model_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// layers are the forms in which exporters write a layer with the weights w and the bias b.
var layers = []struct {
	form          string
	source        *onnx.Model
	fanIn, fanOut int
}{
	{"Gemm with transB", layer(64, weights("w", 96, 64), weights("b", 96),
		node("Gemm", "y", "x", "w", "b", onnx.IntAttr("transB", 1))), 64, 96},
	{"Gemm", layer(64, weights("w", 64, 96), weights("b", 96),
		node("Gemm", "y", "x", "w", "b")), 64, 96},
	{"MatMul and Add", layer(64, weights("w", 64, 96), weights("b", 96),
		node("MatMul", "h", "x", "w"), node("Add", "y", "b", "h")), 64, 96},
	{"MatMul of transposed weights", layer(64, weights("w", 96, 64), weights("b", 1, 96),
		node("Transpose", "t", "w"), node("MatMul", "h", "x", "t"), node("Add", "y", "h", "b")), 64, 96},
	{"weights transposed twice behind an Identity", layer(64, weights("w", 64, 96), weights("b", 96),
		node("Transpose", "t", "w"), node("Identity", "i", "t"), node("Gemm", "y", "x", "i", "b", onnx.IntAttr("transB", 1))), 64, 96},
	{"Conv", layer(8, weights("w", 96, 8, 3, 3), weights("b", 96),
		node("Conv", "y", "x", "w", "b")), 8 * 9, 96 * 9},
	{"Conv in groups", layer(8, weights("w", 96, 4, 3, 3), weights("b", 96),
		node("Conv", "y", "x", "w", "b", onnx.IntAttr("group", 2))), 4 * 9, 96 * 9},
	{"weights that a later layer reads transposed", layer(64, weights("w", 96, 64), weights("b", 96),
		node("Gemm", "h", "x", "w", "b", onnx.IntAttr("transB", 1)), node("MatMul", "y", "h", "w")), 64, 96},
}

func layer(features int64, w, b *onnx.Tensor, nodes ...*onnx.Node) *onnx.Model {
	m := with(network(nodes...), w, b)
	m.Graph.Inputs[0].Dims[1] = onnx.FixedDim(features)
	return m
}

func TestInitializationsHaveTheirDistribution(t *testing.T) {
	for _, l := range layers {
		in, out := float64(l.fanIn), float64(l.fanOut)
		for kind, want := range map[string]struct{ deviation, bound, biasBound float64 }{
			"he":     {math.Sqrt(2 / in), math.Inf(1), 0},
			"lecun":  {math.Sqrt(1 / in), math.Inf(1), 0},
			"glorot": {math.Sqrt(6/(in+out)) / math.Sqrt(3), math.Sqrt(6 / (in + out)), 0},
			"torch":  {math.Sqrt(1/in) / math.Sqrt(3), math.Sqrt(1 / in), math.Sqrt(1 / in)},
		} {
			t.Run(kind+" of "+l.form, func(t *testing.T) {
				values := initialize(t, l.source, kind, 1)
				mean, deviation := moments(values["w"])
				// Of n = 3456 or more numbers the mean errs by deviation/√n = 1.7 %, the deviation by at most 1.2 %.
				if math.Abs(mean) > 0.07*want.deviation || math.Abs(deviation/want.deviation-1) > 0.05 {
					t.Errorf("the weights have mean %.3g and deviation %.3g, want 0 and %.3g", mean, deviation, want.deviation)
				}
				if b := largest(values["w"]); b > want.bound || b < 0.98*min(want.bound, 3*want.deviation) {
					t.Errorf("the weights reach %.3g, want %.3g", b, want.bound)
				}
				if b := largest(values["b"]); b > want.biasBound || b < 0.9*want.biasBound {
					t.Errorf("the biases reach %.3g, want %.3g", b, want.biasBound)
				}
			})
		}
	}
}

func moments(a array.Array) (mean, deviation float64) {
	for i := range a.Len() {
		mean += a.At(i) / float64(a.Len())
	}
	for i := range a.Len() {
		deviation += math.Pow(a.At(i)-mean, 2) / float64(a.Len())
	}
	return mean, math.Sqrt(deviation)
}

func initialize(t *testing.T, source *onnx.Model, kind string, seed uint64) map[string]array.Array {
	t.Helper()
	m := importModel(t, source)
	values, err := m.Initialize(kind, seed)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]array.Array{}
	for i, p := range m.Parameters {
		named[p.Name] = values[i]
	}
	return named
}

func TestInitializationDoesNotDependOnTheOrderInTheFile(t *testing.T) {
	reordered := perceptron()
	slices.Reverse(reordered.Graph.Initializers)
	for _, kind := range model.Initializations {
		forward, backward := initialize(t, perceptron(), kind, 7), initialize(t, reordered, kind, 7)
		for name, v := range forward {
			if !v.Equal(backward[name]) {
				t.Errorf("%s: %s is %v or %v", kind, name, v, backward[name])
			}
		}
	}
}

func TestInitializationDependsOnSeedAndName(t *testing.T) {
	twins := with(network(node("Gemm", "h", "x", "w1"), node("Gemm", "y", "h", "w2")), weights("w1", 3, 3), weights("w2", 3, 3))
	first, second := initialize(t, twins, "he", 1), initialize(t, twins, "he", 2)
	if first["w1"].Equal(second["w1"]) {
		t.Error("two seeds give the same numbers")
	}
	if first["w1"].Equal(first["w2"]) {
		t.Error("two parameters of one shape have the same numbers")
	}
}

func TestWhatIsNoWeightAndNoBiasKeepsTheFilesNumbers(t *testing.T) {
	source := with(network(
		node("MatMul", "h", "x", "w"), node("Add", "p", "h", "position"), node("Mul", "s", "p", "scale"), node("Add", "y", "s", "shift"),
	), weights("w", 3, 4), onnx.NewFloatTensor("position", []int64{2, 4}, []float32{1, 2, 3, 4, 5, 6, 7, 8}),
		onnx.NewFloatTensor("scale", nil, []float32{3}), onnx.NewFloatTensor("shift", []int64{4}, []float32{1, 2, 3, 4}))
	for name, v := range initialize(t, source, "torch", 1) {
		if changed := v.At(0) != map[string]float64{"w": 0, "position": 1, "scale": 3, "shift": 1}[name]; changed != (name == "w") {
			t.Errorf("%s is %v", name, v)
		}
	}
}

func TestKeepCopiesTheFilesNumbers(t *testing.T) {
	source := with(network(node("Gemm", "h", "x", "w"), node("Add", "y", "h", "b")), weights("w", 3, 2),
		onnx.NewDoubleTensor("b", []int64{2}, []float64{0.1, 0.2}))
	m := importModel(t, source)
	values, err := m.Initialize("keep", 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Parameters {
		if !values[i].Equal(p.Value) {
			t.Errorf("%s is %v, in the file %v", p.Name, values[i], p.Value)
		}
		values[i].Set(0, 42)
		if p.Value.At(0) == 42 {
			t.Errorf("%s shares its memory with the model", p.Name)
		}
	}
}

func TestAnUnknownInitializationIsRefused(t *testing.T) {
	_, err := importModel(t, perceptron()).Initialize("xavier", 1)
	want := `model: unknown initialization "xavier" (one of [keep he lecun glorot torch])`
	if fmt.Sprint(err) != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
