package ort_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
)

// ONNX's own tests of operators, which have tensors of all types and shapes: some are refused, but what comes out of a session is what
// the test says.
func TestONNXNodeTestsComeOutRight(t *testing.T) {
	needLibrary(t)
	folders, err := filepath.Glob(filepath.Join(onnxtest.TestData(t), "node", "test_*"))
	if err != nil {
		t.Fatal(err)
	}
	right, refused := 0, 0
	for _, folder := range folders {
		name := filepath.Base(folder)
		if slices.ContainsFunc(excluded, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		switch err := runNodeTest(t, folder); {
		case err == nil:
			right++
		case strings.HasPrefix(err.Error(), "ort: "):
			refused++
		default:
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("%d right, %d refused", right, refused)
	if right < 600 {
		t.Errorf("%d tests come out right, %d are refused", right, refused)
	}
}

// excluded are the beginnings of names.
var excluded = []string{
	"test_bernoulli", "test_training_dropout", // random
	"test_maxunpool_export_with_output_shape", // ONNX Runtime's operators compute other numbers than these tests have
	"test_resize_downsample_scales_cubic_align_corners",
	"test_resize_downsample_scales_linear_align_corners",
}

// runNodeTest returns the session's error, or what is wrong with an output.
func runNodeTest(t *testing.T, folder string) error {
	t.Helper()
	s, err := ort.OpenFile(filepath.Join(folder, "model.onnx"), ort.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	var inputs []ort.Tensor
	for i, in := range s.Inputs() {
		x, err := readTensor(t, fmt.Sprintf("%s/test_data_set_0/input_%d.pb", folder, i))
		if err != nil {
			return err
		}
		x.Name = in.Name
		inputs = append(inputs, x)
	}
	outputs, err := s.Run(inputs)
	if err != nil {
		return err
	}
	for i, got := range outputs {
		want, err := readTensor(t, fmt.Sprintf("%s/test_data_set_0/output_%d.pb", folder, i))
		if err != nil {
			return err
		}
		if err := compare(got, want); err != nil {
			return fmt.Errorf("output %q: %w", got.Name, err)
		}
	}
	return nil
}

// readTensor reads a file that holds a TensorProto, as the initializer of a model written around it.
func readTensor(t *testing.T, path string) (ort.Tensor, error) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := onnx.Decode(message(7, message(5, content, message(8, []byte("x"))), message(12, message(1, []byte("x")))))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	tensor := m.Graph.Initializers[0]
	var shape []int
	for _, n := range tensor.Dims {
		shape = append(shape, int(n))
	}
	numbers, err := tensor.Float64s()
	if err != nil {
		return ort.Tensor{}, fmt.Errorf("ort: %w", err)
	}
	return ort.NewTensor("", tensor.DType, shape, numbers)
}

func compare(got, want ort.Tensor) error {
	if !slices.Equal(got.Shape, want.Shape) || fmt.Sprintf("%T", got.Data) != fmt.Sprintf("%T", want.Data) {
		return fmt.Errorf("%T of shape %v, want %T of %v", got.Data, got.Shape, want.Data, want.Shape)
	}
	a, err := got.Float64s()
	if err != nil {
		return err
	}
	b, err := want.Float64s()
	if err != nil {
		return err
	}
	for i, w := range b {
		if equal := a[i] == w || math.IsNaN(a[i]) && math.IsNaN(w); !equal && !(math.Abs(a[i]-w) <= 1e-3*(1+math.Abs(w))) {
			return fmt.Errorf("element %d is %v, want %v", i, a[i], w)
		}
	}
	return nil
}
