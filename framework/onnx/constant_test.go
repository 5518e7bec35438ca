package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// constantNode is a Constant node for "w" with the fields of its attribute.
func constantNode(attribute ...[]byte) []byte {
	return message(1, str(2, "w"), str(3, "node"), str(4, "Constant"), message(5, attribute...), str(6, "doc"))
}

func TestPatchReplacesTheValuesOfConstantNodes(t *testing.T) {
	value := func(fields ...[]byte) []byte {
		return constantNode(str(1, "value"), message(5, append(fields, str(8, "another name"))...), varint(20, 4))
	}
	two := packed(1, 2)
	floats := func(fields ...[]byte) []byte {
		return constantNode(slices.Concat(append([][]byte{str(1, "value_floats")}, fields...)...), varint(20, 6))
	}
	for _, test := range []struct {
		rule     string
		old, new []byte
		numbers  []float64
	}{
		{"a tensor in raw_data", value(two, dtype(onnx.Float), raw([]float32{1, 2})), value(two, dtype(onnx.Float), raw([]float32{0.5, -3})), []float64{0.5, -3}},
		{"a tensor in double_data", value(two, dtype(onnx.Double), message(10, raw([]float64{1, 2})[2:])),
			value(two, dtype(onnx.Double), message(10, raw([]float64{0.5, -3})[2:])), []float64{0.5, -3}},
		{"a tensor of halves", value(two, dtype(onnx.Float16), raw([]uint16{1, 2})), value(two, dtype(onnx.Float16), raw([]uint16{0x3800, 0xc200})), []float64{0.5, -3}},
		{"a number", constantNode(str(1, "value_float"), fixed32(2, 0), varint(20, 1)), constantNode(str(1, "value_float"), fixed32(2, 0x3f000000), varint(20, 1)), []float64{0.5}},
		{"numbers", floats(message(7, raw([]float32{1, 2})[2:])), floats(message(7, raw([]float32{0.5, -3})[2:])), []float64{0.5, -3}},
		{"numbers, not packed and packed", floats(fixed32(7, 0), message(7, raw([]float32{2})[2:])),
			floats(fixed32(7, 0x3f000000), message(7, raw([]float32{-3})[2:])), []float64{0.5, -3}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			around := func(node []byte) []byte {
				relu := message(1, str(1, "w"), str(2, "y"), str(4, "Relu"))
				return file(overlong(1, relu[2:]), node, graphOutput("y"))
			}
			m, err := onnx.Decode(around(test.old))
			if err != nil {
				t.Fatal(err)
			}
			w := m.Graph.Nodes[0].Constant()
			if w == nil || w.Name != "w" {
				t.Fatalf("the constant is %v", w)
			}
			if w, err = w.WithFloat64s(test.numbers); err != nil {
				t.Fatal(err)
			}
			if got, err := onnx.Patch(around(test.old), w); err != nil || !bytes.Equal(got, around(test.new)) {
				t.Errorf("got\n%q, %v, want\n%q", got, err, around(test.new))
			}
			again := m.Graph.Nodes[0].WithConstant(w).Constant()
			if numbers, err := again.Float64s(); err != nil || !slices.Equal(numbers, test.numbers) {
				t.Errorf("a node with another constant holds %v, %v", numbers, err)
			}
		})
	}
}

func TestPatchRefusesValuesOfConstantNodesThatAreNotThereOnce(t *testing.T) {
	one := onnx.NewFloatTensor("w", nil, []float32{1})
	for want, node := range map[string][]byte{
		"its value is there 0 times":        constantNode(str(1, "value_float"), varint(20, 1)),
		"its value is there 2 times":        constantNode(str(1, "value_float"), fixed32(2, 0), fixed32(2, 0), varint(20, 1)),
		"its replacement FLOAT of shape []": constantNode(str(1, "value"), message(5, packed(1, 2), dtype(onnx.Float), raw([]float32{1, 2})), varint(20, 4)),
		"no initializers or Constant nodes": message(1, str(2, "w"), str(4, "Relu"), message(5, str(1, "value_float"), fixed32(2, 0), varint(20, 1))),
	} {
		if _, err := onnx.Patch(file(node, graphOutput("w")), one); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %s", err, want)
		}
	}
}

func TestSavePatchedReplacesExternalDataOfConstantNodes(t *testing.T) {
	dir, target := t.TempDir(), t.TempDir()
	write(t, filepath.Join(dir, "data"), raw([]float32{1, 2, 3, 4})[2:])
	node := constantNode(str(1, "value"), message(5, packed(1, 2), dtype(onnx.Float), external("location", "data", "offset", "8", "length", "8")), varint(20, 4))
	source := write(t, filepath.Join(dir, "model.onnx"), file(node, graphOutput("w")))
	w := onnx.NewFloatTensor("w", []int64{2}, []float32{0.5, -3})
	if err := onnx.SavePatched(source, filepath.Join(target, "trained.onnx"), w); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(target, "data")); err != nil || !bytes.Equal(got, raw([]float32{1, 2, 0.5, -3})[2:]) {
		t.Errorf("the data are %v, %v", got, err)
	}
	again := load(t, filepath.Join(target, "trained.onnx"))
	if numbers, err := again.Graph.Nodes[0].Constant().Float32s(); err != nil || !slices.Equal(numbers, []float32{0.5, -3}) {
		t.Errorf("the constant is %v, %v", numbers, err)
	}
}
