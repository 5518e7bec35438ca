package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// number is a type in which elements are read.
type number interface{ float32 | float64 | int64 }

func convert[T number](t *Tensor) ([]T, error) {
	raw, err := t.raw()
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	switch t.DType {
	case Float:
		out := make([]T, len(raw)/4) // what models consist of: without a call for each element
		for i := range out {
			out[i] = T(math.Float32frombits(le.Uint32(raw[4*i:])))
		}
		return out, nil
	case Double:
		return each(raw, 8, func(b []byte) T { return T(math.Float64frombits(le.Uint64(b))) }), nil
	case Float16:
		return each(raw, 2, func(b []byte) T { return T(array.Float16.Value(le.Uint16(b))) }), nil
	case BFloat16:
		return each(raw, 2, func(b []byte) T { return T(array.BFloat16.Value(le.Uint16(b))) }), nil
	case Int64:
		return each(raw, 8, func(b []byte) T { return T(int64(le.Uint64(b))) }), nil
	case Int32:
		return each(raw, 4, func(b []byte) T { return T(int32(le.Uint32(b))) }), nil
	case Int16:
		return each(raw, 2, func(b []byte) T { return T(int16(le.Uint16(b))) }), nil
	case Int8:
		return each(raw, 1, func(b []byte) T { return T(int8(b[0])) }), nil
	case Uint64:
		return each(raw, 8, func(b []byte) T { return T(le.Uint64(b)) }), nil
	case Uint32:
		return each(raw, 4, func(b []byte) T { return T(le.Uint32(b)) }), nil
	case Uint16:
		return each(raw, 2, func(b []byte) T { return T(le.Uint16(b)) }), nil
	case Uint8:
		return each(raw, 1, func(b []byte) T { return T(b[0]) }), nil
	case Bool:
		return each(raw, 1, func(b []byte) T { return T(min(b[0], 1)) }), nil
	}
	return nil, fmt.Errorf("tensor %q: %v elements are not real numbers", t.Name, t.DType)
}

// each converts raw, element by element of the given width.
func each[T number](raw []byte, width int, convert func([]byte) T) []T {
	out := make([]T, len(raw)/width)
	for i := range out {
		out[i] = convert(raw[i*width:])
	}
	return out
}

// WithFloat32s returns a copy of a tensor of FLOAT, DOUBLE, FLOAT16 or BFLOAT16
// elements that has other values: each rounded to the nearest number of the
// type, and the even one of two. The data are stored in the same field, but
// what was external is in the tensor itself. Values that are too many, too
// few, or finite but larger than the type's largest number are errors.
func (t *Tensor) WithFloat32s(values []float32) (*Tensor, error) { return withValues(t, values) }

// WithFloat64s is WithFloat32s for more precise values, which are rounded once.
func (t *Tensor) WithFloat64s(values []float64) (*Tensor, error) { return withValues(t, values) }

func withValues[T float32 | float64](t *Tensor, values []T) (*Tensor, error) {
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	if len(values) != n {
		return nil, fmt.Errorf("tensor %q: %d values for %d elements of shape %v", t.Name, len(values), n, t.Dims)
	}
	raw, err := round(values, t.DType)
	if err != nil {
		return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	return t.withRaw(raw), nil
}

// WithInt64s returns a copy of a tensor of integers or truth values that has
// other values, of which the bits that its type does not have are dropped.
func (t *Tensor) WithInt64s(values []int64) (*Tensor, error) {
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	if len(values) != n {
		return nil, fmt.Errorf("tensor %q: %d values for %d elements of shape %v", t.Name, len(values), n, t.Dims)
	}
	switch t.DType {
	case Int8, Int16, Int32, Int64, Uint8, Uint16, Uint32, Uint64, Bool:
	default:
		return nil, fmt.Errorf("tensor %q: %v elements cannot be replaced by integers", t.Name, t.DType)
	}
	width := dataTypes[t.DType].width
	raw := make([]byte, 0, n*width)
	for _, v := range values {
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, uint64(v))[:width]...)
	}
	return t.withRaw(raw), nil
}

// round returns values as raw_data of the given type.
func round[T float32 | float64](values []T, dtype DataType) ([]byte, error) {
	le := binary.LittleEndian
	switch dtype {
	case Float:
		return put(values, dtype, func(b []byte, v T) bool {
			le.PutUint32(b, math.Float32bits(float32(v)))
			return !math.IsInf(float64(float32(v)), 0)
		})
	case Double:
		return put(values, dtype, func(b []byte, v T) bool {
			le.PutUint64(b, math.Float64bits(float64(v)))
			return true
		})
	case Float16:
		return put(values, dtype, func(b []byte, v T) bool {
			h := array.Float16.Bits(float64(v))
			le.PutUint16(b, h)
			return !array.Float16.IsInf(h)
		})
	case BFloat16:
		return put(values, dtype, func(b []byte, v T) bool {
			h := array.BFloat16.Bits(float64(v))
			le.PutUint16(b, h)
			return !array.BFloat16.IsInf(h)
		})
	}
	return nil, fmt.Errorf("%v elements cannot be replaced by real numbers", dtype)
}

// put writes values one after the other; write reports whether the result is
// finite.
func put[T float32 | float64](values []T, dtype DataType, write func([]byte, T) bool) ([]byte, error) {
	width := dataTypes[dtype].width
	raw := make([]byte, len(values)*width)
	for i, v := range values {
		if !write(raw[i*width:], v) && !math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("the value %v of element %d is too large for %v", v, i, dtype)
		}
	}
	return raw, nil
}
