package model_test

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// filled is a tensor of equal numbers.
func filled(name string, v float32, dims ...int64) *onnx.Tensor {
	t := weights(name, dims...)
	n, _ := t.Elems()
	return onnx.NewFloatTensor(name, dims, slices.Repeat([]float32{v}, n))
}

// reasons returns why tensors are no parameters, by name.
func reasons(m *model.Model) map[string]string {
	list := map[string]string{}
	for _, c := range m.Constants {
		list[c.Name] = c.Reason
	}
	return list
}

// A gate is any number that scales what a layer computes.
func gate(name string, dims ...int64) *onnx.Model {
	return with(network(node("MatMul", "h", "x", "w"), node("Mul", "y", "h", name)), weights("w", 3, 3), filled(name, 0.5, dims...))
}

func TestASingleNumberTrainsUnderANameThatAPersonGave(t *testing.T) {
	for _, name := range []string{
		"gamma", "logit_scale", "alpha", "blocks.3.gate", "layers.0.resweight", "module.re_zero.alpha", "temperature", "scale_1", "beta2", "g", "a",
		"StatefulPartitionedCall/model/gate/ReadVariableOp:0", "model/dense/mul/ReadVariableOp:0", "model/gate/read:0", "model/rezero/alpha:0",
		"block.mul", "create_parameter_0.w_0",
	} {
		for _, dims := range [][]int64{{}, {1}, {1, 1}} {
			if got := reasons(importModel(t, gate(name, dims...))); len(got) > 0 {
				t.Errorf("%s of shape %v is a constant: %v", name, dims, got)
			}
		}
	}
	for _, name := range []string{
		"val_12", "onnx::Mul_7", "/Constant_3_output_0", "/encoder/layer.0/Constant_output_0", "sequential_1/dense_1/Gelu/mul/x:0",
		"model/layer_normalization/batchnorm/add/y:0", "model/lstm/zeros/Const:0", "model/dense/Gelu/Cast_1/x", "scalar_tensor_default",
		"scalar_tensor_default_3", "_inlfunc_aten_gelu_const_2", "const", "const_0", "Constant_12", "constant_7", "123", "mul_3", "exp", "truediv",
		"full_like_1", "min_val_cast_2", "_tensor_constant0", "c_lifted_tensor_0", "lifted_tensor_1", "unity", "num_classes", "Mu_Mulcst", "Di_Divcst1",
		"const_fold_opt__12", "new_shape__5", "Constant_0_output", "_mulscalar0", "helper.constant.3", "tmp_4", "ortshared_1_0_1_0_token_3",
		"init1_s_", "dot_bias_0", "gelu.const_1",
	} {
		for _, dims := range [][]int64{{}, {1}, {1, 1}} {
			if got := reasons(importModel(t, gate(name, dims...)))[name]; got != "a single number that the exporter named" {
				t.Errorf("%s of shape %v: %q", name, dims, got)
			}
		}
	}
}

