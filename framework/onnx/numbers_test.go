package onnx_test

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// short returns a tensor with these elements of 16 bits.
func short(t *testing.T, d onnx.DataType, elements ...uint16) *onnx.Tensor {
	t.Helper()
	return tensor(t, dtype(d), packed(1, int64(len(elements))), raw(elements))
}

// values returns the elements of the tensor, which must be readable.
func values(t *testing.T, w *onnx.Tensor) []float64 {
	t.Helper()
	v, err := w.Float64s()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Every number of 16 bits, what lies halfway between two, and the nearest
// float64 on either side of that are rounded as IEEE 754 says.
func TestRoundingTo16BitsIsToTheNearestAndToEven(t *testing.T) {
	for _, format := range []struct {
		dtype    onnx.DataType
		infinity uint16
	}{{onnx.Float16, 0x7c00}, {onnx.BFloat16, 0x7f80}} {
		t.Run(format.dtype.String(), func(t *testing.T) {
			finite := make([]uint16, format.infinity)
			for i := range finite {
				finite[i] = uint16(i)
			}
			number := values(t, short(t, format.dtype, finite...))
			var in, want []float64
			for i, v := range number {
				in, want = append(in, v, -v), append(want, v, -v)
				if i == 0 {
					continue
				}
				lower := number[i-1]
				halfway, even := (lower+v)/2, lower
				if i%2 == 0 {
					even = v
				}
				in = append(in, halfway, -halfway, math.Nextafter(halfway, 0), math.Nextafter(halfway, v))
				want = append(want, even, -even, lower, v)
			}
			w := short(t, format.dtype, make([]uint16, len(in))...)
			rounded, err := w.WithFloat64s(in)
			if err != nil {
				t.Fatal(err)
			}
			for i, got := range values(t, rounded) {
				if got != want[i] || math.Signbit(got) != math.Signbit(want[i]) {
					t.Fatalf("%v is rounded to %v, want %v", in[i], got, want[i])
				}
			}
		})
	}
}

func TestNewValuesKeepInfinitiesAndNaN(t *testing.T) {
	for _, d := range []onnx.DataType{onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16} {
		w := tensor(t, dtype(d), packed(1, 3), message(9, make([]byte, 3*map[onnx.DataType]int{onnx.Float: 4, onnx.Double: 8, onnx.Float16: 2, onnx.BFloat16: 2}[d])))
		rounded, err := w.WithFloat64s([]float64{math.Inf(1), math.Inf(-1), math.NaN()})
		if err != nil {
			t.Fatal(err)
		}
		if got := values(t, rounded); !math.IsInf(got[0], 1) || !math.IsInf(got[1], -1) || !math.IsNaN(got[2]) {
			t.Errorf("%v: got %v", d, got)
		}
	}
}

func TestNewValuesAreStoredWhereTheOldOnesWere(t *testing.T) {
	shape := packed(1, 2)
	for _, test := range []struct {
		rule     string
		old, new [][]byte // fields
	}{
		{"FLOAT in raw_data", [][]byte{dtype(onnx.Float), raw([]float32{1, 2})}, [][]byte{dtype(onnx.Float), raw([]float32{0.5, -3})}},
		{"FLOAT in float_data", [][]byte{dtype(onnx.Float), message(4, raw([]float32{1, 2})[2:])}, [][]byte{dtype(onnx.Float), message(4, raw([]float32{0.5, -3})[2:])}},
		{"DOUBLE in raw_data", [][]byte{dtype(onnx.Double), raw([]float64{1, 2})}, [][]byte{dtype(onnx.Double), raw([]float64{0.5, -3})}},
		{"DOUBLE in double_data", [][]byte{dtype(onnx.Double), message(10, raw([]float64{1, 2})[2:])}, [][]byte{dtype(onnx.Double), message(10, raw([]float64{0.5, -3})[2:])}},
		{"FLOAT16 in raw_data", [][]byte{dtype(onnx.Float16), raw([]uint16{0, 1})}, [][]byte{dtype(onnx.Float16), raw([]uint16{0x3800, 0xc200})}},
		{"FLOAT16 in int32_data", [][]byte{dtype(onnx.Float16), packed(5, 0, 1)}, [][]byte{dtype(onnx.Float16), packed(5, 0x3800, 0xc200)}},
		{"BFLOAT16 in raw_data", [][]byte{dtype(onnx.BFloat16), raw([]uint16{0, 1})}, [][]byte{dtype(onnx.BFloat16), raw([]uint16{0x3f00, 0xc040})}},
		{"BFLOAT16 in int32_data", [][]byte{dtype(onnx.BFloat16), packed(5, 0, 1)}, [][]byte{dtype(onnx.BFloat16), packed(5, 0x3f00, 0xc040)}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			comment := str(12, "a comment")
			model := func(w *onnx.Tensor) []byte {
				return encode(t, &onnx.Model{IRVersion: 8, Graph: &onnx.Graph{
					Initializers: []*onnx.Tensor{w}, Outputs: []*onnx.ValueInfo{{Name: "w"}},
				}})
			}
			old := tensor(t, append(test.old, shape, comment)...)
			before := model(old)
			want := model(tensor(t, append(test.new, shape, comment)...))
			wide, err := old.WithFloat64s([]float64{0.5, -3})
			if err != nil {
				t.Fatal(err)
			}
			narrow, err := old.WithFloat32s([]float32{0.5, -3})
			if err != nil {
				t.Fatal(err)
			}
			if got := model(wide); !bytes.Equal(got, want) {
				t.Errorf("WithFloat64s:\n%q\nwant\n%q", got, want)
			}
			if got := model(narrow); !bytes.Equal(got, want) {
				t.Errorf("WithFloat32s:\n%q\nwant\n%q", got, want)
			}
			if !bytes.Equal(model(old), before) {
				t.Error("the old tensor changed")
			}
		})
	}
}

