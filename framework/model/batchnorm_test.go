package model_test

import (
	"fmt"
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
