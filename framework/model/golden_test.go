package model_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbinet/npyio/npz"
	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// goldens names a folder of goldens to test instead of testdata; testdata/torch_export.py and recurrent.py say what they are and make them.
const goldens = "BACKSTITCH_GOLDENS"

// The largest errors that are accepted, by the measure of distance.
var tolerances = map[array.DType]float64{array.Float64: 1e-8, array.Float32: 1e-4}

func TestGradientsAreThoseOfPyTorch(t *testing.T) {
	folder := os.Getenv(goldens)
	if folder == "" {
		folder = "testdata"
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.onnx"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens in %s: %v", folder, err)
	}
	worst := map[array.DType]float64{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".onnx"), func(t *testing.T) {
			g := readGolden(t, file)
			for precision, tolerance := range tolerances {
				result := g.run(t, precision)
				for _, what := range []string{"output", "loss", "gradients"} {
					d := distance(t, result[what], g.want[what])
					worst[precision] = max(worst[precision], d)
					if !(d <= tolerance) {
						t.Errorf("%s in %s: off by %.2g", what, precision, d)
					}
				}
			}
		})
	}
	t.Logf("%d models; the largest errors are %v", len(files), worst)
}

// golden is a model, a batch, and what PyTorch makes of it.
type golden struct {
	model *model.Model
	loss  program.Loss
	batch engine.Batch
	want  results
}

// results holds "output", "loss" and "gradients", each as arrays by name.
type results map[string]map[string]array.Array

func readGolden(t *testing.T, file string) *golden {
	t.Helper()
	source, err := onnx.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Import(source, model.Options{Untie: true})
	if err != nil {
		t.Fatal(err)
	}
	arrays := readNPZ(t, strings.TrimSuffix(file, ".onnx")+".npz")
	g := &golden{model: m, want: results{"output": {}, "loss": {}, "gradients": {}}}
	for _, in := range m.Inputs {
		g.batch.Inputs = append(g.batch.Inputs, arrays[in.Name].data)
		g.batch.Size = arrays[in.Name].shape[0]
	}
	for name, a := range arrays {
		kind, of, _ := strings.Cut(name, ":")
		switch kind {
		case "target":
			g.batch.Targets = a.data
		case "output":
			g.want["output"][""] = a.data
		case "grad":
			g.want["gradients"][of] = a.data
		case "loss":
			g.want["loss"][""] = a.data
			if g.loss, err = program.NewLoss(of); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

// run computes the golden on the tape machine.
func (g *golden) run(t *testing.T, precision array.DType) results {
	t.Helper()
	p, err := program.New(program.Spec{Model: g.model, Loss: g.loss, Optimizer: standstill{}, Precision: precision}, g.batch.Size)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := tape.Engine{}.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	values, err := g.model.Initialize("keep", 0)
	if err != nil {
		t.Fatal(err)
	}
	state := p.NewState(values)
	gradient, loss := array.New(precision, p.Layout.Parameters()), array.New(precision, 1)
	trained, err := machine.Gradient(context.Background(), state, g.batch, gradient)
	if err != nil {
		t.Fatal(err)
	}
	loss.Set(0, trained.Loss())
	e, err := machine.Evaluate(context.Background(), state, g.batch)
	if err != nil {
		t.Fatal(err)
	}
	r := results{"output": {"": e.Output}, "loss": {"": loss}, "gradients": {}}
	for _, f := range p.Layout.Fields()[:len(g.model.Parameters)] {
		r["gradients"][f.Name] = gradient.Slice(f.Offset(), f.Offset()+f.Size())
	}
	return r
}

// standstill is the optimizer of a program that is asked for gradients only.
type standstill struct{}

func (standstill) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

// distance is the largest over all names of max|got − want| / (max|want| + 1e-3·scale), where scale is the largest |want| of all.
// The names must be the same.
func distance(t *testing.T, got, want map[string]array.Array) float64 {
	t.Helper()
	scale := 0.0
	for name, w := range want {
		if g, ok := got[name]; !ok || g.Len() != w.Len() {
			t.Fatalf("%q has %d numbers, want %d; there are %v", name, g.Len(), w.Len(), names(got))
		}
		scale = max(scale, largest(w))
	}
	if len(got) != len(want) {
		t.Fatalf("there are %v, want %v", names(got), names(want))
	}
	worst := 0.0
	for name, w := range want {
		difference := array.New(array.Float64, w.Len())
		for i := range difference.F64 {
			difference.F64[i] = got[name].At(i) - w.At(i)
		}
		if d := largest(difference); d != 0 {
			worst = math.Max(worst, d/(largest(w)+1e-3*scale))
		}
	}
	return worst
}

func largest(a array.Array) float64 {
	m := 0.0
	for i := range a.Len() {
		m = math.Max(m, math.Abs(a.At(i)))
	}
	return m
}

func names(m map[string]array.Array) []string {
	var list []string
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

type shaped struct {
	shape []int
	data  array.Array
}

func readNPZ(t *testing.T, file string) map[string]shaped {
	t.Helper()
	r, err := npz.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	arrays := map[string]shaped{}
	for _, key := range r.Keys() {
		data, err := readNPY(r, key)
		if err != nil {
			t.Fatalf("%s: %s: %v", file, key, err)
		}
		arrays[strings.TrimSuffix(key, ".npy")] = shaped{r.Header(key).Descr.Shape, data}
	}
	return arrays
}

func readNPY(r *npz.Reader, key string) (array.Array, error) {
	switch kind := r.Header(key).Descr.Type; kind {
	case "<f4":
		var numbers []float32
		err := r.Read(key, &numbers)
		return array.From32(numbers), err
	case "<f8":
		var numbers []float64
		err := r.Read(key, &numbers)
		return array.From64(numbers), err
	case "<i8":
		var integers []int64
		err := r.Read(key, &integers)
		a := array.New(array.Float64, len(integers))
		for i, v := range integers {
			a.F64[i] = float64(v)
		}
		return a, err
	default:
		return array.Array{}, fmt.Errorf("elements of type %q", kind)
	}
}