func TestNewValuesThatDoNotFitAreErrors(t *testing.T) {
	half, float, brain := short(t, onnx.Float16, 0), tensor(t, dtype(onnx.Float), packed(1, 1), raw([]float32{0})), short(t, onnx.BFloat16, 0)
	for _, test := range []struct {
		rule   string
		tensor *onnx.Tensor
		values []float64
		want   string
	}{
		{"too many", half, []float64{1, 2}, `tensor "w": 2 values for 1 elements of shape [1]`},
		{"too few", half, nil, "0 values for 1"},
		{"halfway beyond the largest FLOAT16", half, []float64{65520}, "the value 65520 of element 0 is too large for FLOAT16"},
		{"far beyond the largest FLOAT16", half, []float64{-1e300}, "the value -1e+300 of element 0 is too large for FLOAT16"},
		{"beyond the largest BFLOAT16", brain, []float64{3.4e38}, "too large for BFLOAT16"},
		{"beyond the largest FLOAT", float, []float64{1e39}, "too large for FLOAT"},
		{"integers", tensor(t, dtype(onnx.Int64), packed(1, 1), packed(7, 1)), []float64{1}, "INT64 elements cannot be replaced by real numbers"},
		{"a type of later versions", tensor(t, varint(2, 17), packed(1, 1), message(9, []byte{1})), []float64{1}, "FLOAT8E4M3FN elements cannot be replaced"},
		{"an unknown type", tensor(t, varint(2, -7), packed(1, 1)), []float64{1}, "DataType(-7) elements cannot be replaced"},
		{"a negative dimension", tensor(t, dtype(onnx.Float), packed(1, -1)), nil, "negative dimension"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if _, err := test.tensor.WithFloat64s(test.values); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
	if w, err := half.WithFloat64s([]float64{65519}); err != nil || values(t, w)[0] != 65504 {
		t.Errorf("65519 is not rounded to the largest number: %v", err)
	}
}

func TestNewValuesOfAnEmptyTensor(t *testing.T) {
	w, err := tensor(t, dtype(onnx.Float), packed(1, 0, 3)).WithFloat32s(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.Float32s(); err != nil || len(got) != 0 || !slices.Equal(w.Dims, []int64{0, 3}) {
		t.Errorf("got %v of shape %v, %v", got, w.Dims, err)
	}
}

func TestReadingAllocatesTheResultAlone(t *testing.T) {
	const n = 1 << 20
	w := onnx.NewFloatTensor("w", []int64{n}, make([]float32, n))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := w.Float32s(); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 4*n+64<<10 {
		t.Errorf("%d bytes allocated for %d float32", used, n)
	}
}

func ExampleTensor_WithFloat64s() {
	w := onnx.NewFloatTensor("w", []int64{2}, []float32{1, 2})
	trained, err := w.WithFloat64s([]float64{0.5, 0.1})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(trained.Float64s())
	// Output: [0.5 0.10000000149011612] <nil>
}
