package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// The parameters and buffers of the networks in testdata/role_export.py, as PyTorch lists them; but for the exponent, which is one there.
const (
	encoder = "gate head.bias head.weight layer.linear1.bias layer.linear1.weight layer.linear2.bias layer.linear2.weight layer.norm1.bias " +
		"layer.norm1.weight layer.norm2.bias layer.norm2.weight layer.self_attn.in_proj_bias layer.self_attn.in_proj_weight " +
		"layer.self_attn.out_proj.bias layer.self_attn.out_proj.weight logit_scale"
	longShortTerm = "head.bias head.weight lstm.bias_hh_l0 lstm.bias_ih_l0 lstm.weight_hh_l0 lstm.weight_ih_l0"
	convolutional = "bn.bias bn.weight conv.bias conv.weight groups.bias groups.weight head.bias head.weight slope.weight"
	statistics    = "bn.running_mean bn.running_var"
)

// Exporters that keep the names of parameters are asked for them; others leave weights under names of their own, and single numbers.
func TestWhatExportersWriteTrainsAsWhereItComesFrom(t *testing.T) {
	for file, want := range map[string]struct {
		trained, buffers string // "" for what is folded
		numbers          string // of what trains
		output           string
		hint             string
	}{
		"torch_encoder":                    {numbers: "gate"}, // its exponential of logit_scale is computed in the file
		"torch_encoder_as_it_is":           {trained: encoder, numbers: "gate logit_scale"},
		"torch_encoder_script_eval":        {numbers: "gate logit_scale"},
		"torch_encoder_script_train":       {trained: encoder, numbers: "gate logit_scale"},
		"torch_recurrent":                  {},
		"torch_recurrent_as_it_is":         {trained: longShortTerm},
		"torch_recurrent_script_eval":      {},
		"torch_recurrent_script_train":     {trained: longShortTerm},
		"torch_convolutional":              {numbers: "val_10", hint: "was folded into other layers"},
		"torch_convolutional_as_it_is":     {trained: convolutional, buffers: statistics, numbers: "slope.weight", hint: "was exported for inference"},
		"torch_convolutional_script_eval":  {numbers: "onnx::PRelu_45", hint: "was folded into other layers"},
		"torch_convolutional_script_train": {trained: convolutional, buffers: statistics, numbers: "slope.weight"},
		"sklearn_scaled":                   {trained: "coefficient coefficient1 intercepts intercepts1", numbers: "intercepts1", output: "probabilities"},
		"keras_attention":                  {numbers: ""},
	} {
		t.Run(file, func(t *testing.T) {
			source, err := onnx.Load(filepath.Join("testdata", "roles", file+".onnx"))
			if err != nil {
				t.Fatal(err)
			}
			m, err := model.Import(source, model.Options{Output: want.output, Untie: true})
			if err != nil {
				t.Fatal(err)
			}
			var numbers []string
			for _, p := range m.Parameters {
				if p.Value.Len() == 1 {
					numbers = append(numbers, p.Name)
				}
			}
			sorted := func(names []string) string { slices.Sort(names); return strings.Join(names, " ") }
			if got := sorted(numbers); got != want.numbers {
				t.Errorf("the numbers %q train, want %q", got, want.numbers)
			}
			if got := sorted(namesOf(m.Parameters)); want.trained != "" && got != want.trained {
				t.Errorf("%s train, want %s", got, want.trained)
			}
			if got := sorted(namesOf(m.Buffers)); got != want.buffers {
				t.Errorf("the buffers are %s, want %s", got, want.buffers)
			}
			hints := strings.Join(model.Inspect(source, model.Options{Output: want.output}).Hints, "; ")
			if !strings.Contains(hints, want.hint) || want.hint == "" && hints != "" {
				t.Errorf("the hints are %q, want %q", hints, want.hint)
			}
			finite(t, m)
		})
	}
}

// finite checks the gradient of a model whose input has the shape (batch, 12).
func finite(t *testing.T, m *model.Model) {
	t.Helper()
	loss, err := program.NewLoss("cross_entropy")
	if err != nil {
		t.Fatal(err)
	}
	const batch = 2
	random := rand.New(rand.NewPCG(1, 0))
	x := array.New(array.Float64, batch*12)
	for i := range x.F64 {
		x.F64[i] = random.NormFloat64()
	}
	g := golden{model: m, loss: loss, batch: engine.Batch{Inputs: []array.Array{x}, Targets: array.From64(make([]float64, batch)), Size: batch}}
	for name, gradient := range g.run(t, array.Float32)["gradients"] {
		if v := largest(gradient); math.IsNaN(v) || math.IsInf(v, 0) || !gradient.Finite() {
			t.Errorf("the gradient in %s is not finite", name)
		}
	}
}

