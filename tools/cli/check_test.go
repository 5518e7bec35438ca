package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

func needRuntime(t *testing.T) {
	t.Helper()
	if _, err := ort.Version(); err != nil {
		t.Skip(err)
	}
}

// notInRuntime says why ONNX Runtime cannot run an exported model.
var notInRuntime = map[string]string{
	"convnet_3d_double.onnx":    "Could not find an implementation for Conv",
	"convnet_same_padding.onnx": "Dilation not supported for AutoPadType::SAME_UPPER",
}

// PyTorch's exports in float32 and float64, with one input and two, with a batch of any size and of one: the outputs agree with
// ONNX Runtime's up to rounding, the gradients with finite differences.
func TestExportedModelsPassTheCheck(t *testing.T) {
	needRuntime(t)
	files, err := filepath.Glob("../../framework/model/testdata/*.onnx")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d models, error %v", len(files), err)
	}
	for _, file := range files {
		var stdout, stderr bytes.Buffer
		exit := Main([]string{"model", "check", file, "--json", "--directions", "2"}, &stdout, &stderr)
		var got checkResult
		if err := json.Unmarshal(stdout.Bytes(), &got); exit != exitSuccess || err != nil || !got.Passed {
			t.Errorf("%s: exit %d, %v: %s%s", file, exit, err, &stdout, &stderr)
			continue
		}
		reason := notInRuntime[filepath.Base(file)]
		if (got.NotCompared == "") != (reason == "") || !strings.Contains(got.NotCompared, reason) {
			t.Errorf("%s: not compared: %q, want %q", file, got.NotCompared, reason)
		}
		for _, out := range got.Outputs {
			if reason == "" && !out.Error.within(1e-6) || !out.Worst.within(1e-8) || len(out.Directions) != 2 {
				t.Errorf("%s: %s", file, &stdout)
			}
		}
	}
}

// trainingModel saves a model of nodes that read "scaled", a product of the input, and returns its path.
func trainingModel(t *testing.T, nodes []*onnx.Node, initializers ...*onnx.Tensor) string {
	t.Helper()
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 15}, Graph: &onnx.Graph{
		Name:         "training",
		Nodes:        append([]*onnx.Node{{OpType: "Mul", Inputs: []string{"x", "factor"}, Outputs: []string{"scaled"}}}, nodes...),
		Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(2))},
		Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(2))},
		Initializers: append(initializers, onnx.NewFloatTensor("factor", []int64{2}, []float32{2, 3})),
	}}
	path := filepath.Join(t.TempDir(), "training.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// What a file does in training is compared in training, where ONNX Runtime runs it.
func TestAFileOfTrainingIsComparedInTraining(t *testing.T) {
	needRuntime(t)
	pair := func(name string, a, b float32) *onnx.Tensor {
		return onnx.NewFloatTensor(name, []int64{2}, []float32{a, b})
	}
	normalization := &onnx.Node{OpType: "BatchNormalization", Inputs: []string{"scaled", "scale", "bias", "mean", "var"},
		Outputs: []string{"y", "new_mean", "new_var"}, Attributes: []*onnx.Attribute{onnx.IntAttr("training_mode", 1)}}
	file := trainingModel(t, []*onnx.Node{normalization}, pair("scale", 1, 2), pair("bias", 0, 1), pair("mean", 5, -5), pair("var", 4, 9))
	var stdout, stderr bytes.Buffer
	if exit := Main([]string{"model", "check", file, "--batch", "6"}, &stdout, &stderr); exit != exitSuccess ||
		!regexp.MustCompile(`against ONNX Runtime +error .*e-\d\d, bound`).Match(stdout.Bytes()) {
		t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
	}
}

// No two runtimes draw the same noise.
func TestAnOutputThatDrawsNoiseIsNotCompared(t *testing.T) {
	needRuntime(t)
	file := trainingModel(t, []*onnx.Node{
		{OpType: "Cast", Inputs: []string{"one"}, Outputs: []string{"on"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Bool))}},
		{OpType: "Dropout", Inputs: []string{"scaled", "ratio", "on"}, Outputs: []string{"y"}},
	}, onnx.NewFloatTensor("ratio", nil, []float32{0.5}), onnx.NewInt64Tensor("one", nil, []int64{1}))
	var stdout, stderr bytes.Buffer
	if exit := Main([]string{"model", "check", file}, &stdout, &stderr); exit != exitSuccess ||
		!strings.Contains(stdout.String(), "not compared: the file draws noise") {
		t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
	}
}

