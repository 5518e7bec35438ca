package modelzoo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// golden is what torchvision computes with fixed weights on a fixed batch; testdata/torch_goldens.py says how.
type golden struct {
	name        string
	Shape       []int     `json:"shape"`
	RunningMean []float64 `json:"running_mean"`
	Output      []float64 `json:"output"`
	EvalOutput  []float64 `json:"eval_output"`
	Loss        float64   `json:"loss"`
	State       []digest  `json:"state"`
}

// digest is a parameter with a digest of its gradient, or a buffer.
type digest struct {
	Name     string    `json:"name"`
	Shape    []int64   `json:"shape"`
	Norm     float64   `json:"norm"`
	Dot      float64   `json:"dot"`
	Elements []float64 `json:"elements"`
}

func TestOutputsInONNXRuntimeAreThoseOfTorchvision(t *testing.T) {
	if _, err := ort.Version(); err != nil {
		t.Skip(err)
	}
	for _, g := range goldens(t) {
		source := g.build(t)
		g.compare(t, source, "logits", g.Output)
		if first := slices.IndexFunc(source.Graph.Nodes, isBatchNorm); first >= 0 {
			mean := source.Graph.Nodes[first].Outputs[1]
			channels := onnx.FixedDim(int64(len(g.RunningMean)))
			source.Graph.Outputs = append(source.Graph.Outputs, onnx.NewTensorInfo(mean, onnx.Float, channels))
			g.compare(t, source, mean, g.RunningMean)
			source.Graph.Outputs = source.Graph.Outputs[:1]
		}
		evaluationForm(source)
		g.compare(t, source, "logits", g.EvalOutput)
	}
}

// compare runs the model in ONNX Runtime. Its float32 and many normalizations in a row leave four digits.
func (g golden) compare(t *testing.T, source *onnx.Model, output string, want []float64) {
	t.Helper()
	const tolerance = 1e-4
	input := ort.Tensor{Name: "input", Shape: g.Shape, Data: array.From64(g.input()).As(array.Float32).F32}
	session, err := ort.Open(encode(t, source), ort.Options{Outputs: []string{output}})
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	defer session.Close()
	results, err := session.Run([]ort.Tensor{input})
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	got, err := results[0].Float64s()
	if err != nil {
		t.Fatalf("%s: %v", g.name, err)
	}
	if d := distance(got, want); !(d <= tolerance) {
		t.Errorf("%s: %s is off by %.2g", g.name, output, d)
	}
}

func isBatchNorm(n *onnx.Node) bool { return n.OpType == "BatchNormalization" }

// evaluationForm makes batch normalization use the running statistics and takes dropout away, as an export for evaluation does.
func evaluationForm(m *onnx.Model) {
	for _, n := range m.Graph.Nodes {
		switch n.OpType {
		case "BatchNormalization":
			n.Attr("training_mode").I = 0
			n.Outputs = n.Outputs[:1]
		case "Dropout":
			n.Inputs = n.Inputs[:1]
		}
	}
}

func TestGradientsAreThoseOfTorchvision(t *testing.T) {
	const tolerance = 1e-8
	larger := []string{"resnet50-cifar", "resnet18", "vgg11-bn-cifar"} // than others of their families
	for _, g := range goldens(t) {
		if testing.Short() && slices.Contains(larger, g.name) {
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			m, err := model.Import(g.build(t), model.Options{})
			if err != nil {
				t.Fatal(err)
			}
			loss, gradient := g.differentiate(t, m)
			if d := distance([]float64{loss}, []float64{g.Loss}); !(d <= tolerance) {
				t.Errorf("loss %v, want %v", loss, g.Loss)
			}
			for _, want := range g.State {
				if want.Elements == nil {
					continue
				}
				if d := want.distance(gradient[want.Name], g.scale()); !(d <= tolerance) {
					t.Errorf("gradient of %s: off by %.2g", want.Name, d)
				}
			}
		})
	}
}

// differentiate returns the loss and the gradients of its parameters in float64.
func (g golden) differentiate(t *testing.T, m *model.Model) (float64, map[string][]float64) {
	t.Helper()
	spec := program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: standstill{}, Precision: array.Float64}
	p, err := program.New(spec, g.Shape[0])
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
	targets := array.New(array.Float64, g.Shape[0])
	for i := range targets.F64 {
		targets.F64[i] = float64(7 * i % (len(g.Output) / g.Shape[0]))
	}
	batch := engine.Batch{Size: g.Shape[0], Inputs: []array.Array{array.From64(g.input())}, Targets: targets}
	all := array.New(array.Float64, p.Layout.Parameters())
	loss, err := machine.Gradient(context.Background(), p.NewState(values), batch, all)
	if err != nil {
		t.Fatal(err)
	}
	gradient := map[string][]float64{}
	for _, f := range p.Layout.Fields() {
		if f.Kind != optim.Parameter {
			continue
		}
		gradient[f.Name] = all.F64[f.Offset() : f.Offset()+f.Size()]
	}
	return loss.Loss(), gradient
}

