package model

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// In float32 a quotient of such places is rounded across a row, if it is not that of a multiple.
func TestPlacesByColumnsAreExactInLargePlanes(t *testing.T) {
	const rows, width, stride = 3_000_003, 3, 99_991
	image := floats([]int64{1, 1, rows, width}, make([]float32, rows*width)...)
	source := single(12, "MaxPool", list(image), attrs(
		onnx.IntsAttr("kernel_shape", 1, 1), onnx.IntsAttr("strides", stride, 1), onnx.IntAttr("storage_order", 1)))
	source.Graph.Nodes[0].Outputs = []string{"", "y"}
	got, err := evaluate(t, source, "y")
	if err != nil {
		t.Fatal(err)
	}
	for i, place := range got.data {
		row, column := i/width*stride, i%width
		if want := float64(column*rows + row); place != want {
			t.Fatalf("the maximum at row %d, column %d has the place %v, want %v", row, column, place, want)
		}
	}
}
