//go:build cgo

package ort

import (
	"reflect"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// element is what one type of elements needs.
type element struct {
	slice  reflect.Type                                                 // of Tensor.Data
	wrap   func(shape []int, data any) (onnxruntime.Value, error)       // a value in Go's memory
	scalar func() (onnxruntime.Value, error)                            // room for an output without dimensions
	unwrap func(onnxruntime.Value) (shape []int, data any, isType bool) // a value's own memory
}

// elements are the types that the library's binding can take from Go and give back. It reads 16-bit floating-point numbers wrong.
var elements = map[onnx.DataType]element{
	onnx.Float:  newElement[float32](),
	onnx.Double: newElement[float64](),
	onnx.Int8:   newElement[int8](),
	onnx.Int16:  newElement[int16](),
	onnx.Int32:  newElement[int32](),
	onnx.Int64:  newElement[int64](),
	onnx.Uint8:  newElement[uint8](),
	onnx.Uint16: newElement[uint16](),
	onnx.Uint32: newElement[uint32](),
	onnx.Uint64: newElement[uint64](),
	onnx.Bool:   newElement[bool](),
}

func newElement[T onnxruntime.TensorData]() element {
	scalar := func(v T) (onnxruntime.Value, error) {
		s, err := onnxruntime.NewScalar(v)
		if err != nil {
			return nil, err // and not a nil pointer in an interface
		}
		return s, nil
	}
	return element{
		slice: reflect.TypeFor[[]T](),
		wrap: func(shape []int, data any) (onnxruntime.Value, error) {
			if len(shape) == 0 {
				return scalar(data.([]T)[0])
			}
			t, err := onnxruntime.NewTensor(dimensions(shape), data.([]T))
			if err != nil {
				return nil, err
			}
			return t, nil
		},
		scalar: func() (onnxruntime.Value, error) { return scalar(*new(T)) },
		unwrap: func(v onnxruntime.Value) ([]int, any, bool) {
			switch v := v.(type) {
			case *onnxruntime.Scalar[T]:
				return []int{}, []T{v.GetData()}, true
			case *onnxruntime.Tensor[T]:
				return sizes(v.GetShape()), v.GetData(), true
			}
			return nil, nil, false
		},
	}
}

func dimensions(shape []int) onnxruntime.Shape {
	dims := make(onnxruntime.Shape, len(shape))
	for i, n := range shape {
		dims[i] = int64(n)
	}
	return dims
}

func sizes(dims onnxruntime.Shape) []int {
	shape := make([]int, len(dims))
	for i, n := range dims {
		shape[i] = int(n)
	}
	return shape
}
