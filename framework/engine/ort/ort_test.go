package ort_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/seed5b471a7e/backstitch/plugins/sgd"
)

func needLibrary(t *testing.T) {
	t.Helper()
	if _, err := ort.Version(); err != nil {
		t.Skip(err)
	}
}

// A model of the zoo that computes the same in training and in evaluation, exported with other weights than it was made with, gives
// the outputs that ONNX Runtime computes from the file.
func TestExportedModelsAgreeWithONNXRuntime(t *testing.T) {
	needLibrary(t)
	const batch = 3
	for _, name := range []string{
		"convnet", "convnet-digits", "lenet5", "lstm-classifier", "mlp-2x128", "mlp-3x300", "mlp-digits", "softmax-regression", "vit-small",
	} {
		source, err := modelzoo.Build(name, 7)
		if err != nil {
			t.Fatal(err)
		}
		original, exported := filepath.Join(t.TempDir(), "original.onnx"), filepath.Join(t.TempDir(), "exported.onnx")
		if err := source.Save(original); err != nil {
			t.Fatal(err)
		}
		m, err := model.Import(source, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := program.New(program.Spec{Model: m, Loss: program.MeanSquaredError{}, Optimizer: &sgd.SGD{LR: 1}, Precision: array.Float32}, batch)
		if err != nil {
			t.Fatal(err)
		}
		machine, err := tape.Engine{}.Open(p)
		if err != nil {
			t.Fatal(err)
		}
		defer machine.Close()
		values, err := m.Initialize("keep", 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			for i := range v.Len() {
				v.Set(i, 1.25*v.At(i))
			}
		}
		if err := m.Export(original, exported, values, nil); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(exported)
		if err != nil {
			t.Fatal(err)
		}
		shape, size := []int{batch}, batch
		for _, d := range m.Inputs[0].Dims[1:] {
			shape, size = append(shape, int(d.Value)), size*int(d.Value)
		}
		random := rand.New(rand.NewPCG(1, 2))
		input := make([]float32, size)
		for i := range input {
			input[i] = float32(random.NormFloat64())
		}
		session := open(t, file, ort.Options{Outputs: []string{m.Output}})
		want := run(t, session, ort.Tensor{Name: m.Inputs[0].Name, Shape: shape, Data: input})[0].Data.([]float32)
		got, err := machine.Evaluate(context.Background(), p.NewState(values),
			engine.Batch{Size: batch, Inputs: []array.Array{array.From32(input)}, Targets: array.New(array.Float32, len(want))})
		if err != nil {
			t.Fatal(err)
		}
		largest, difference := 0.0, 0.0
		for i, w := range want {
			largest = math.Max(largest, math.Abs(float64(w)))
			difference = math.Max(difference, math.Abs(float64(w)-got.Output.At(i)))
		}
		if got.Output.Len() != len(want) || !(difference <= 1e-5*largest) {
			t.Errorf("%s: outputs up to %v differ by %v", name, largest, difference)
		}
	}
}

func TestLibraryThatIsNamedButMissingIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "libonnxruntime.so")
	t.Setenv(ort.LibraryVariable, path)
	if _, err := ort.Library(); err == nil || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not say that %s is missing", err, path)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if found, err := ort.Library(); found != path || err != nil {
		t.Errorf("found %q, %v", found, err)
	}
}

// tools/setup installs to ${XDG_CACHE_HOME:-$HOME/.cache}/backstitch/onnxruntime.
func TestLibraryThatSetupInstalledIsFound(t *testing.T) {
	name := map[string]string{"linux": "libonnxruntime.so.1", "darwin": "libonnxruntime.dylib"}[runtime.GOOS]
	if name == "" {
		t.Skip("this system is none that tools/setup installs on: Linux and macOS")
	}
	home, cache := t.TempDir(), t.TempDir()
	install := func(folder string) string {
		folder = filepath.Join(folder, "backstitch", "onnxruntime")
		path := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv(ort.LibraryVariable, "")
	t.Setenv("HOME", home)
	for _, c := range []struct{ cache, want string }{
		{"", install(filepath.Join(home, ".cache"))},
		{cache, install(cache)},
	} {
		t.Setenv("XDG_CACHE_HOME", c.cache)
		if found, err := ort.Library(); found != c.want || err != nil {
			t.Errorf("XDG_CACHE_HOME=%q: found %q, %v; want %q", c.cache, found, err, c.want)
		}
	}
}
