package onnx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

func TestDecodesATensorThatStandsAlone(t *testing.T) {
	got, err := onnx.DecodeTensor(slices.Concat(packed(1, 2, 1), dtype(onnx.Float), str(8, "x"), raw([]float32{0.5, -2})))
	if err != nil {
		t.Fatal(err)
	}
	numbers, err := got.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "x" || got.DType != onnx.Float || !slices.Equal(got.Dims, []int64{2, 1}) || !slices.Equal(numbers, []float64{0.5, -2}) {
		t.Errorf("read %+v with %v", got, numbers)
	}
}

func TestRefusesWhatIsNoTensor(t *testing.T) {
	for _, test := range []struct {
		rule   string
		data   []byte
		reason string
	}{
		{"an empty file", nil, "it has no data type"},
		{"a tensor that is cut off", slices.Concat(dtype(onnx.Float), raw([]float32{1}))[:5], "raw_data: the data ends inside the field"},
		{"a field of another wire type", varint(8, 1), "name: wire type 0, where ONNX has 2"},
		{"data in two places", slices.Concat(dtype(onnx.Int64), packed(7, 1), raw([]int64{1})), "data are both in int64_data and in raw_data"},
	} {
		if _, err := onnx.DecodeTensor(test.data); err == nil || !strings.Contains(err.Error(), "onnx: not a tensor: "+test.reason) {
			t.Errorf("%s: %v, want %q", test.rule, err, test.reason)
		}
	}
}
