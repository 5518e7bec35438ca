package onnx_test

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// tensor decodes a file that has one initializer with these fields.
func tensor(t *testing.T, fields ...[]byte) *onnx.Tensor {
	t.Helper()
	m, err := onnx.Decode(file(initializer("w", fields...), graphOutput("w")))
	if err != nil {
		t.Fatal(err)
	}
	return m.Graph.Initializers[0]
}

func dtype(d onnx.DataType) []byte { return varint(2, int64(d)) }

func raw(numbers any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, numbers)
	if err != nil {
		panic(err)
	}
	return message(9, b)
}

func TestTensorsReadAsNumbers(t *testing.T) {
	half := math.Float32bits(0.5)
	for _, test := range []struct {
		rule   string
		fields [][]byte
		want   []float64
	}{
		{"FLOAT in raw_data", [][]byte{dtype(onnx.Float), raw([]float32{0.5, -2})}, []float64{0.5, -2}},
		{"FLOAT in float_data", [][]byte{dtype(onnx.Float), message(4, raw([]float32{0.5, -2})[2:])}, []float64{0.5, -2}},
		{"FLOAT in float_data, not packed", [][]byte{dtype(onnx.Float), fixed32(4, half), fixed32(4, half)}, []float64{0.5, 0.5}},
		{"FLOAT in float_data, in pieces", [][]byte{dtype(onnx.Float), message(4, raw([]float32{0.5})[2:]), fixed32(4, half)}, []float64{0.5, 0.5}},
		{"DOUBLE in raw_data", [][]byte{dtype(onnx.Double), raw([]float64{0.1, -2})}, []float64{0.1, -2}},
		{"DOUBLE in double_data", [][]byte{dtype(onnx.Double), message(10, raw([]float64{0.1, -2})[2:])}, []float64{0.1, -2}},
		{"INT64 in raw_data", [][]byte{dtype(onnx.Int64), raw([]int64{7, -1})}, []float64{7, -1}},
		{"INT64 in int64_data", [][]byte{dtype(onnx.Int64), packed(7, 7, -1)}, []float64{7, -1}},
		{"INT64 in int64_data, not packed", [][]byte{dtype(onnx.Int64), varint(7, 7), varint(7, -1)}, []float64{7, -1}},
		{"INT32 in raw_data", [][]byte{dtype(onnx.Int32), raw([]int32{7, -1})}, []float64{7, -1}},
		{"INT32 in int32_data", [][]byte{dtype(onnx.Int32), packed(5, 7, -1)}, []float64{7, -1}},
		{"INT16 in raw_data", [][]byte{dtype(onnx.Int16), raw([]int16{7, -1})}, []float64{7, -1}},
		{"INT16 in int32_data", [][]byte{dtype(onnx.Int16), packed(5, 7, -1)}, []float64{7, -1}},
		{"INT8 in raw_data", [][]byte{dtype(onnx.Int8), raw([]int8{7, -1})}, []float64{7, -1}},
		{"INT8 in int32_data", [][]byte{dtype(onnx.Int8), packed(5, 7, -128)}, []float64{7, -128}},
		{"UINT8 in raw_data", [][]byte{dtype(onnx.Uint8), raw([]uint8{7, 255})}, []float64{7, 255}},
		{"UINT8 in int32_data", [][]byte{dtype(onnx.Uint8), packed(5, 7, 255)}, []float64{7, 255}},
		{"UINT16 in raw_data", [][]byte{dtype(onnx.Uint16), raw([]uint16{7, 65535})}, []float64{7, 65535}},
		{"UINT16 in int32_data", [][]byte{dtype(onnx.Uint16), packed(5, 7, 65535)}, []float64{7, 65535}},
		{"UINT32 in raw_data", [][]byte{dtype(onnx.Uint32), raw([]uint32{7, 1 << 31})}, []float64{7, 1 << 31}},
		{"UINT32 in uint64_data", [][]byte{dtype(onnx.Uint32), packed(11, 7, 1<<31)}, []float64{7, 1 << 31}},
		{"UINT64 in raw_data", [][]byte{dtype(onnx.Uint64), raw([]uint64{7, 1 << 62})}, []float64{7, 1 << 62}},
		{"UINT64 in uint64_data", [][]byte{dtype(onnx.Uint64), packed(11, 7, 1<<62)}, []float64{7, 1 << 62}},
		{"BOOL in raw_data", [][]byte{dtype(onnx.Bool), raw([]bool{true, false})}, []float64{1, 0}},
		{"BOOL in int32_data", [][]byte{dtype(onnx.Bool), packed(5, 1, 0)}, []float64{1, 0}},
		{"FLOAT16 in raw_data", [][]byte{dtype(onnx.Float16), raw([]uint16{0x3800, 0xc000})}, []float64{0.5, -2}},
		{"FLOAT16 in int32_data", [][]byte{dtype(onnx.Float16), packed(5, 0x3800, 0xc000)}, []float64{0.5, -2}},
		{"FLOAT16, smallest and largest", [][]byte{dtype(onnx.Float16), raw([]uint16{0x8001, 0x7bff})}, []float64{-0x1p-24, 65504}},
		{"FLOAT16, infinity and zero", [][]byte{dtype(onnx.Float16), raw([]uint16{0xfc00, 0x0000})}, []float64{math.Inf(-1), 0}},
		{"BFLOAT16 in raw_data", [][]byte{dtype(onnx.BFloat16), raw([]uint16{0x3f00, 0xc000})}, []float64{0.5, -2}},
		{"BFLOAT16 in int32_data", [][]byte{dtype(onnx.BFloat16), packed(5, 0x3f00, 0xc000)}, []float64{0.5, -2}},
		{"BFLOAT16, smallest", [][]byte{dtype(onnx.BFloat16), raw([]uint16{0x8001, 0x0080})}, []float64{-0x1p-133, 0x1p-126}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			w := tensor(t, append(test.fields, packed(1, 2))...)
			if n, err := w.Elems(); n != 2 || err != nil {
				t.Errorf("Elems: %d, %v", n, err)
			}
			if got, err := w.Float64s(); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("Float64s: %v, %v, want %v", got, err, test.want)
			}
			narrow := []float32{float32(test.want[0]), float32(test.want[1])}
			if got, err := w.Float32s(); err != nil || !slices.Equal(got, narrow) {
				t.Errorf("Float32s: %v, %v, want %v", got, err, narrow)
			}
			got, err := w.Int64s()
			switch w.DType {
			case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
				if err == nil {
					t.Errorf("Int64s of %v: %v, want an error", w.DType, got)
				}
			default:
				if want := []int64{int64(test.want[0]), int64(test.want[1])}; err != nil || !slices.Equal(got, want) {
					t.Errorf("Int64s: %v, %v, want %v", got, err, want)
				}
			}
		})
	}
}

