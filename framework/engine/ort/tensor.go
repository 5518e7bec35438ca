package ort

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Tensor is a tensor with its name in the model.
type Tensor struct {
	Name  string
	Shape []int // empty for a scalar
	// Data holds the elements in row-major order, as a slice of the Go type that corresponds to ONNX's: []float32 for FLOAT,
	// []float64 for DOUBLE, []int8 to []int64, []uint8 to []uint64, []bool.
	Data any
}

// Options says how a model is run. The zero value is one thread and all outputs.
type Options struct {
	Threads int      // that share the work of one operator; 0 means 1
	Outputs []string // what is computed, in this order; nil means all outputs of the graph
}

// number is what converts to float64 and back.
type number interface {
	~float32 | ~float64 | ~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// NewTensor returns a tensor with elements of that type, converted as Go converts them. A boolean is whether the number is not zero.
func NewTensor(name string, dtype onnx.DataType, shape []int, numbers []float64) (Tensor, error) {
	t := Tensor{Name: name, Shape: shape}
	switch dtype {
	case onnx.Float:
		t.Data = convert[float32](numbers)
	case onnx.Double:
		t.Data = convert[float64](numbers)
	case onnx.Int8:
		t.Data = convert[int8](numbers)
	case onnx.Int16:
		t.Data = convert[int16](numbers)
	case onnx.Int32:
		t.Data = convert[int32](numbers)
	case onnx.Int64:
		t.Data = convert[int64](numbers)
	case onnx.Uint8:
		t.Data = convert[uint8](numbers)
	case onnx.Uint16:
		t.Data = convert[uint16](numbers)
	case onnx.Uint32:
		t.Data = convert[uint32](numbers)
	case onnx.Uint64:
		t.Data = convert[uint64](numbers)
	case onnx.Bool:
		data := make([]bool, len(numbers))
		for i, v := range numbers {
			data[i] = v != 0
		}
		t.Data = data
	default:
		return t, fmt.Errorf("ort: tensor %q: %v elements are not supported", name, dtype)
	}
	return t, nil
}

// Float64s returns the elements as float64 numbers; true is 1.
func (t Tensor) Float64s() ([]float64, error) {
	switch data := t.Data.(type) {
	case []float32:
		return convert[float64](data), nil
	case []float64:
		return convert[float64](data), nil
	case []int8:
		return convert[float64](data), nil
	case []int16:
		return convert[float64](data), nil
	case []int32:
		return convert[float64](data), nil
	case []int64:
		return convert[float64](data), nil
	case []uint8:
		return convert[float64](data), nil
	case []uint16:
		return convert[float64](data), nil
	case []uint32:
		return convert[float64](data), nil
	case []uint64:
		return convert[float64](data), nil
	case []bool:
		numbers := make([]float64, len(data))
		for i, v := range data {
			if v {
				numbers[i] = 1
			}
		}
		return numbers, nil
	}
	return nil, fmt.Errorf("ort: tensor %q: elements of type %T are not supported", t.Name, t.Data)
}

func convert[To, From number](x []From) []To {
	y := make([]To, len(x))
	for i, v := range x {
		y[i] = To(v)
	}
	return y
}