func TestTheRoleOfATensorDecidesBeforeItsName(t *testing.T) {
	layer := func(nodes ...*onnx.Node) []*onnx.Node {
		return append([]*onnx.Node{node("MatMul", "h", "x", "w")}, nodes...)
	}
	to := onnx.IntAttr("to", int64(onnx.Float))
	for _, c := range []struct {
		rule   string
		nodes  []*onnx.Node
		tensor *onnx.Tensor
		reason string // "" for a parameter
	}{
		{"an exponent", layer(node("Pow", "y", "h", "c")), filled("c", 2, 1), "the exponent of Pow"},
		{"an exponent without axes", layer(node("Pow", "y", "h", "c")), filled("c", 2), "the exponent of Pow"},
		{"an exponent behind a Cast", layer(node("Cast", "d", "c", to), node("Pow", "y", "h", "d")), filled("c", 2, 1), "the exponent of Pow"},
		{"an exponent behind two nodes", layer(node("Reshape", "d", "c", "one"), node("Identity", "e", "d"), node("Pow", "y", "h", "e")),
			filled("c", 2), "the exponent of Pow"},
		{"an exponent that is a factor too", layer(node("Pow", "g", "h", "c"), node("Mul", "y", "g", "c")), filled("c", 2, 1), "the exponent of Pow"},
		{"an exponent for each unit", layer(node("Pow", "y", "h", "c")), filled("c", 2, 3), ""},
		{"what is added under a root", layer(node("Add", "g", "h", "c"), node("Sqrt", "y", "g")), filled("c", 1, 1), "added under a root, which it keeps finite"},
		{"what is added under a root, first", layer(node("Add", "g", "c", "h"), node("Sqrt", "y", "g")), filled("c", 1), "added under a root, which it keeps finite"},
		{"what is added under a root that is a power", layer(node("Add", "g", "h", "c"), node("Pow", "y", "g", "half")), filled("c", 1), "added under a root, which it keeps finite"},
		{"what is added under a square", layer(node("Add", "g", "h", "c"), node("Pow", "y", "g", "two")), filled("c", 1), ""},
		{"what is added to a denominator", layer(node("Add", "g", "h", "c"), node("Div", "y", "x", "g")), filled("c", 1), "added under a quotient, which it keeps finite"},
		{"what is added to a numerator", layer(node("Add", "g", "h", "c"), node("Div", "y", "g", "x")), filled("c", 1), ""},
		{"what is added under a Reciprocal", layer(node("Add", "g", "h", "c"), node("Reciprocal", "y", "g")), filled("c", 1), "added under a quotient, which it keeps finite"},
		{"what is added under a logarithm, behind a Cast", layer(node("Add", "g", "h", "c"), node("Cast", "i", "g", to), node("Log", "y", "i")),
			filled("c", 1), "added under a logarithm, which it keeps finite"},
		{"what is added under a negated power", layer(node("Add", "g", "h", "c"), node("Neg", "d", "two"), node("Pow", "y", "g", "d")),
			filled("c", 1), "added under a root, which it keeps finite"},
		{"what is added under a quotient, behind a Clip", layer(node("Add", "g", "h", "c"), node("Clip", "i", "g", "half"), node("Div", "y", "x", "i")),
			filled("c", 1), "added under a quotient, which it keeps finite"},
		{"what is added under a quotient, behind a Max", layer(node("Add", "g", "h", "c"), node("Max", "i", "half", "g"), node("Div", "y", "x", "i")),
			filled("c", 1), "added under a quotient, which it keeps finite"},
		{"a bound of Max", layer(node("Max", "y", "h", "c")), filled("c", 1, 1), "a bound of Max"},
		{"a bound of Min", layer(node("Min", "y", "c", "h")), filled("c", 1), "a bound of Min"},
		{"a bound of Clip that is a factor too", layer(node("Clip", "g", "h", "c"), node("Mul", "y", "g", "c")), filled("c", 1), "a bound of Clip"},
		{"a bound of Clip", layer(node("Clip", "y", "h", "c")), filled("c", 1), "a bound of Clip"},
		{"a number whose bound is another", layer(node("Min", "d", "c", "two"), node("Mul", "y", "h", "d")), filled("c", 1), ""},
		{"a number by its name", layer(node("Sub", "y", "h", "layer.eps")), filled("layer.eps", 1), "an epsilon"},
		{"a bias of one unit", []*onnx.Node{node("MatMul", "h", "x", "u"), node("Add", "y", "h", "val_1")}, filled("val_1", 1, 1), ""},
		{"a bias of one unit, behind a Reshape", []*onnx.Node{node("MatMul", "h", "x", "u"), node("Reshape", "b", "val_1", "one"), node("Add", "y", "h", "b")}, filled("val_1", 1), ""},
		{"a bias of one unit under a logarithm", []*onnx.Node{node("MatMul", "h", "x", "u"), node("Add", "g", "h", "val_1"), node("Log", "y", "g")}, filled("val_1", 1, 1), ""},
		{"a bias of one unit in Gemm", []*onnx.Node{node("Gemm", "y", "x", "u", "onnx::Gemm_2")}, filled("onnx::Gemm_2", 1, 1), ""},
		{"a number that Gemm adds to several units", []*onnx.Node{node("Gemm", "y", "x", "w", "dot_bias_0")}, filled("dot_bias_0", 0), "a single number that the exporter named"},
		{"a number that is added to several units", layer(node("Add", "y", "h", "val_1")), filled("val_1", 1, 1), "a single number that the exporter named"},
		{"a weight of one input and unit", []*onnx.Node{node("MatMul", "h", "x", "u"), node("MatMul", "y", "h", "onnx::MatMul_3")}, filled("onnx::MatMul_3", 1, 1, 1), ""},
		{"a slope of PRelu", layer(node("PRelu", "y", "h", "val_31")), filled("val_31", 0.25, 1, 1), ""},
		{"a scale of LayerNormalization", layer(node("LayerNormalization", "y", "h", "val_1")), filled("val_1", 2, 3), ""},
		{"ones that PyTorch writes for LayerNormalization", layer(node("LayerNormalization", "y", "h", "val_1")), filled("val_1", 1, 3),
			"written by the exporter for a normalization without weights"},
		{"a causal mask", layer(node("Add", "y", "h", "onnx::Add_3")), onnx.NewFloatTensor("onnx::Add_3", []int64{3}, []float32{0, -3.4e38, -3.4e38}), "a mask"},
		{"an infinite number", layer(node("Max", "y", "h", "c")), filled("c", float32(math.Inf(-1))), "a mask"},
		{"a large negative bias", layer(node("Add", "y", "h", "c")), onnx.NewFloatTensor("c", []int64{3}, []float32{0, -3e4, -1}), ""},
		{"a scaler's range", []*onnx.Node{node("Mul", "s", "x", "Mu_Mulcst"), node("MatMul", "y", "s", "w")}, filled("Mu_Mulcst", 2, 3), "it scales the inputs, before any weight"},
		{"a scaler's mean", []*onnx.Node{node("Sub", "s", "x", "mean"), node("MatMul", "y", "s", "w")}, filled("mean", 2, 3), "it scales the inputs, before any weight"},
		{"a vector behind a weight", layer(node("Mul", "y", "h", "onnx::Mul_3")), filled("onnx::Mul_3", 2, 3), ""},
		{"a vector that meets the data under a person's name", []*onnx.Node{node("Mul", "s", "x", "gain"), node("MatMul", "y", "s", "w")}, filled("gain", 2, 3), ""},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m := importModel(t, with(network(c.nodes...), weights("w", 3, 3), weights("u", 3, 1), filled("half", 0.5), filled("two", 2), integers("one", 1), c.tensor))
			reason, constant := reasons(m)[c.tensor.Name]
			trained := slices.ContainsFunc(m.Parameters, func(p model.Parameter) bool { return p.Name == c.tensor.Name })
			if reason != c.reason || constant == trained {
				t.Errorf("it is a constant for the reason %q, and trained: %v; want %q", reason, trained, c.reason)
			}
			if _, err := write(m, 2); err != nil {
				t.Error(err)
			}
		})
	}
}

