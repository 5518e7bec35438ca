package model_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

// normalized is y = BatchNormalization(x) over (batch, 3), exported for training or not.
func normalized(opset int64, training bool) *onnx.Model {
	n := node("BatchNormalization", "y", "x", "scale", "bias", "mean", "variance", onnx.FloatAttr("epsilon", 0), onnx.FloatAttr("momentum", 0.75))
	if training {
		n.Outputs = append(n.Outputs, "mean_out", "variance_out")
		if opset < 14 {
			n.Outputs = append(n.Outputs, "saved_mean", "saved_variance")
		} else {
			n.Attributes = append(n.Attributes, onnx.IntAttr("training_mode", 1))
		}
	}
	vector := func(name string, v float32) *onnx.Tensor {
		return onnx.NewFloatTensor(name, []int64{3}, []float32{v, v, v})
	}
	m := with(network(n), vector("scale", 1), vector("bias", 0), vector("mean", 4), vector("variance", 16))
	m.Opsets[""] = opset
	return m
}

// step returns the output and the buffers after a step on a batch whose columns are all (1, 3): of mean 2 and variance 1.
func step(t *testing.T, m *model.Model, training bool) (output []float64, buffers [][]float64) {
	t.Helper()
	given := model.Given{Graph: gorgonia.NewGraph(), Precision: array.Float64, Batch: 2, Training: training}
	values := opstest.Values{}
	for _, p := range m.Parameters {
		x := ops.Input(given.Graph, "parameter "+p.Name, array.Float64, p.Shape...)
		given.Params, values[x] = append(given.Params, x), p.Value.As(array.Float64).F64
	}
	for _, p := range m.Buffers {
		x := ops.Input(given.Graph, "buffer "+p.Name, array.Float64, p.Shape...)
		given.Buffers, values[x] = append(given.Buffers, x), p.Value.As(array.Float64).F64
	}
	e, err := m.Write(given)
	if err != nil {
		t.Fatal(err)
	}
	values[e.Inputs[0]] = []float64{1, 1, 1, 3, 3, 3}
	for _, h := range ops.HeldBy(given.Graph) {
		values[h.Input] = h.Value.As(array.Float64).F64
	}
	results := opstest.Run(t, values, append([]ops.Expr{e.Output}, e.Buffers...)...)
	return results[0], results[1:]
}

func TestBatchNormalizationNormalizesByItsMode(t *testing.T) {
	batch, running := []float64{-1, -1, -1, 1, 1, 1}, []float64{-0.75, -0.75, -0.75, -0.25, -0.25, -0.25}
	const followed, kept = "[[3.5 3.5 3.5] [12.25 12.25 12.25]]", "[[4 4 4] [16 16 16]]"
	for _, opset := range []int64{9, 13, 14, 17} {
		for _, c := range []struct {
			exported bool // for training
			option   model.BatchNorm
			training bool // now
			output   []float64
			buffers  string
		}{
			{true, "", true, batch, followed},
			{true, model.AsExported, true, batch, followed},
			{true, model.RunningAverages, true, running, kept},
			{true, "", false, running, kept},
			{false, "", true, running, kept},
			{false, model.BatchStatistics, true, batch, followed},
			{false, model.BatchStatistics, false, running, kept},
		} {
			m, err := model.Import(normalized(opset, c.exported), model.Options{BatchNorm: c.option})
			if err != nil {
				t.Fatal(err)
			}
			if len(m.Parameters) != 2 || len(m.Buffers) != 2 {
				t.Fatalf("opset %d: %v are parameters and %v buffers", opset, parameters(m), m.Buffers)
			}
			output, buffers := step(t, m, c.training)
			if !slices.Equal(output, c.output) || fmt.Sprint(buffers) != c.buffers {
				t.Errorf("opset %d, %+v: the output is %v, the buffers are %v", opset, c, output, buffers)
			}
		}
	}
}

// Two layers that PyTorch's exporter found to start with equal statistics keep their own.
func TestMergedRunningStatisticsAreSeparate(t *testing.T) {
	source := normalized(17, true)
	first := source.Graph.Nodes[0]
	first.Outputs = []string{"h", "m1", "v1"}
	second := *first
	second.Name, second.Inputs, second.Outputs = "second", []string{"h", "scale", "bias", "mean2", "variance2"}, []string{"y", "m2", "v2"}
	source.Graph.Nodes = []*onnx.Node{node("Identity", "mean2", "mean"), node("Identity", "variance2", "variance"), first, &second}
	m := importModel(t, source)
	_, buffers := step(t, m, true)
	if got, want := fmt.Sprint(buffers), "[[3.5 3.5 3.5] [12.25 12.25 12.25] [3 3 3] [12.25 12.25 12.25]]"; got != want {
		t.Errorf("the buffers are %s, want %s", got, want)
	}
	if edits := strings.Join(m.Edits(), "; "); !strings.Contains(edits, `"mean2"`) || !strings.Contains(edits, `"variance2"`) {
		t.Errorf("the edits are %s", edits)
	}
}

