package onnx_test

import (
	"bytes"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// everything is a model that uses every exported field and constructor, with
// its nodes in topological order.
func everything() *onnx.Model {
	branch := func(value float32) *onnx.Graph {
		return &onnx.Graph{
			Name: "branch",
			Nodes: []*onnx.Node{{
				OpType: "Constant", Outputs: []string{"c"},
				Attributes: []*onnx.Attribute{onnx.TensorAttr("value", onnx.NewFloatTensor("", nil, []float32{value}))},
			}, {OpType: "Add", Inputs: []string{"c", "h"}, Outputs: []string{"b"}}},
			Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("b", onnx.Float)},
		}
	}
	return &onnx.Model{
		IRVersion: 8, ProducerName: "backstitch", ProducerVersion: "1", Domain: "org.example", ModelVersion: 3, Doc: "All there is.",
		Opsets:   map[string]int64{"": 17, "com.acme": 1},
		Metadata: []onnx.Entry{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}},
		Functions: []*onnx.Function{{
			Name: "Gelu", Domain: "com.acme", Doc: "x for now", Inputs: []string{"x", "w"}, Outputs: []string{"y", "z"},
			Attributes: []string{"axis"}, Defaults: []*onnx.Attribute{onnx.FloatAttr("alpha", 1)}, Opsets: map[string]int64{"": 17},
			Nodes: []*onnx.Node{{OpType: "F", Inputs: []string{"x"}, Outputs: []string{"y", "z"}, Attributes: []*onnx.Attribute{
				{Name: "a", Type: onnx.AttributeFloat, Reference: "alpha"},
			}}},
		}},
		Graph: &onnx.Graph{
			Name: "everything",
			Initializers: []*onnx.Tensor{
				onnx.NewFloatTensor("w", []int64{2, 1}, []float32{1, float32(math.Inf(-1))}),
				onnx.NewDoubleTensor("d", nil, []float64{0.1}),
				onnx.NewInt64Tensor("empty", []int64{0}, nil),
			},
			SparseInitializers: []*onnx.SparseTensor{{
				Values: onnx.NewFloatTensor("s", []int64{1}, []float32{3}), Indices: onnx.NewInt64Tensor("", []int64{1}, []int64{4}), Dims: []int64{9},
			}},
			Inputs: []*onnx.ValueInfo{
				onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(0), onnx.Dim{Value: -1, Denotation: "DATA_CHANNEL"}),
				{Name: "unranked", DType: onnx.Int64, Denotation: "IMAGE"},
				{Name: "untyped"},
			},
			ValueInfo: []*onnx.ValueInfo{onnx.NewTensorInfo("h", onnx.Float)},
			Outputs:   []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
			Nodes: []*onnx.Node{
				{Name: "first", OpType: "Gelu", Domain: "com.acme", Inputs: []string{"x", "", "s"}, Outputs: []string{"", "h"}},
				{OpType: "If", Inputs: []string{"h"}, Outputs: []string{"i"}, Attributes: []*onnx.Attribute{
					onnx.GraphAttr("then_branch", branch(0)), onnx.GraphAttr("else_branch", branch(1)),
				}},
				{OpType: "Everything", Domain: "com.acme", Inputs: []string{"i", "w", "d"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{
					onnx.FloatAttr("f", 0), onnx.IntAttr("i", -1), onnx.StringAttr("s", ""),
					onnx.FloatsAttr("fs", 1, 2), onnx.IntsAttr("is", 0, -1), onnx.IntsAttr("none"), onnx.StringsAttr("ss", "a", ""),
					{Name: "ts", Type: onnx.AttributeTensors, Tensors: []*onnx.Tensor{onnx.NewInt64Tensor("t", []int64{1}, []int64{1})}},
					{Name: "gs", Type: onnx.AttributeGraphs, Graphs: []*onnx.Graph{branch(2)}},
				}},
			},
		},
	}
}

func TestDecodeUndoesEncode(t *testing.T) {
	m := everything()
	got, err := onnx.Decode(encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, m) {
		t.Errorf("got\n%+v\nwant\n%+v", got.Graph, m.Graph)
	}
}

