package ort_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

func TestNumbersBecomeElementsAndBack(t *testing.T) {
	for dtype, want := range map[onnx.DataType]any{
		onnx.Float:  []float32{0, 1},
		onnx.Double: []float64{0, 1},
		onnx.Int8:   []int8{0, 1},
		onnx.Int16:  []int16{0, 1},
		onnx.Int32:  []int32{0, 1},
		onnx.Int64:  []int64{0, 1},
		onnx.Uint8:  []uint8{0, 1},
		onnx.Uint16: []uint16{0, 1},
		onnx.Uint32: []uint32{0, 1},
		onnx.Uint64: []uint64{0, 1},
		onnx.Bool:   []bool{false, true},
	} {
		x, err := ort.NewTensor("x", dtype, []int{2}, []float64{0, 1})
		if err != nil || !reflect.DeepEqual(x, ort.Tensor{Name: "x", Shape: []int{2}, Data: want}) {
			t.Errorf("%v: %v, error %v", dtype, x, err)
		}
		if back, err := x.Float64s(); err != nil || !slices.Equal(back, []float64{0, 1}) {
			t.Errorf("%v: back come %v, error %v", dtype, back, err)
		}
	}
	if _, err := ort.NewTensor("x", onnx.String, nil, nil); err == nil || !strings.Contains(err.Error(), `"x": STRING`) {
		t.Errorf("strings: error %v", err)
	}
	if _, err := (ort.Tensor{Name: "x", Data: []string{"a"}}).Float64s(); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("strings: error %v", err)
	}
}