// An exporter writes zeros where a network gives no first state; a learned one has another name or other numbers.
func TestAFirstStateOfZerosIsNoParameter(t *testing.T) {
	for _, c := range []struct {
		state  *onnx.Tensor
		reason string
	}{
		{filled("onnx::LSTM_3", 0, 1, 1, 2), "a first state of zeros that the exporter wrote"},
		{filled("onnx::LSTM_3", 0.5, 1, 1, 2), ""},
		{filled("h0", 0, 1, 1, 2), ""},
	} {
		source := with(network(node("Reshape", "s", "x", "shape"), node("Expand", "h", c.state.Name, "sizes"),
			&onnx.Node{OpType: "LSTM", Inputs: []string{"s", "w", "r", "", "", "h"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntAttr("hidden_size", 2)}}),
			integers("shape", 3, 2, 1), integers("sizes", 1, 2, 2), weights("w", 1, 8, 1), weights("r", 1, 8, 2), c.state)
		source.Graph.Inputs[0].Dims[0] = onnx.FixedDim(2)
		m, err := model.Import(source, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := reasons(m)[c.state.Name]; got != c.reason {
			t.Errorf("%s: %q, want %q", c.state.Name, got, c.reason)
		}
	}
}

func TestTrainNamesConstants(t *testing.T) {
	source := with(network(node("MatMul", "h", "x", "fc/w"), node("Mul", "i", "h", "fc/mul/x"), node("Pow", "y", "i", "p")),
		weights("fc/w", 3, 3), filled("fc/mul/x", 2, 1), filled("p", 2, 1), integers("unused", 1))
	for _, c := range []struct {
		options model.Options
		trained string
		fails   string
	}{
		{options: model.Options{}, trained: "[fc/w[3 3]]"},
		{options: model.Options{Train: []string{"*"}}, trained: "[fc/w[3 3]]"},
		{options: model.Options{Train: []string{"*", "p"}}, trained: "[fc/w[3 3] p[1]]"},
		{options: model.Options{Train: []string{"f*"}}, trained: "[fc/w[3 3]]"},
		{options: model.Options{Train: []string{"fc/m*"}}, trained: "[fc/mul/x[1]]"},
		{options: model.Options{Train: []string{"*w", "*/x"}}, trained: "[fc/w[3 3] fc/mul/x[1]]"},
		{options: model.Options{Freeze: []string{"p", "*x"}}, trained: "[fc/w[3 3]]"},
		{options: model.Options{Freeze: []string{"unused"}}, trained: "[fc/w[3 3]]"},
		{options: model.Options{Freeze: []string{"q"}}, fails: `matches the pattern "q"`},
		{options: model.Options{Train: []string{"q"}}, fails: `matches the pattern "q"`},
	} {
		m, err := model.Import(source, c.options)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%+v: error %v, want %s", c.options, err, c.fails)
			}
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", c.options, err)
		}
		if got := fmt.Sprint(parameters(m)); got != c.trained {
			t.Errorf("%+v trains %s, want %s", c.options, got, c.trained)
		}
	}
}