func TestEncodeKeepsWhatTheTypesDoNotName(t *testing.T) {
	sparse := message(22, message(1, dtype(onnx.Float)))
	data := slices.Concat(
		varint(1, 8),
		message(7,
			node("F", []string{"x"}, []string{"y"}, message(5, str(1, "a"), varint(20, 11), sparse), str(6, "doc of a node")),
			initializer("w", dtype(onnx.Float), str(12, "doc of a tensor"), message(13, str(1, "location"), str(2, "weights.bin")), varint(14, 1)),
			str(10, "doc of a graph"), message(14, str(1, "quantization")),
			message(11, str(1, "x"), message(2, message(9, message(1, message(4)))), str(3, "doc of a value")), graphOutput("y"),
		),
		message(8, str(1, ""), varint(2, 17)),
		message(20, str(99, "training")), message(25, str(1, "Gelu"), str(10, "com.acme"), str(4, "input")), str(1000, "future"),
	)
	m, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	// Fields may move within their message: the bytes are the same, in another order.
	sorted := func(b []byte) []byte { return slices.Sorted(slices.Values(b)) }
	if again := encode(t, m); !bytes.Equal(sorted(again), sorted(data)) {
		t.Errorf("got\n%q\nwant the fields of\n%q", again, data)
	}
}

func TestEncodeWritesFieldsAsTheFileHasThem(t *testing.T) {
	opset := func(fields ...[]byte) []byte { return message(8, fields...) }
	x, y := graphInput("x"), graphOutput("y")
	relu := message(1, str(1, "x"), str(2, "y"), str(3, ""), str(4, "Relu"), str(6, "doc of a node"), str(7, ""))
	for _, test := range []struct {
		rule string
		data []byte
	}{
		{"empty strings that are spelled out", slices.Concat(varint(1, 8), str(2, ""), message(7, relu, str(2, ""), x, y), opset(str(1, ""), varint(2, 17)))},
		{"an operator set without a domain, as PyTorch writes it", slices.Concat(varint(1, 8), message(7, relu, x, y), opset(varint(2, 17)))},
		{"operator sets in an order of their own", slices.Concat(varint(1, 8), message(7, relu, x, y), opset(str(1, "b"), varint(2, 1)), opset(varint(2, 17)), opset(str(1, "a"), varint(2, 3)))},
		{"fields that the types do not name, before others", slices.Concat(varint(1, 8), message(7, relu, str(10, "doc of a graph"), x, y), opset(str(1, ""), varint(2, 17)), str(13, "future"), str(20, "training"))},
	} {
		t.Run(test.rule, func(t *testing.T) {
			m, err := onnx.Decode(test.data)
			if err != nil {
				t.Fatal(err)
			}
			if got := encode(t, m); !bytes.Equal(got, test.data) {
				t.Errorf("got\n%q\nwant\n%q", got, test.data)
			}
		})
	}
}

func TestOperatorSetsMayChangeAfterDecode(t *testing.T) {
	m, err := onnx.Decode(slices.Concat(varint(1, 8), message(7, graphInput("x"), graphOutput("x")),
		message(8, str(1, "b"), varint(2, 1)), message(8, str(1, "a"), varint(2, 1))))
	if err != nil {
		t.Fatal(err)
	}
	delete(m.Opsets, "b")
	m.Opsets["c"], m.Opsets["a"] = 5, 2
	again, err := onnx.Decode(encode(t, m))
	if want := map[string]int64{"a": 2, "c": 5}; err != nil || !maps.Equal(again.Opsets, want) {
		t.Errorf("operator sets %v, %v, want %v", again.Opsets, err, want)
	}
}

func TestEncodeRefusesModelsThatBreakTheFormat(t *testing.T) {
	for _, test := range []struct {
		rule  string
		spoil func(*onnx.Model)
		want  string
	}{
		{"no graph", func(m *onnx.Model) { m.Graph = nil }, "the model has no graph"},
		{"dimensions without a shape", func(m *onnx.Model) { m.Graph.Inputs[0].HasShape = false }, `value "x": it has dimensions, but HasShape is false`},
		{"a sequence with a shape", func(m *onnx.Model) { m.Graph.Inputs[0].Kind = onnx.KindSequence }, `value "x": its kind is sequence, but it has the type of a tensor`},
		{"a value produced twice", func(m *onnx.Model) { m.Graph.Nodes[2].Outputs[0] = "h" }, `value "h" is produced twice`},
		{"an attribute without a type", func(m *onnx.Model) { m.Graph.Nodes[2].Attributes[0].Type = 0 }, "UNDEFINED, is not one of ONNX"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			m := everything()
			test.spoil(m)
			if _, err := m.Encode(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}

func TestSaveReplacesTheFileOrLeavesIt(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "model.onnx")
	m := everything()
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	m.ProducerVersion = "2"
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := onnx.Load(path); err != nil || got.ProducerVersion != "2" {
		t.Fatalf("loaded %+v, %v", got, err)
	}
	m.Graph = nil
	if err := m.Save(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v does not name %s", err, path)
	}
	if err := everything().Save(filepath.Join(dir, "absent", "model.onnx")); err == nil {
		t.Error("saved in a folder that is not there")
	}
	if _, err := onnx.Load(path); err != nil {
		t.Errorf("a failed Save changed the file: %v", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files %v, %v, want the model alone", files, err)
	}
}