func TestTensorsRefuseDataThatDoNotFit(t *testing.T) {
	float := dtype(onnx.Float)
	for _, test := range []struct {
		rule   string
		fields [][]byte
		want   string
	}{
		{"too few bytes", [][]byte{float, packed(1, 3), raw([]float32{1, 2})}, "8 bytes of data for 3 FLOAT elements of shape [3]"},
		{"a part of an element", [][]byte{float, packed(1, 1), message(9, make([]byte, 7))}, "7 bytes of data for 1 FLOAT"},
		{"no data", [][]byte{float, packed(1, 3)}, "0 bytes of data for 3"},
		{"data for an empty tensor", [][]byte{float, packed(1, 0), raw([]float32{1})}, "4 bytes of data for 0"},
		{"too few packed numbers", [][]byte{dtype(onnx.Int64), packed(1, 3), packed(7, 1, 2)}, "int64_data: 2 numbers for 3 elements"},
		{"an unfinished packed number", [][]byte{dtype(onnx.Int64), packed(1, 1), message(7, []byte{1, 0x80})}, "int64_data: "},
		{"a negative dimension", [][]byte{float, packed(1, 2, -1)}, "negative dimension in shape [2 -1]"},
		{"more elements than an int counts", [][]byte{float, packed(1, 1<<32, 1<<32)}, "too many elements"},
		{"more elements than an int counts, and none", [][]byte{float, packed(1, 1<<32, 0, 1<<32)}, "too many elements"},
		{"a number out of range", [][]byte{dtype(onnx.Uint8), packed(1, 1), packed(5, 256)}, "256 is out of the range of UINT8"},
		{"a field of another type", [][]byte{float, packed(1, 1), packed(7, 1)}, "int64_data cannot hold FLOAT elements"},
		{"strings", [][]byte{dtype(onnx.String), packed(1, 1), str(6, "a")}, "STRING elements cannot be read as numbers"},
		{"complex numbers", [][]byte{dtype(onnx.Complex64), packed(1, 1), raw([]float32{1, 2})}, "COMPLEX64 elements are not real numbers"},
		{"a type of later versions", [][]byte{varint(2, 17), packed(1, 1), message(9, []byte{1})}, "FLOAT8E4M3FN elements cannot be read"},
		{"an unknown type", [][]byte{varint(2, -7), packed(1, 1), message(9, []byte{1})}, "DataType(-7) elements cannot be read"},
		{"external data", [][]byte{float, packed(1, 1), message(13, str(1, "location"), str(2, "weights.bin")), varint(14, 1)}, `external data: they are in file "weights.bin" next to the model, which is unknown for a model that was not read with Load`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			w := tensor(t, test.fields...)
			for name, read := range map[string]func() error{
				"Float32s": func() error { _, err := w.Float32s(); return err },
				"Float64s": func() error { _, err := w.Float64s(); return err },
			} {
				if err := read(); err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), `tensor "w": `) {
					t.Errorf("%s: error %v, want one that says %s", name, err, test.want)
				}
			}
		})
	}
}

