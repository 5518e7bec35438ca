package conformance_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"google.golang.org/protobuf/encoding/protowire"
)

var nan, inf = math.NaN(), math.Inf(1)

// Each test is y = Add(a, b) and z = Mul(a, b) on vectors of two numbers, unless it says otherwise.
func TestATestPassesOnlyIfEveryOutputIsRight(t *testing.T) {
	a, b := floats(1, 2), floats(3, -4)
	sum, product := floats(4, -2), floats(3, -8)
	for _, c := range []struct {
		rule    string
		spoil   func(*sample)
		outcome conformance.Outcome
		reason  string
	}{
		{"right numbers pass", func(*sample) {}, conformance.Passed, ""},
		{"rounding passes", func(s *sample) { s.sets[0].out[0] = floats(4, -2+1e-5) }, conformance.Passed, ""},
		{"a wrong number fails", func(s *sample) { s.sets[0].out[0] = floats(4, -2.5) }, conformance.Failed,
			`test_data_set_0, output "y": 1 of 2 numbers are wrong, most of all number 1: -2, want -2.5`},
		{"the worst number is shown", func(s *sample) { s.sets[0].out[0] = floats(5, 2) }, conformance.Failed,
			`test_data_set_0, output "y": 2 of 2 numbers are wrong, most of all number 1: -2, want 2`},
		{"every output counts", func(s *sample) { s.sets[0].out[1] = floats(3, 8) }, conformance.Failed, `output "z": 1 of 2`},
		{"every data set counts", func(s *sample) { s.sets[1].out[0] = floats(0, 0) }, conformance.Failed, `test_data_set_1, output "y"`},
		{"a number instead of NaN fails", func(s *sample) { s.sets[0].out[0] = floats(nan, -2) }, conformance.Failed, "number 0: 4, want NaN"},
		{"a number instead of infinity fails", func(s *sample) { s.sets[0].out[0] = floats(4, inf) }, conformance.Failed, "number 1: -2, want +Inf"},
		{"NaN instead of a number fails", func(s *sample) { s.sets[0].in[0] = floats(nan, 2) }, conformance.Failed, "number 0: NaN, want 4"},
		{"NaN and infinities are equal to themselves", func(s *sample) {
			s.sets[0].in[0], s.sets[0].out[0], s.sets[0].out[1] = floats(nan, -inf), floats(nan, -inf), floats(nan, inf)
		}, conformance.Passed, ""},
		{"another shape fails", func(s *sample) { s.sets[0].out[0] = tensor{onnx.Float, []int{1, 2}, sum.numbers} }, conformance.Failed,
			`output "y": its shape is [2], want [1 2]`},
		{"another type than the declared one fails", func(s *sample) { s.sets[0].out[0].dtype = onnx.Double }, conformance.Failed,
			"output_0.pb: its elements are DOUBLE, but the model declares FLOAT"},
		{"another type of integers fails", func(s *sample) { s.dtype(onnx.Int64, onnx.Int32) }, conformance.Failed,
			`output "y": its elements are INT64, want INT32`},
		{"integers are right", func(s *sample) { s.dtype(onnx.Int64, onnx.Int64) }, conformance.Passed, ""},
		{"integers are exact", func(s *sample) {
			s.dtype(onnx.Int64, onnx.Int64)
			s.sets[0].in[0], s.sets[0].out[0] = tensor{onnx.Int64, []int{2}, []float64{1 << 40, 2}}, tensor{onnx.Int64, []int{2}, []float64{1<<40 + 4, -2}}
		}, conformance.Failed, "1 of 2 numbers are wrong, most of all number 0: 1.099511627779e+12"},
		{"DOUBLE is computed in float64", func(s *sample) { s.dtype(onnx.Double, onnx.Double) }, conformance.Passed, ""},
		{"DOUBLE has no use for the rounding of float32", func(s *sample) {
			s.dtype(onnx.Double, onnx.Double)
			s.sets[0].out[0].numbers = []float64{4, -2 + 1e-9}
		}, conformance.Failed, "number 1: -2, want -1.999999999"},
		{"a test without data fails", func(s *sample) { s.sets = nil }, conformance.Failed, "no data set"},
		{"a missing file fails", func(s *sample) { s.sets[1].out = s.sets[1].out[:1] }, conformance.Failed, "output_1.pb: no such file"},
		{"a folder without a model fails", func(s *sample) { s.model = nil }, conformance.Failed, "model.onnx: no such file"},
		{"an opset that is too old is read as the first one", func(s *sample) { s.model.Opsets[""] = 1 }, conformance.Passed, ""},
		{"an opset that is too new is not supported", func(s *sample) { s.model.Opsets[""] = 99 }, conformance.Unsupported, "opset 99 is not supported"},
		{"a file that names no opset is not supported", func(s *sample) { s.model.Opsets = nil }, conformance.Unsupported,
			"the file names no opset of the standard domain"},
		{"an opset of another domain is none", func(s *sample) { s.model.Opsets = map[string]int64{"example.com": 1} }, conformance.Unsupported,
			"the file names no opset of the standard domain"},
		{"an output may have no type", func(s *sample) { s.model.Graph.Outputs[0] = &onnx.ValueInfo{Name: "y"} }, conformance.Passed, ""},
		{"an operator that does not exist is not supported", func(s *sample) { s.model.Graph.Nodes[1].OpType = "Frobnicate" },
			conformance.Unsupported, "operator Frobnicate of opset 13 is not supported"},
		{"an attribute that does not exist is not supported", func(s *sample) {
			s.model.Graph.Nodes[0].Attributes = []*onnx.Attribute{onnx.IntAttr("frobnicate", 1)}
		}, conformance.Unsupported, "attribute frobnicate is not supported"},
		{"strings are not supported", func(s *sample) { s.model.Graph.Inputs[0].DType = onnx.String }, conformance.Unsupported, "STRING elements are not supported"},
		{"sequences are not supported", func(s *sample) { s.model.Graph.Inputs[0] = &onnx.ValueInfo{Name: "a", Kind: onnx.KindSequence} },
			conformance.Unsupported, "sequence values are not supported"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			s := newSample([]tensor{a, b}, []tensor{sum, product})
			c.spoil(s)
			r := conformance.Run(s.write(t), tape.Engine{})
			if r.Outcome != c.outcome || !strings.Contains(r.Reason, c.reason) || (r.Reason == "") != (c.reason == "") {
				t.Errorf("%s: %q, want %s: %q", r.Outcome, r.Reason, c.outcome, c.reason)
			}
			if s.model == nil {
				return
			}
			if want := []string{"Add", s.model.Graph.Nodes[1].OpType}; !slices.Equal(r.Operators, want) {
				t.Errorf("the operators are %q, want %q", r.Operators, want)
			}
		})
	}
}

