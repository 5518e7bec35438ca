package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Tensor is a TensorProto: a constant, in row-major order. A tensor read from
// a file holds a view of the file, which the accessors convert on demand, or
// refers to another file, which they then read; they report data that do not
// fit the shape or the type.
type Tensor struct {
	Name  string
	DType DataType
	Dims  []int64 // empty for a scalar

	storage  storage
	data     []byte   // the body of the field that storage names: raw bytes or packed numbers
	strings  [][]byte // string_data
	external []Entry  // external_data: the location, offset and length of data in another file
	folder   string   // of the file that the tensor was read from; "" if unknown
	unknown
}

// NewFloatTensor returns a FLOAT tensor with a copy of data. It panics if data
// does not fill dims.
func NewFloatTensor(name string, dims []int64, data []float32) *Tensor {
	return newTensor(name, Float, dims, data)
}

// NewDoubleTensor returns a DOUBLE tensor with a copy of data. It panics if
// data does not fill dims.
func NewDoubleTensor(name string, dims []int64, data []float64) *Tensor {
	return newTensor(name, Double, dims, data)
}

// NewInt64Tensor returns an INT64 tensor with a copy of data. It panics if
// data does not fill dims.
func NewInt64Tensor(name string, dims []int64, data []int64) *Tensor {
	return newTensor(name, Int64, dims, data)
}

// Zeros returns a tensor of numbers that are all zero. They take memory only once they are read.
func Zeros(name string, dtype DataType, dims []int64) (*Tensor, error) {
	t := &Tensor{Name: name, DType: dtype, Dims: slices.Clone(dims)}
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	width := 0
	if dtype.known() {
		width = dataTypes[dtype].width
	}
	if width == 0 || n > math.MaxInt/width {
		return nil, fmt.Errorf("tensor %q: %d elements of type %v have no zeros", name, n, dtype)
	}
	if n > 0 {
		t.storage, t.data = rawData, make([]byte, n*width)
	}
	return t, nil
}

func newTensor[T float32 | float64 | int64](name string, dtype DataType, dims []int64, data []T) *Tensor {
	t := &Tensor{Name: name, DType: dtype, Dims: slices.Clone(dims)}
	n, err := t.Elems()
	if err != nil || n != len(data) {
		panic(fmt.Sprintf("onnx: tensor %q: %d elements do not fill the shape %v", name, len(data), dims))
	}
	if n > 0 {
		t.storage = rawData
		t.data, _ = binary.Append(nil, binary.LittleEndian, data) // no error for a slice of numbers
	}
	return t
}

// Elems returns the number of elements, the product of Dims. A negative
// dimension and a product that overflows are errors.
func (t *Tensor) Elems() (int, error) {
	n, empty := uint64(1), false
	for _, d := range t.Dims {
		if d < 0 {
			return 0, fmt.Errorf("tensor %q: negative dimension in shape %v", t.Name, t.Dims)
		}
		if d == 0 {
			empty = true
			continue
		}
		hi, lo := bits.Mul64(n, uint64(d))
		if hi != 0 || lo > math.MaxInt {
			return 0, fmt.Errorf("tensor %q: shape %v has too many elements", t.Name, t.Dims)
		}
		n = lo
	}
	if empty {
		return 0, nil
	}
	return int(n), nil
}

// Float32s returns the elements of a tensor of numbers or booleans, each
// rounded to the nearest float32. The slice is the caller's.
func (t *Tensor) Float32s() ([]float32, error) { return convert[float32](t) }

// Float64s returns the elements of a tensor of numbers or booleans, each
// rounded to the nearest float64. The slice is the caller's.
func (t *Tensor) Float64s() ([]float64, error) { return convert[float64](t) }

// Int64s returns the elements of a tensor of integers or booleans. The slice
// is the caller's. An element that an int64 cannot hold is an error.
func (t *Tensor) Int64s() ([]int64, error) {
	switch t.DType {
	case Float, Double, Float16, BFloat16:
		return nil, fmt.Errorf("tensor %q: %v elements are not integers", t.Name, t.DType)
	}
	out, err := convert[int64](t)
	if t.DType == Uint64 && slices.ContainsFunc(out, func(i int64) bool { return i < 0 }) {
		return nil, fmt.Errorf("tensor %q: a UINT64 element is too large for int64", t.Name)
	}
	return out, err
}

// Strings returns the elements of a STRING tensor.
func (t *Tensor) Strings() ([][]byte, error) {
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	if t.DType != String {
		return nil, fmt.Errorf("tensor %q: %v elements are not strings", t.Name, t.DType)
	}
	if len(t.strings) != n {
		return nil, fmt.Errorf("tensor %q: %d strings for %d elements of shape %v", t.Name, len(t.strings), n, t.Dims)
	}
	return t.strings, nil
}