// A file whose weights a simplifier made constants, or that has none, still has outputs.
func TestAnOutputWithoutParametersIsCompared(t *testing.T) {
	needRuntime(t)
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 13}, Graph: &onnx.Graph{
		Name: "plain",
		Nodes: []*onnx.Node{
			{OpType: "Tanh", Inputs: []string{"x"}, Outputs: []string{"t"}},
			{OpType: "Gather", Inputs: []string{"t", "i"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}},
		},
		Inputs: []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(12)),
			onnx.NewTensorInfo("i", onnx.Int32, onnx.FixedDim(4))},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(4))},
	}}
	path := filepath.Join(t.TempDir(), "plain.onnx")
	if err := m.Save(path); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"plan", "tape"} {
		var stdout, stderr bytes.Buffer
		exit := Main([]string{"model", "check", path, "--engine", engine}, &stdout, &stderr)
		if exit != exitSuccess || !regexp.MustCompile(`against ONNX Runtime +error .*, bound`).Match(stdout.Bytes()) ||
			!strings.Contains(stdout.String(), "not checked: the output depends on no parameter") {
			t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
		}
		stdout.Reset()
		if exit := Main([]string{"model", "check", path, "--engine", engine, "--tolerance", "-1"}, &stdout, &stderr); exit != exitFailure {
			t.Errorf("exit %d with a bound that nothing reaches: %s", exit, &stdout)
		}
	}
}

// Half precision has eleven bits: what rounds to it differs from another runtime by its resolution, and what is only stored in it does not.
func TestTheBoundIsThatOfThePrecision(t *testing.T) {
	cast := func(in, out string, to onnx.DataType) *onnx.Node {
		return &onnx.Node{OpType: "Cast", Inputs: []string{in}, Outputs: []string{out}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(to))}}
	}
	weights := func(d onnx.DataType) *onnx.Tensor {
		w, err := (&onnx.Tensor{Name: "w", DType: d, Dims: []int64{2, 2}}).WithFloat64s([]float64{0.1, -0.2, 0.3, 0.7})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	product := func(a, w, out string) *onnx.Node {
		return &onnx.Node{OpType: "MatMul", Inputs: []string{a, w}, Outputs: []string{out}}
	}
	for name, c := range map[string]struct {
		nodes []*onnx.Node
		held  onnx.DataType
		want  string
	}{
		"computed in half": {[]*onnx.Node{cast("scaled", "h", onnx.Float16), product("h", "w", "p"), cast("p", "y", onnx.Float)}, onnx.Float16, "bound 0.0039 of FLOAT16"},
		"rounded to half":  {[]*onnx.Node{cast("scaled", "h", onnx.Float16), cast("h", "f", onnx.Float), product("f", "w", "y")}, onnx.Float, "bound 0.0039 of FLOAT16"},
		"stored in half":   {[]*onnx.Node{cast("w", "f", onnx.Float), product("scaled", "f", "y")}, onnx.Float16, "bound 0.0001"},
		"float":            {[]*onnx.Node{product("scaled", "w", "y")}, onnx.Float, "bound 0.0001"},
	} {
		needRuntime(t)
		var stdout, stderr bytes.Buffer
		exit := Main([]string{"model", "check", trainingModel(t, c.nodes, weights(c.held)), "--batch", "50"}, &stdout, &stderr)
		if exit != exitSuccess || !strings.Contains(stdout.String(), c.want+"\n") {
			t.Errorf("%s: exit %d, want %s: %s%s", name, exit, c.want, &stdout, &stderr)
		}
	}
}