// broken is an evaluator that does as it is told.
type broken func() (array.Array, error)

func (b broken) EvaluateGraph(ops.Expr) (array.Array, error) { return b() }

func TestWhatTheEngineDoesWrongIsAFailure(t *testing.T) {
	for _, c := range []struct {
		rule   string
		engine broken
		reason string
	}{
		{"an error", func() (array.Array, error) { return array.Array{}, errors.New("out of paper") }, "out of paper"},
		{"a panic", func() (array.Array, error) { panic("jammed") }, "it panics: jammed"},
		{"too few numbers", func() (array.Array, error) { return array.From64([]float64{4}), nil }, "it has 1 numbers for the shape [2]"},
	} {
		s := newSample([]tensor{floats(1, 2), floats(3, -4)}, []tensor{floats(4, -2), floats(3, -8)})
		if r := conformance.Run(s.write(t), c.engine); r.Outcome != conformance.Failed || !strings.Contains(r.Reason, c.reason) {
			t.Errorf("%s: %s: %q, want %q", c.rule, r.Outcome, r.Reason, c.reason)
		}
	}
}

func TestFindsATestAGroupAndACollection(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"node/test_b", "node/test_a", "simple/test_c"} {
		folder := filepath.Join(root, name)
		check(t, os.MkdirAll(folder, 0o755))
		check(t, os.WriteFile(filepath.Join(folder, "model.onnx"), nil, 0o644))
	}
	t.Chdir(filepath.Join(root, "node"))
	for folder, want := range map[string]string{
		root:                              "node/test_a node/test_b simple/test_c",
		filepath.Join(root, "simple"):     "simple/test_c",
		filepath.Join(root, "node") + "/": "node/test_a node/test_b",
		".":                               "node/test_a node/test_b",
		"test_b":                          "node/test_b",
	} {
		tests, err := conformance.Find(folder)
		check(t, err)
		var names []string
		for _, test := range tests {
			names = append(names, test.Group+"/"+test.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s holds %s, want %s", folder, got, want)
		}
	}
	if _, err := conformance.Find(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no folder in it holds a model.onnx") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := conformance.Find("absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
}

func TestCountsGroups(t *testing.T) {
	got := conformance.Counts([]conformance.Result{
		{Group: "simple", Outcome: conformance.Failed}, {Group: "node", Outcome: conformance.Passed},
		{Group: "simple", Outcome: conformance.Unsupported}, {Group: "simple", Outcome: conformance.Passed},
	})
	if want := []conformance.Count{{"simple", 3, 1, 1, 1}, {"node", 1, 1, 0, 0}}; !slices.Equal(got, want) {
		t.Errorf("counts are %+v, want %+v", got, want)
	}
}

// programsOnly is an engine that is no evaluator.
type programsOnly struct{ engine.Engine }

func TestEnginesAreThoseThatRunGraphs(t *testing.T) {
	engine.Register("programs-only", "for this test", func() engine.Engine { return programsOnly{} })
	if got := conformance.Engines(); !slices.Equal(got, []string{"tape"}) {
		t.Errorf("the engines are %q", got)
	}
	if _, err := conformance.NewEvaluator("programs-only"); err == nil || !strings.Contains(err.Error(), "runs programs only") {
		t.Errorf("an engine that runs programs only: %v", err)
	}
	if e, err := conformance.NewEvaluator("tape"); err != nil || e != (tape.Engine{}) {
		t.Errorf("the engine tape is %v, %v", e, err)
	}
}

// sample is a test to be written.
type sample struct {
	model *onnx.Model
	sets  []set
}

type set struct{ in, out []tensor }

type tensor struct {
	dtype   onnx.DataType
	shape   []int
	numbers []float64
}

func floats(numbers ...float64) tensor { return tensor{onnx.Float, []int{len(numbers)}, numbers} }

// newSample is a model with two data sets of the same numbers.
func newSample(in, out []tensor) *sample {
	s := &sample{model: &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 13}, Graph: &onnx.Graph{
		Nodes: []*onnx.Node{
			{OpType: "Add", Inputs: []string{"a", "b"}, Outputs: []string{"y"}},
			{OpType: "Mul", Inputs: []string{"a", "b"}, Outputs: []string{"z"}},
		},
	}}}
	for range 2 {
		s.sets = append(s.sets, set{slices.Clone(in), slices.Clone(out)})
	}
	s.dtype(onnx.Float, onnx.Float)
	return s
}

