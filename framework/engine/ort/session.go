//go:build cgo

package ort

import (
	"fmt"
	"sync"

	onnxruntime "github.com/yalue/onnxruntime_go"
)

// started loads the library once per process.
var started = sync.OnceValue(func() error {
	path, err := Library()
	if err != nil {
		return err
	}
	onnxruntime.SetSharedLibraryPath(path)
	if err := onnxruntime.InitializeEnvironment(onnxruntime.WithLogLevelError()); err != nil {
		return fmt.Errorf("ort: %s: %w", path, err)
	}
	return nil
})

// Version returns ONNX Runtime's version.
func Version() (string, error) {
	if err := started(); err != nil {
		return "", err
	}
	return onnxruntime.GetVersion(), nil
}

// Run runs a model, given as the bytes of an .onnx file, once, and returns the named outputs. The model's inputs and outputs hold
// float32.
func Run(model []byte, inputs []Tensor, outputs ...string) (results []Tensor, err error) {
	if err := started(); err != nil {
		return nil, err
	}
	var names []string
	var values []onnxruntime.Value
	defer func() {
		for _, v := range values {
			v.Destroy()
		}
	}()
	for _, in := range inputs {
		v, err := onnxruntime.NewTensor(shape(in.Shape), in.Data)
		if err != nil {
			return nil, fmt.Errorf("ort: input %q: %w", in.Name, err)
		}
		names, values = append(names, in.Name), append(values, v)
	}
	session, err := onnxruntime.NewDynamicAdvancedSessionWithONNXData(model, names, outputs, nil)
	if err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	defer session.Destroy()
	computed := make([]onnxruntime.Value, len(outputs))
	if err := session.Run(values, computed); err != nil {
		return nil, fmt.Errorf("ort: %w", err)
	}
	for i, v := range computed {
		values = append(values, v)
		t, ok := v.(*onnxruntime.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("ort: output %q does not hold float32 numbers", outputs[i])
		}
		result := Tensor{Name: outputs[i], Data: append([]float32(nil), t.GetData()...)}
		for _, n := range t.GetShape() {
			result.Shape = append(result.Shape, int(n))
		}
		results = append(results, result)
	}
	return results, nil
}

func shape(dims []int) onnxruntime.Shape {
	s := make(onnxruntime.Shape, len(dims))
	for i, n := range dims {
		s[i] = int64(n)
	}
	return s
}
