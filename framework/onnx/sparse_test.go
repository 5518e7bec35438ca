package onnx_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

func TestSparseTensorsBecomeDense(t *testing.T) {
	values := onnx.NewFloatTensor("s", []int64{3}, []float32{7, 8, 9})
	for _, test := range []struct {
		rule    string
		indices *onnx.Tensor
		dims    []int64
		want    []float32
	}{
		{"positions", onnx.NewInt64Tensor("", []int64{3}, []int64{0, 2, 5}), []int64{2, 3}, []float32{7, 0, 8, 0, 0, 9}},
		{"coordinates", onnx.NewInt64Tensor("", []int64{3, 2}, []int64{0, 1, 1, 0, 1, 2}), []int64{2, 3}, []float32{0, 7, 0, 8, 0, 9}},
		{"coordinates of a vector", onnx.NewInt64Tensor("", []int64{3, 1}, []int64{0, 1, 3}), []int64{4}, []float32{7, 8, 0, 9}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			s := &onnx.SparseTensor{Values: values, Indices: test.indices, Dims: test.dims}
			dense, err := s.Dense()
			if err != nil {
				t.Fatal(err)
			}
			if got, err := dense.Float32s(); err != nil || !slices.Equal(got, test.want) || dense.Name != "s" || !slices.Equal(dense.Dims, test.dims) {
				t.Errorf("%q of shape %v: %v, %v, want %v", dense.Name, dense.Dims, got, err, test.want)
			}
		})
	}
}

func TestSparseTensorsOfAnyTypeBecomeDense(t *testing.T) {
	values := tensor(t, dtype(onnx.Int8), packed(1, 1), packed(5, -3)) // in int32_data
	s := &onnx.SparseTensor{Values: values, Indices: onnx.NewInt64Tensor("", []int64{1}, []int64{1}), Dims: []int64{3}}
	dense, err := s.Dense()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := dense.Int64s(); err != nil || !slices.Equal(got, []int64{0, -3, 0}) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSparseTensorsWithoutElementsBecomeDense(t *testing.T) {
	none := &onnx.SparseTensor{Values: onnx.NewFloatTensor("s", []int64{0}, nil), Indices: onnx.NewInt64Tensor("", []int64{0}, nil)}
	for _, dims := range [][]int64{{0, 4}, {2}} {
		none.Dims = dims
		dense, err := none.Dense()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := dense.Float64s(); err != nil || len(got) != int(dims[0]) || slices.Max(append(got, 0)) != 0 {
			t.Errorf("shape %v: got %v, %v", dims, got, err)
		}
	}
}

func TestSparseTensorsThatBreakTheFormatAreErrors(t *testing.T) {
	one := onnx.NewFloatTensor("s", []int64{1}, []float32{1})
	two := onnx.NewFloatTensor("s", []int64{2}, []float32{1, 2})
	at := func(dims []int64, indices ...int64) *onnx.Tensor { return onnx.NewInt64Tensor("", dims, indices) }
	for _, test := range []struct {
		rule            string
		values, indices *onnx.Tensor
		dims            []int64
		want            string
	}{
		{"no values", nil, at([]int64{1}, 0), []int64{3}, "sparse tensor: it has no values"},
		{"no indices", one, nil, []int64{3}, "it has no values or no indices"},
		{"too many elements", one, at([]int64{1}, 0), []int64{1 << 14, 1<<14 + 1}, `sparse tensor "s": it would have 268451840 elements`},
		{"more elements than an int counts", one, at([]int64{1}, 0), []int64{1 << 40, 1 << 40}, "too many elements"},
		{"an index beyond the end", one, at([]int64{1}, 3), []int64{3}, "indices: [3] is out of the range of [3]"},
		{"a negative index", one, at([]int64{1}, -1), []int64{3}, "[-1] is out of the range"},
		{"a coordinate beyond its dimension", one, at([]int64{1, 2}, 0, 3), []int64{2, 3}, "[0 3] is out of the range of [2 3]"},
		{"an index given twice", two, at([]int64{2}, 1, 1), []int64{3}, "[1] does not come after those before it"},
		{"indices that descend", two, at([]int64{2}, 2, 1), []int64{3}, "[1] does not come after"},
		{"fewer indices than values", two, at([]int64{1}, 1), []int64{3}, "there are 1 indices for values of shape [2]"},
		{"values in rows", onnx.NewFloatTensor("s", []int64{1, 1}, []float32{1}), at([]int64{1}, 1), []int64{3}, "for values of shape [1 1]"},
		{"coordinates for another rank", one, at([]int64{1, 2}, 0, 0), []int64{3}, "their shape [1 2] is for no tensor of shape [3]"},
		{"coordinates of a scalar", one, at([]int64{1, 0}), nil, "a scalar has no coordinates"},
		{"indices of another type", one, onnx.NewFloatTensor("", []int64{1}, []float32{0}), []int64{3}, "they are FLOAT, where ONNX has INT64"},
		{"strings", tensor(t, dtype(onnx.String), packed(1, 1), str(6, "a")), at([]int64{1}, 0), []int64{3}, "STRING elements cannot be read"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			s := &onnx.SparseTensor{Values: test.values, Indices: test.indices, Dims: test.dims}
			if dense, err := s.Dense(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, %v, want an error that says %s", dense, err, test.want)
			}
		})
	}
}