// dtype changes the types of all inputs and outputs.
func (s *sample) dtype(in, out onnx.DataType) {
	g := s.model.Graph
	g.Inputs = []*onnx.ValueInfo{onnx.NewTensorInfo("a", in), onnx.NewTensorInfo("b", in)}
	g.Outputs = []*onnx.ValueInfo{onnx.NewTensorInfo("y", out), onnx.NewTensorInfo("z", out)}
	for _, set := range s.sets {
		for i := range set.in {
			set.in[i].dtype = in
		}
		for i := range set.out {
			set.out[i].dtype = out
		}
	}
}

// write writes the folder.
func (s *sample) write(t *testing.T) conformance.Test {
	t.Helper()
	folder := t.TempDir()
	if s.model != nil {
		check(t, s.model.Save(filepath.Join(folder, "model.onnx")))
	}
	for i, set := range s.sets {
		data := filepath.Join(folder, fmt.Sprint("test_data_set_", i))
		check(t, os.Mkdir(data, 0o755))
		for kind, tensors := range map[string][]tensor{"input": set.in, "output": set.out} {
			for k, tensor := range tensors {
				check(t, os.WriteFile(filepath.Join(data, fmt.Sprintf("%s_%d.pb", kind, k)), tensor.encode(t), 0o644))
			}
		}
	}
	return conformance.Test{Group: "node", Name: "test_sample", Folder: folder}
}

// encode returns a TensorProto.
func (x tensor) encode(t *testing.T) (message []byte) {
	t.Helper()
	for _, n := range x.shape {
		message = protowire.AppendVarint(protowire.AppendTag(message, 1, protowire.VarintType), uint64(n))
	}
	message = protowire.AppendVarint(protowire.AppendTag(message, 2, protowire.VarintType), uint64(x.dtype))
	var raw []byte
	for _, v := range x.numbers {
		var element any
		switch x.dtype {
		case onnx.Float:
			element = float32(v)
		case onnx.Double:
			element = v
		case onnx.Int64:
			element = int64(v)
		case onnx.Int32:
			element = int32(v)
		}
		var err error
		raw, err = binary.Append(raw, binary.LittleEndian, element)
		check(t, err)
	}
	return protowire.AppendBytes(protowire.AppendTag(message, 9, protowire.BytesType), raw)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