func TestAReportSaysWhatCutsTheGradient(t *testing.T) {
	to := func(d onnx.DataType) *onnx.Attribute { return onnx.IntAttr("to", int64(d)) }
	for _, c := range []struct {
		nodes []*onnx.Node
		cuts  string
	}{
		{[]*onnx.Node{node("MatMul", "h", "x", "w"), node("Round", "y", "h")}, `[{node "n" (Round, opset 17) h}]`},
		{[]*onnx.Node{node("MatMul", "h", "x", "w"), node("Relu", "r", "h"), node("ArgMax", "y", "r")}, `[{node "n" (ArgMax, opset 17) r}]`},
		{[]*onnx.Node{node("MatMul", "h", "x", "w"), node("Cast", "i", "h", to(onnx.Int64)), node("Cast", "y", "i", to(onnx.Float))}, `[{node "n" (Cast, opset 17) h}]`},
		{[]*onnx.Node{node("MatMul", "h", "x", "w"), node("Floor", "f", "h"), node("Ceil", "c", "f"), node("Mul", "y", "c", "x")}, `[{node "n" (Ceil, opset 17) f}]`},
		{[]*onnx.Node{node("MatMul", "h", "x", "w"), node("Cast", "i", "h", to(onnx.Double)), node("Relu", "y", "i")}, `[]`},
		{[]*onnx.Node{node("Round", "h", "x"), node("Relu", "y", "h")}, `[]`},
	} {
		r := model.Inspect(with(network(c.nodes...), weights("w", 3, 3)), model.Options{})
		if got := fmt.Sprint(r.Cuts); got != c.cuts || len(r.Problems) > 0 || (r.Size == 0) != (c.cuts != "[]" || c.nodes[0].OpType == "Round") {
			t.Errorf("%v: %s, %d trained, %v; want %s", c.nodes, got, r.Size, r.Problems, c.cuts)
		}
	}
}

func TestAReportCountsTheOperatorsOfBranchesAndFunctions(t *testing.T) {
	then := &onnx.Graph{Nodes: []*onnx.Node{node("Sin", "a", "x")}, Outputs: []*onnx.ValueInfo{{Name: "a"}}}
	other := &onnx.Graph{Nodes: []*onnx.Node{node("Det", "b", "x")}, Outputs: []*onnx.ValueInfo{{Name: "b"}}}
	source := with(network(
		&onnx.Node{OpType: "If", Inputs: []string{"yes"}, Outputs: []string{"h"},
			Attributes: []*onnx.Attribute{onnx.GraphAttr("then_branch", then), onnx.GraphAttr("else_branch", other)}},
		&onnx.Node{OpType: "Twice", Domain: "local", Inputs: []string{"h"}, Outputs: []string{"y"}}),
		integers("yes", 1))
	source.Opsets["local"] = 1
	source.Functions = []*onnx.Function{{Domain: "local", Name: "Twice", Inputs: []string{"a"}, Outputs: []string{"b"},
		Opsets: map[string]int64{"": 17}, Nodes: []*onnx.Node{node("Cos", "c", "a"), node("Cos", "b", "c")}}}
	if got, want := fmt.Sprint(model.Inspect(source, model.Options{}).Operators), "[{Cos 2 true} {Det 1 false} {If 1 true} {Sin 1 true}]"; got != want {
		t.Errorf("the operators are %s, want %s", got, want)
	}
	source.Functions[0].Nodes = append(source.Functions[0].Nodes, &onnx.Node{OpType: "Twice", Domain: "local", Inputs: []string{"a"}, Outputs: []string{"d"}})
	if got := fmt.Sprint(model.Inspect(source, model.Options{}).Operators); !strings.Contains(got, "{Cos 2 true}") || !strings.Contains(got, "{Sin 1 true}") {
		t.Errorf("of a file whose functions call themselves the operators are %s", got)
	}
}

func TestAReportHintsAtFoldedAndSpectralNormalization(t *testing.T) {
	product := func(weights, bias string) *onnx.Node { return node("Gemm", "y", "x", weights, bias) }
	for _, c := range []struct {
		source *onnx.Model
		hint   string // "" for none
	}{
		{with(network(product("w", "b")), weights("w", 3, 3), weights("b", 3)), ""},
		{with(network(product("w", "layer1.0.bn1.bias")), weights("w", 3, 3), weights("layer1.0.bn1.bias", 3)), `the name "layer1.0.bn1.bias"`},
		{with(network(product("w", "model/batch_normalization_2/add:0")), weights("w", 3, 3), weights("model/batch_normalization_2/add:0", 3)), "folded"},
		{with(network(product("w", "albn.bias")), weights("w", 3, 3), weights("albn.bias", 3)), ""},
		{with(network(product("fc.weight_v", "b")), weights("fc.weight_v", 3, 3), weights("b", 3)), `["fc.weight_v"] look like the vectors of spectral`},
		{normalized(17, false), "was exported for inference"},
		{normalized(17, true), ""},
		{normalized(9, true), ""},
	} {
		hints := strings.Join(model.Inspect(c.source, model.Options{}).Hints, "; ")
		if !strings.Contains(hints, c.hint) || c.hint == "" && hints != "" {
			t.Errorf("%v has the hints %q, want %q", c.source.Graph.Nodes[0].Inputs, hints, c.hint)
		}
	}
	if hints := model.Inspect(normalized(17, false), model.Options{BatchNorm: model.BatchStatistics}).Hints; len(hints) > 0 {
		t.Errorf("with another mode of BatchNormalization there are the hints %q", hints)
	}
}