func TestInt64sRefusesWhatItCannotHold(t *testing.T) {
	w := tensor(t, dtype(onnx.Uint64), packed(1, 1), raw([]uint64{1 << 63}))
	if got, err := w.Int64s(); err == nil {
		t.Errorf("got %v, want an error", got)
	}
}

func TestStringTensors(t *testing.T) {
	w := tensor(t, dtype(onnx.String), packed(1, 2), str(6, "a"), str(6, ""))
	got, err := w.Strings()
	if err != nil || len(got) != 2 || string(got[0]) != "a" || string(got[1]) != "" {
		t.Errorf("got %q, %v", got, err)
	}
	for rule, w := range map[string]*onnx.Tensor{
		"a string is missing": tensor(t, dtype(onnx.String), packed(1, 2), str(6, "a")),
		"numbers":             onnx.NewInt64Tensor("n", []int64{1}, []int64{1}),
	} {
		if got, err := w.Strings(); err == nil {
			t.Errorf("%s: got %q, want an error", rule, got)
		}
	}
}

func TestPackedNumbersKeepTheirBytes(t *testing.T) {
	// Appending to a view of the file must not write into the file.
	piece := protowire.AppendVarint(nil, 5)
	data := file(initializer("w", dtype(onnx.Int64), packed(1, 2), message(7, piece), message(7, piece), str(12, "a comment")), graphOutput("w"))
	before := slices.Clone(data)
	if _, err := onnx.Decode(data); err != nil || !slices.Equal(data, before) {
		t.Errorf("decoding changes the data, or fails: %v", err)
	}
}

func TestConstructorsPanicWhereDataDoNotFillTheShape(t *testing.T) {
	for _, dims := range [][]int64{{3}, {-2}, {1 << 40, 1 << 40}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("no panic for two elements of shape %v", dims)
				}
			}()
			onnx.NewFloatTensor("w", dims, []float32{1, 2})
		}()
	}
}

func TestZerosAreTensorsOfTheirType(t *testing.T) {
	for _, dtype := range []onnx.DataType{onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16} {
		z, err := onnx.Zeros("z", dtype, []int64{2, 3})
		if err != nil {
			t.Fatal(err)
		}
		values, err := z.Float64s()
		if err != nil || len(values) != 6 || slices.ContainsFunc(values, func(v float64) bool { return v != 0 }) {
			t.Errorf("%v: %v, %v", dtype, values, err)
		}
	}
	for _, dims := range [][]int64{{-1}, {1 << 62, 4}, {1 << 61, 2}} {
		if _, err := onnx.Zeros("z", onnx.Float, dims); err == nil {
			t.Errorf("the shape %v has zeros", dims)
		}
	}
	if _, err := onnx.Zeros("z", onnx.String, []int64{1}); err == nil {
		t.Error("strings have zeros")
	}
}