// A simplifier keeps one of equal initializers, and a fresh normalization has a scale like its variance and a bias like its mean.
func TestRunningStatisticsAreNothingElse(t *testing.T) {
	norm := func(name, output, input string, tensors ...any) *onnx.Node {
		n := node("BatchNormalization", output, append([]any{input}, tensors...)...)
		n.Name, n.Outputs = name, []string{output, output + "m", output + "v"}
		n.Attributes = append(n.Attributes, onnx.FloatAttr("momentum", 0.75), onnx.IntAttr("training_mode", 1))
		return n
	}
	list := func(nodes ...*onnx.Node) []*onnx.Node { return nodes }
	one, zero := filled("one", 1, 3), filled("zero", 0, 3)
	for _, c := range []struct {
		rule    string
		nodes   []*onnx.Node
		buffers string
		edits   int
	}{
		{"merged with scale and bias", list(norm("bn", "y", "x", "one", "zero", "zero", "one")), "[bn.running_mean bn.running_var]", 2},
		{"merged with those of another layer", list(norm("bn", "h", "x", "one", "zero", "zero", "one"), norm("second", "y", "h", "one", "zero", "zero", "one")),
			"[bn.running_mean bn.running_var second.running_mean second.running_var]", 4},
		{"merged with each other", list(norm("bn", "y", "x", "s", "b", "one", "one")), "[bn.running_var one]", 1},
		{"of one layer for two tensors", list(norm("bn", "h", "x", "s", "b", "zero", "one"), norm("again", "y", "h", "s", "b", "zero", "one")), "[one zero]", 0},
		{"of two layers", list(norm("bn", "h", "x", "s", "b", "zero", "one"), norm("second", "y", "h", "s2", "b", "zero", "one")),
			"[one second.running_mean second.running_var zero]", 2},
		{"read by another node", list(norm("bn", "h", "x", "s", "b", "zero", "one"), node("Mul", "y", "h", "one")), "[bn.running_var zero]", 1},
		{"merged through an Identity", list(node("Identity", "mean", "zero"), norm("bn", "y", "x", "s", "zero", "mean", "one")), "[mean one]", 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			source := with(network(c.nodes...), weights("s", 3), weights("s2", 3), weights("b", 3), one, zero)
			m := importModel(t, source)
			if got := bufferNames(m); got != c.buffers || len(m.Edits()) != c.edits {
				t.Errorf("the buffers are %s and the edits %q, want %s and %d", got, m.Edits(), c.buffers, c.edits)
			}
			if got := model.Inspect(source, model.Options{}); len(got.Buffers) != len(m.Buffers) || len(got.Edits) != c.edits || len(got.Problems) > 0 {
				t.Errorf("the report has the buffers %v, the edits %q and the problems %v", got.Buffers, got.Edits, got.Problems)
			}
			for _, file := range []*onnx.Model{source, asNodes(source)} {
				m := importModel(t, file)
				_, buffers := step(t, m, true)
				target := filepath.Join(t.TempDir(), "trained.onnx")
				var updated []array.Array
				for _, v := range buffers {
					updated = append(updated, array.From64(v))
				}
				if err := m.Export("", target, values(m.Parameters), updated); err != nil {
					t.Fatal(err)
				}
				again, err := onnx.Load(target)
				if err != nil {
					t.Fatal(err)
				}
				separate := importModel(t, again)
				if got := bufferNames(separate); got != c.buffers || len(separate.Edits()) > 0 {
					t.Errorf("the exported file has the buffers %s and the edits %q, want %s and none", got, separate.Edits(), c.buffers)
				}
				for i, want := range separate.Buffers {
					if got := updated[slices.IndexFunc(m.Buffers, func(p model.Parameter) bool { return p.Name == want.Name })]; !want.Value.Equal(got.As(array.Float32)) {
						t.Errorf("%s is exported as %v, want %v", separate.Buffers[i].Name, want.Value, got)
					}
				}
			}
		})
	}
}

// bufferNames returns the names of the buffers, sorted.
func bufferNames(m *model.Model) string {
	names := namesOf(m.Buffers)
	slices.Sort(names)
	return fmt.Sprint(names)
}

// asNodes returns the model with Constant nodes in the place of initializers.
func asNodes(m *onnx.Model) *onnx.Model {
	c, graph := *m, *m.Graph
	graph.Nodes, graph.Initializers = nil, nil
	for _, t := range m.Graph.Initializers {
		graph.Nodes = append(graph.Nodes, constantOf(t))
	}
	graph.Nodes = append(graph.Nodes, m.Graph.Nodes...)
	c.Graph = &graph
	return &c
}