// standstill is the optimizer of a program that is asked for gradients only.
type standstill struct{}

func (standstill) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

func goldens(t *testing.T) []golden {
	t.Helper()
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 2 {
		t.Fatalf("no goldens: %v", err)
	}
	var list []golden
	for _, file := range files {
		g := golden{name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if g.name == "state_dicts" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &g); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, g)
	}
	return list
}

// build returns the model with the fixed weights, for the golden's batch.
func (g golden) build(t *testing.T) *onnx.Model {
	t.Helper()
	m := build(t, g.name, 0)
	for i, w := range m.Graph.Initializers {
		if want := g.State[i]; w.Name != want.Name || !slices.Equal(w.Dims, want.Shape) {
			t.Fatalf("%s: initializer %d is %s %v, want %s %v", g.name, i, w.Name, w.Dims, want.Name, want.Shape)
		}
		m.Graph.Initializers[i] = onnx.NewFloatTensor(w.Name, w.Dims, array.From64(fixedValue(w.Name, w.Dims)).As(array.Float32).F32)
	}
	for i, size := range g.Shape[1:] {
		m.Graph.Inputs[0].Dims[i+1] = onnx.FixedDim(int64(size))
	}
	return m
}

func (g golden) input() []float64 {
	size := 1
	for _, n := range g.Shape {
		size *= n
	}
	return numbers("input", size)
}

// numbers are fixed numbers in [-1, 1): SplitMix64 that starts at the hash of a name.
func numbers(name string, count int) []float64 {
	hash := fnv.New64a()
	fmt.Fprint(hash, name)
	state, list := hash.Sum64(), make([]float64, count)
	for i := range list {
		state += 0x9E3779B97F4A7C15
		z := state
		z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
		z = (z ^ z>>27) * 0x94D049BB133111EB
		z ^= z >> 31
		list[i] = float64(z>>40)/(1<<23) - 1
	}
	return list
}

// fixedValue is the value of a parameter or a buffer in the goldens.
func fixedValue(name string, shape []int64) []float64 {
	size, fanIn := int64(1), int64(1)
	for i, n := range shape {
		size *= n
		if i > 0 {
			fanIn *= n
		}
	}
	list := numbers(name, int(size))
	for i, u := range list {
		switch {
		case len(shape) > 1:
			list[i] = u * math.Sqrt(6/float64(fanIn))
		case strings.HasSuffix(name, ".weight") || strings.HasSuffix(name, ".running_var"):
			list[i] = 1 + u/4
		default:
			list[i] = u / 8
		}
	}
	return list
}

// scale is the largest root mean square of a parameter's gradient.
func (g golden) scale() float64 {
	largest := 0.0
	for _, p := range g.State {
		largest = max(largest, p.rms())
	}
	return largest
}

func (p digest) rms() float64 {
	size := int64(1)
	for _, n := range p.Shape {
		size *= n
	}
	return p.Norm / math.Sqrt(float64(size))
}

// distance is how far a gradient's digest is from what is wanted, relative to the typical size of its elements, which counts as no
// less than a thousandth of scale.
func (p digest) distance(gradient []float64, scale float64) float64 {
	n := len(gradient)
	if n == 0 {
		return math.Inf(1)
	}
	squares, dot := 0.0, 0.0
	for i, u := range numbers(p.Name, n) {
		squares += gradient[i] * gradient[i]
		dot += gradient[i] * u
	}
	root := math.Sqrt(float64(n))
	worst := max(math.Abs(math.Sqrt(squares)-p.Norm)/root, math.Abs(dot-p.Dot)/root)
	for j, want := range p.Elements {
		worst = max(worst, math.Abs(gradient[n*(2*j+1)/16]-want))
	}
	return worst / (p.rms() + 1e-3*scale)
}

// distance is max|got − want| / max|want|.
func distance(got, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	difference, largest := 0.0, 0.0
	for i, w := range want {
		difference, largest = max(difference, math.Abs(got[i]-w)), max(largest, math.Abs(w))
	}
	return difference / largest
}