func TestRoundingIsNotSeenByDifferences(t *testing.T) {
	needRuntime(t)
	file := trainingModel(t, []*onnx.Node{
		{OpType: "Cast", Inputs: []string{"scaled"}, Outputs: []string{"half"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float16))}},
		{OpType: "Cast", Inputs: []string{"half"}, Outputs: []string{"y"}, Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Float))}},
	})
	var stdout, stderr bytes.Buffer
	if exit := Main([]string{"model", "check", file, "--tolerance", "1e-7"}, &stdout, &stderr); exit != exitSuccess ||
		!strings.Contains(stdout.String(), "not checked: the file casts to 16 bits") {
		t.Errorf("exit %d: %s%s", exit, &stdout, &stderr)
	}
}

func TestAnOutputThatDiffersFailsTheCheck(t *testing.T) {
	needRuntime(t)
	var stdout, stderr bytes.Buffer
	exit := Main([]string{"model", "check", "zoo:mlp-digits", "--tolerance", "1e-30"}, &stdout, &stderr)
	if exit != exitFailure || !strings.HasPrefix(stderr.String(), `error: zoo:mlp-digits: output "logits" differs from ONNX Runtime's by `) {
		t.Errorf("exit %d: %s", exit, &stderr)
	}
	if !regexp.MustCompile(`(?m)^  against ONNX Runtime +error .*e-0\d, bound 1e-30$`).Match(stdout.Bytes()) {
		t.Errorf("it prints %s", &stdout)
	}
}

func TestDoctorTellsTheLibraryAndItsVersion(t *testing.T) {
	needRuntime(t)
	path, err := ort.Library()
	if err != nil {
		t.Fatal(err)
	}
	f := onnxRuntime()
	if !regexp.MustCompile(`^\d+\.\d+\.\d+ \(`+regexp.QuoteMeta(path)+`\)$`).MatchString(f.Status) || f.Hint != "" {
		t.Errorf("%+v", f)
	}
}

// A file that holds other weights than those that are imported stands for an importer that is wrong.
func TestTheReferenceIsIndependentOfTheImport(t *testing.T) {
	needRuntime(t)
	m := newModelCheck(t, "zoo:mlp-digits")
	want, err := m.askRuntime([]string{"logits"})
	if err != nil {
		t.Fatal(err)
	}
	if m.source, err = buildModel("mlp-digits", 1); err != nil {
		t.Fatal(err)
	}
	e, err := m.compare(t.Context(), "logits", want[0])
	if err != nil || e.within(0.1) {
		t.Errorf("error %v, %v", e, err)
	}
	want[0].Shape = []int{10, 2}
	if _, err := m.compare(t.Context(), "logits", want[0]); err == nil || !strings.Contains(err.Error(), "the shape [2 10], in ONNX Runtime [10 2]") {
		t.Errorf("another shape: error %v", err)
	}
}