// constantOf is a Constant node for a tensor.
func constantOf(t *onnx.Tensor) *onnx.Node {
	return &onnx.Node{OpType: "Constant", Outputs: []string{t.Name}, Attributes: []*onnx.Attribute{onnx.TensorAttr("value", t)}}
}

// spelled is a layer whose weights are Constant nodes, as Paddle and spox write it, and one that is normalized.
func spelled() *onnx.Model {
	m := network(constantOf(weights("w1", 3, 5)), constantOf(weights("b1", 5)),
		&onnx.Node{OpType: "Constant", Outputs: []string{"b2"}, Attributes: []*onnx.Attribute{onnx.FloatsAttr("value_floats", 1, 2, 3, 4)}},
		constantOf(weights("w2", 4, 5)), constantOf(weights("half")), constantOf(weights("shift", 5)),
		constantOf(weights("scale", 4)), constantOf(weights("bias", 4)), constantOf(weights("mean", 4)), constantOf(filled("variance", 4, 4)),
		node("MatMul", "h", "x", "w1"), node("Identity", "b1copy", "b1"), node("Add", "i", "h", "b1copy"), node("Tanh", "j", "i"), node("Mul", "k", "j", "half"),
		node("Add", "l", "k", "shift"), node("Gemm", "g", "l", "w2", "b2", onnx.IntAttr("transB", 1)),
		node("BatchNormalization", "y", "g", "scale", "bias", "mean", "variance"))
	return m
}

func TestWeightsInConstantNodesAreParameters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := spelled().Save(path); err != nil {
		t.Fatal(err)
	}
	source, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Import(source, model.Options{BatchNorm: model.BatchStatistics})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(parameters(m)), "[w1[3 5] b1[5] b2[4] w2[4 5] scale[4] bias[4]]"; got != want {
		t.Errorf("the parameters are %s, want %s", got, want)
	}
	if len(m.Buffers) != 2 {
		t.Errorf("the buffers are %v", m.Buffers)
	}
	if got := reasons(m); len(got) != 2 || got["half"] == "" || got["shift"] == "" {
		t.Errorf("the constants are %v", got)
	}
	if r := model.Inspect(source, model.Options{}); len(r.Parameters) != 6 || !r.Parameters[0].Trainable || len(r.Buffers) != 2 || len(r.Problems) > 0 {
		t.Errorf("the report has the parameters %v, the buffers %v and the problems %v", r.Parameters, r.Buffers, r.Problems)
	}
	trained, err := onnx.Load(export(t, m, path))
	if err != nil {
		t.Fatal(err)
	}
	again := importModel(t, trained)
	for i, want := range append(doubled(m.Parameters), doubled(m.Buffers)...) {
		if got := append(again.Parameters, again.Buffers...)[i]; !got.Value.Equal(want) {
			t.Errorf("%s is exported as %v, want %v", got.Name, got.Value, want)
		}
	}
	back := filepath.Join(t.TempDir(), "back.onnx")
	if err := again.Export(path, back, values(m.Parameters), values(m.Buffers)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read(t, back), read(t, path)) {
		t.Error("with the file's own numbers other bytes are written")
	}
	named, err := model.Import(source, model.Options{Train: []string{"*", "shift"}})
	if err != nil || len(named.Parameters) != 7 {
		t.Errorf("with shift named there are the parameters %v, %v", parameters(named), err)
	}
}

// Where the structure changes too, Constant nodes stay what they are.
func TestAnEditedExportKeepsConstantNodes(t *testing.T) {
	source := spelled()
	source.Graph.Nodes = append(source.Graph.Nodes, node("MatMul", "z", "y", "head"))
	source.Graph.Nodes = append([]*onnx.Node{constantOf(weights("head", 4, 2))}, source.Graph.Nodes...)
	source.Graph.Outputs[0].Name = "z"
	for _, o := range []model.Options{{}, {Head: model.Head{Classes: 7}}} {
		m, err := model.Import(source, o)
		if err != nil {
			t.Fatal(err)
		}
		target := filepath.Join(t.TempDir(), "edited.onnx")
		first, err := m.Initialize("keep", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Export("", target, first, values(m.Buffers)); err != nil {
			t.Fatal(err)
		}
		again, err := onnx.Load(target)
		if err != nil {
			t.Fatal(err)
		}
		if len(again.Graph.Nodes) != len(source.Graph.Nodes) || len(again.Graph.Initializers) > 0 {
			t.Errorf("%+v: %d nodes became %d, with %d initializers", o, len(source.Graph.Nodes), len(again.Graph.Nodes), len(again.Graph.Initializers))
		}
		if got := importModel(t, again); !got.Parameters[0].Value.Equal(first[0].As("float32")) {
			t.Errorf("%+v: the head is exported with other numbers", o)
		}
	}
}
