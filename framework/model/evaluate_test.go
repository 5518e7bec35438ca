package model

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
)

// result is a tensor.
type result struct {
	shape   []int
	integer bool
	data    []float64
}

// evaluate computes a tensor of a graph without inputs in float32.
func evaluate(t *testing.T, source *onnx.Model, output string) (*result, error) {
	t.Helper()
	a, err := Apply(source, output, nil, array.Float32)
	if err != nil {
		return nil, err
	}
	r := &result{shape: a.Output.Shape(), integer: !isFloat(a.DType)}
	if numbers, known := a.Output.Known(); known {
		r.data = numbers
		return r, nil
	}
	values := opstest.Values{}
	for _, h := range ops.HeldBy(a.Graph) {
		values[h.Input] = h.Value.As(array.Float64).F64
	}
	r.data = opstest.Run(t, values, a.Output)[0]
	return r, nil
}

// expected reads a tensor.
func expected(t *testing.T, tensor *onnx.Tensor) *result {
	t.Helper()
	v, err := readTensor(tensor)
	if err != nil {
		t.Fatal(err)
	}
	numbers, _ := v.expr.Known()
	return &result{v.expr.Shape(), v.isInteger(), numbers}
}

// compare allows for the rounding of float32, in sums of a few terms of size one.
func compare(t *testing.T, got, want *result) {
	t.Helper()
	const tolerance = 1e-5
	if !slices.Equal(got.shape, want.shape) || got.integer != want.integer {
		t.Fatalf("the output has the shape %v (integer: %v), want %v (%v)", got.shape, got.integer, want.shape, want.integer)
	}
	for i, w := range want.data {
		g := got.data[i]
		if equal := g == w || math.IsNaN(g) && math.IsNaN(w); !equal && !(math.Abs(g-w) <= tolerance*(1+math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g, w)
		}
	}
}