func newModelCheck(t *testing.T, reference string) *modelCheck {
	t.Helper()
	m := &modelCheck{reference: reference, engine: "tape", integers: 10, directions: 3, gradientTolerance: 1e-5}
	if _, err := m.open(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestErrorOfAnOutput(t *testing.T) {
	for _, c := range []struct {
		got, want []float64
		error     float64
		passes    bool
	}{
		{[]float64{1, 2}, []float64{1, 2}, 0, true},
		{[]float64{1, 2}, []float64{1.5, -4}, 1.5, false},
		{[]float64{0, 0}, []float64{0, 0}, 0, true},
		{[]float64{0, 2e-6}, []float64{0, 1e-6}, 0.5, false},
		{[]float64{math.NaN(), 2}, []float64{1, 2}, math.NaN(), false},
		{[]float64{1, 2}, []float64{math.NaN(), 2}, math.NaN(), false},
		{[]float64{1, math.Inf(1)}, []float64{1, 2}, math.Inf(1), false},
	} {
		e := distance(array.From64(c.got), c.want)
		same := math.Abs(float64(e)-c.error) < 1e-5 || float64(e) == c.error || math.IsNaN(float64(e)) && math.IsNaN(c.error)
		if !same || e.within(1e-4) != c.passes {
			t.Errorf("%v against %v: error %v, within bound: %v; want %v, %v", c.got, c.want, e, e.within(1e-4), c.error, c.passes)
		}
	}
}

func TestAnErrorThatIsNoNumberIsNullInJSON(t *testing.T) {
	text, err := json.Marshal([]relativeError{0.5, relativeError(math.NaN()), relativeError(math.Inf(1)), worst([]relativeError{1, relativeError(math.NaN()), 2})})
	if err != nil || string(text) != "[0.5,null,null,null]" {
		t.Errorf("%s, error %v", text, err)
	}
}

// A gradient with one wrong number among thousands.
func TestAWrongGradientFailsTheCheck(t *testing.T) {
	m := newModelCheck(t, "zoo:mlp-digits")
	p, err := m.prepare("logits", array.Float64)
	if err != nil {
		t.Fatal(err)
	}
	defer p.machine.Close()
	gradient := array.New(array.Float64, p.state.Layout.Parameters())
	if _, err := p.machine.Gradient(t.Context(), p.state, p.batch, gradient); err != nil {
		t.Fatal(err)
	}
	direction := normal(m.random("test"), gradient.Len())
	norm := 0.0
	for _, g := range gradient.F64 {
		norm = math.Hypot(norm, g)
	}
	for _, c := range []struct {
		wrong  float64
		passes bool
	}{{0, true}, {1e-3 * norm / direction[100], false}} {
		changed := slices.Clone(gradient.F64)
		changed[100] += c.wrong
		e, err := p.along(t.Context(), direction, changed, m.gradientTolerance)
		if err != nil || e.within(m.gradientTolerance) != c.passes {
			t.Errorf("off by %v: error %v, %v", c.wrong, e, err)
		}
	}
}

// scalarLoss is a machine whose loss is a function of one parameter.
type scalarLoss struct {
	engine.Machine
	f func(float64) float64
}

func (s scalarLoss) Gradient(_ context.Context, state *optim.State, _ engine.Batch, _ array.Array) (engine.Evaluation, error) {
	v := s.f(state.Data.At(0))
	if math.IsInf(v, 0) {
		return engine.Evaluation{}, errors.New("overflow")
	}
	return engine.Evaluation{Losses: array.From64([]float64{v})}, nil
}

func TestDifferencesAlongADirection(t *testing.T) {
	layout, err := optim.NewLayout([]optim.Field{{Kind: optim.Parameter, Name: "x", Shape: []int{1}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name           string
		f              func(float64) float64
		at, derivative float64
		passes         bool
	}{
		{"a parabola", func(x float64) float64 { return x * x }, 3, 6, true},
		{"a derivative that is slightly wrong", func(x float64) float64 { return x * x }, 3, 6.001, false},
		{"a derivative of the other sign", func(x float64) float64 { return x * x }, 3, -6, false},
		{"a kink nearer than the first step", math.Abs, 5e-7, 1, true},
		{"a wrong derivative near a kink", math.Abs, 5e-7, 1.001, false},
		{"a constant", func(float64) float64 { return 7 }, 1, 0, true},
		{"a constant with a derivative", func(float64) float64 { return 7 }, 1, 1e-3, false},
		{"a derivative that was forgotten", func(x float64) float64 { return x }, 1, 0, false},
		{"a loss that is no number", func(float64) float64 { return math.NaN() }, 1, 1, false},
		{"a derivative that is no number", func(x float64) float64 { return x }, 1, math.NaN(), false},
	} {
		p := &trial{state: layout.New(array.Float64), machine: scalarLoss{f: c.f}}
		p.state.Data.Set(0, c.at)
		e, err := p.along(t.Context(), []float64{1}, []float64{c.derivative}, 1e-5)
		if err != nil || e.within(1e-5) != c.passes {
			t.Errorf("%s: error %v, %v", c.name, e, err)
		}
	}
	p := &trial{state: layout.New(array.Float64), machine: scalarLoss{f: func(float64) float64 { return math.Inf(1) }}}
	if _, err := p.along(t.Context(), []float64{1}, []float64{1}, 1e-5); err == nil {
		t.Error("the machine fails, the check does not")
	}
}

// tokens has an input of each kind: the batch, an open dimension, an open one without a name, a fixed one.
func tokens() *onnx.Graph {
	batch, open := onnx.SymbolicDim("batch"), onnx.Dim{Value: -1}
	return &onnx.Graph{Inputs: []*onnx.ValueInfo{
		onnx.NewTensorInfo("ids", onnx.Int64, batch, onnx.SymbolicDim("sequence")),
		onnx.NewTensorInfo("mask", onnx.Bool, batch, onnx.SymbolicDim("sequence"), batch),
		onnx.NewTensorInfo("x", onnx.Float, open, open, onnx.FixedDim(3)),
		onnx.NewTensorInfo("weight", onnx.Float, onnx.FixedDim(2)),
	}, Initializers: []*onnx.Tensor{onnx.NewFloatTensor("weight", []int64{2}, []float32{1, 2})}}
}

func TestInputsAreDrawnByType(t *testing.T) {
	m := &modelCheck{source: &onnx.Model{Graph: tokens()}, batch: 4, integers: 5, bindings: bindings{dims: dimSizes{"sequence": 50, "x.1": 7}}}
	inputs, err := m.draw()
	if err != nil || len(inputs) != 3 {
		t.Fatalf("%d inputs, %v", len(inputs), err)
	}
	for i, want := range []struct {
		shape    []int
		integers []float64
	}{{[]int{4, 50}, []float64{0, 1, 2, 3, 4}}, {[]int{4, 50, 4}, []float64{0, 1}}, {[]int{4, 7, 3}, nil}} {
		in := inputs[i]
		if !slices.Equal(in.shape, want.shape) {
			t.Errorf("%s has the shape %v, want %v", in.name, in.shape, want.shape)
		}
		different := slices.Compact(slices.Sorted(slices.Values(in.numbers)))
		if want.integers != nil && !slices.Equal(different, want.integers) || want.integers == nil && len(different) != 4*7*3 {
			t.Errorf("%s holds the numbers %v", in.name, different)
		}
	}
	again, err := m.draw()
	if err != nil || !reflect.DeepEqual(again, inputs) {
		t.Errorf("the same seed draws other inputs (error %v)", err)
	}
	m.seed = 1
	if other, err := m.draw(); err != nil || slices.Equal(other[0].numbers, inputs[0].numbers) || slices.Equal(other[2].numbers, inputs[2].numbers) {
		t.Errorf("another seed draws the same inputs (error %v)", err)
	}
}

func TestOpenDimensionsMustBeGiven(t *testing.T) {
	for _, c := range []struct {
		dims dimSizes
		want string
	}{
		{nil, `model: dimension 1 of input "ids" (sequence), dimension 1 of input "mask" (sequence), dimension 1 of input "x" have no sizes in ` +
			`the file: write dims = {sequence = N, "x.1" = N} in [model], or --dim sequence=N --dim x.1=N`},
		{dimSizes{"sequence": 3}, `model: dimension 1 of input "x" has no size in the file: write dims = {"x.1" = N} in [model], or --dim x.1=N`},
	} {
		m := &modelCheck{source: &onnx.Model{Graph: tokens()}, bindings: bindings{dims: c.dims}}
		if _, err := m.draw(); err == nil || err.Error() != c.want {
			t.Errorf("%v: error %v", c.dims, err)
		}
	}
}

func TestTheBatchIsWhatTheFileFixes(t *testing.T) {
	for _, c := range []struct {
		dim         onnx.Dim
		given, want int
	}{
		{onnx.SymbolicDim("batch"), 0, 2},
		{onnx.FixedDim(6), 0, 6},
		{onnx.FixedDim(6), 3, 3},
		{onnx.SymbolicDim("batch"), 5, 5},
	} {
		in := onnx.NewTensorInfo("x", onnx.Float, c.dim, onnx.FixedDim(4))
		m := &modelCheck{source: &onnx.Model{Graph: &onnx.Graph{Inputs: []*onnx.ValueInfo{in}}}, batch: c.given}
		if inputs, err := m.draw(); err != nil || m.batch != c.want || !slices.Equal(inputs[0].shape, []int{c.want, 4}) {
			t.Errorf("%v, --batch %d: batch %d, %v, error %v", c.dim, c.given, m.batch, inputs, err)
		}
	}
}

// A recurrent network's initial state has its layers first, not its examples.
func TestOnlyWhatIsDeclaredLikeTheBatchIsBound(t *testing.T) {
	fixed := func(name string, sizes ...int64) *onnx.ValueInfo {
		var dims []onnx.Dim
		for _, n := range sizes {
			dims = append(dims, onnx.FixedDim(n))
		}
		return onnx.NewTensorInfo(name, onnx.Float, dims...)
	}
	m := &modelCheck{source: &onnx.Model{Graph: &onnx.Graph{Inputs: []*onnx.ValueInfo{fixed("x", 2, 5, 3), fixed("h", 4, 2, 3), fixed("y", 2, 7)}}}, batch: 2}
	inputs, err := m.draw()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int{{2, 5, 3}, {4, 2, 3}, {2, 7}} {
		if !slices.Equal(inputs[i].shape, want) {
			t.Errorf("%s has the shape %v, want %v", inputs[i].name, inputs[i].shape, want)
		}
	}
}

// The numbers are drawn without knowing how long a table is.
func TestIndicesBeyondATableAreExplained(t *testing.T) {
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 15}, Graph: &onnx.Graph{
		Name:         "embedding",
		Nodes:        []*onnx.Node{{OpType: "Gather", Inputs: []string{"table", "ids"}, Outputs: []string{"y"}}},
		Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("ids", onnx.Int64, onnx.SymbolicDim("batch"), onnx.FixedDim(50))},
		Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
		Initializers: []*onnx.Tensor{onnx.NewFloatTensor("table", []int64{3, 2}, []float32{1, 2, 3, 4, 5, 6})},
	}}
	file := filepath.Join(t.TempDir(), "embedding.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if exit := Main([]string{"model", "check", file}, &stdout, &stderr); exit != exitFailure ||
		!strings.Contains(stderr.String(), "hint: integer inputs were drawn from 0 to 9: --range N draws them below N") {
		t.Errorf("exit %d: %s", exit, &stderr)
	}
	if exit := Main([]string{"model", "check", file, "--range", "3"}, &stdout, &stderr); exit != exitSuccess {
		t.Errorf("--range 3: exit %d: %s", exit, &stderr)
	}
}

func TestAnInputThatIsTooLargeIsRefused(t *testing.T) {
	for _, dims := range [][]onnx.Dim{
		{onnx.SymbolicDim("batch"), onnx.FixedDim(1 << 62)},
		{onnx.SymbolicDim("batch"), onnx.FixedDim(1 << 28)},
		{onnx.FixedDim(1 << 10), onnx.FixedDim(1 << 20)},
	} {
		m := &modelCheck{source: &onnx.Model{Graph: &onnx.Graph{Inputs: []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, dims...)}}}}
		if _, err := m.draw(); err == nil || !strings.Contains(err.Error(), `input "x": `) {
			t.Errorf("%v: error %v", dims, err)
		}
	}
}
