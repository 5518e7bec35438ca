//go:build cgo

package ort

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	onnxruntime "github.com/yalue/onnxruntime_go"
)

// Run computes the outputs, in the order of [Session.Outputs]. The inputs are found by name; their numbers are read where they are
// and must not change meanwhile. The outputs are the caller's.
func (s *Session) Run(inputs []Tensor) ([]Tensor, error) {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	if s.library == nil {
		return nil, errors.New("ort: the session is closed")
	}
	if err := checkNames(s.inputs, inputs); err != nil {
		return nil, err
	}
	fed, computed := make(values, len(s.inputs)), make(values, len(s.outputs))
	defer fed.destroy()
	defer computed.destroy()
	if err := fed.wrap(s.inputs, inputs); err != nil {
		return nil, err
	}
	if err := computed.reserve(s.outputs); err != nil {
		return nil, err
	}
	err := s.library.Run(fed, computed)
	if errors.Is(err, onnxruntime.ZeroShapeLengthError) {
		return nil, errors.New("ort: an output is a scalar, but the file does not declare its shape, which is needed to receive it")
	}
	if err != nil {
		return nil, fmt.Errorf("ort: running the model: %w", err)
	}
	return unwrap(s.outputs, computed)
}

// values are the library's. It reads and writes Go's memory through them and does not keep that memory alive: as long as a value is
// held, and until it is destroyed, the memory is.
type values []onnxruntime.Value

// destroy gives back all values. After a failure the library may leave nil pointers in interfaces.
func (v values) destroy() {
	for _, value := range v {
		if value != nil && !reflect.ValueOf(value).IsNil() {
			value.Destroy()
		}
	}
}

// wrap makes the tensors values, in the order that the session wants.
func (v values) wrap(wanted []*onnx.ValueInfo, given []Tensor) error {
	for i, in := range wanted {
		t := given[slices.IndexFunc(given, func(t Tensor) bool { return t.Name == in.Name })]
		err := checkTensor(in, t)
		if err == nil {
			v[i], err = elements[in.DType].wrap(t.Shape, t.Data)
		}
		if err != nil {
			return fmt.Errorf("ort: input %q: %w", in.Name, err)
		}
	}
	return nil
}

// reserve makes room for outputs without dimensions; the others are allocated by the library.
func (v values) reserve(outputs []*onnx.ValueInfo) error {
	for i, out := range outputs {
		if !out.HasShape || len(out.Dims) > 0 {
			continue
		}
		var err error
		if v[i], err = elements[out.DType].scalar(); err != nil {
			return fmt.Errorf("ort: output %q: %w", out.Name, err)
		}
	}
	return nil
}

func unwrap(outputs []*onnx.ValueInfo, computed []onnxruntime.Value) ([]Tensor, error) {
	results := make([]Tensor, len(outputs))
	for i, out := range outputs {
		shape, data, isType := elements[out.DType].unwrap(computed[i])
		if !isType {
			return nil, fmt.Errorf("ort: output %q does not hold the %v elements that the file declares", out.Name, out.DType)
		}
		results[i] = Tensor{out.Name, shape, data}
	}
	return results, nil
}

// checkNames requires one tensor for each input.
func checkNames(wanted []*onnx.ValueInfo, given []Tensor) error {
	seen := map[string]bool{}
	for _, t := range given {
		if !slices.ContainsFunc(wanted, func(in *onnx.ValueInfo) bool { return in.Name == t.Name }) {
			return fmt.Errorf("ort: the model has no input %q: its inputs are %q", t.Name, names(wanted))
		}
		if seen[t.Name] {
			return fmt.Errorf("ort: input %q is given twice", t.Name)
		}
		seen[t.Name] = true
	}
	for _, in := range wanted {
		if !seen[in.Name] {
			return fmt.Errorf("ort: input %q is missing", in.Name)
		}
	}
	return nil
}

// checkTensor compares a tensor with what the file declares.
func checkTensor(in *onnx.ValueInfo, t Tensor) error {
	if wanted := elements[in.DType].slice; reflect.TypeOf(t.Data) != wanted {
		return fmt.Errorf("the elements are given as %T, want %v for %v", t.Data, wanted, in.DType)
	}
	if !fits(in, t.Shape) {
		return fmt.Errorf("the shape is %v, want %v", t.Shape, in.Dims)
	}
	elements := 1
	for _, n := range t.Shape {
		if n < 0 {
			return fmt.Errorf("the shape is %v", t.Shape)
		}
		elements *= n
	}
	if given := reflect.ValueOf(t.Data).Len(); given != elements {
		return fmt.Errorf("%d elements are given for the shape %v", given, t.Shape)
	}
	return nil
}

func fits(in *onnx.ValueInfo, shape []int) bool {
	if !in.HasShape {
		return true
	}
	if len(shape) != len(in.Dims) {
		return false
	}
	for i, d := range in.Dims {
		if d.Param == "" && d.Value >= 0 && d.Value != int64(shape[i]) {
			return false
		}
	}
	return true
}
