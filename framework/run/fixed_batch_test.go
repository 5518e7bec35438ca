package run_test

import (
	"context"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// exportedFor returns the model of the small recipe as exporters write it without a dynamic batch: the size of the batch is in
// the input's shape and in the shape that the pixels are brought to.
func exportedFor(batch int64) (*onnx.Model, error) {
	m, err := modelzoo.Build("mlp-digits", 0)
	if err != nil {
		return nil, err
	}
	m.Graph.Inputs[0].Dims[0] = onnx.FixedDim(batch)
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.NewInt64Tensor("shape", []int64{2}, []int64{batch, 64}))
	flatten := m.Graph.Nodes[0]
	flatten.OpType, flatten.Attributes = "Reshape", nil
	flatten.Inputs = append(flatten.Inputs, "shape")
	return m, nil
}

func TestAModelExportedForOneBatchSizeIsEvaluatedInBatchesOfThatSize(t *testing.T) {
	want := metrics(t, execute(t, run.Options{Workers: 2}).Path)
	for batch, refused := range map[int64]string{4: "", 5: "exported for batch 5, this is 4"} {
		rc, err := recipe.Parse("test.toml", []byte(small), recipe.Options{Models: modelzoo.Names()})
		if err != nil {
			t.Fatal(err)
		}
		r, err := run.Prepare(context.Background(), rc, func(string) (*onnx.Model, error) { return exportedFor(batch) })
		if refused != "" {
			if err == nil || !strings.Contains(err.Error(), refused) {
				t.Errorf("batch %d: %v, want %q", batch, err, refused)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		f, err := r.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "run"), Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := metrics(t, f.Path); !agree(t, got, want, 1e-6) {
			t.Errorf("batch %d:\n%s\nwant what the model with an open batch gives:\n%s", batch, got, want)
		}
	}
}

// agree reports whether two runs recorded the same lines, but for rounding: that of a product depends on the size of a batch.
func agree(t *testing.T, got, want string, tolerance float64) bool {
	t.Helper()
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] == b[i] {
			continue
		}
		var x, y map[string]any
		if json.Unmarshal([]byte(a[i]), &x) != nil || json.Unmarshal([]byte(b[i]), &y) != nil || len(x) != len(y) {
			return false
		}
		for name, v := range x {
			number, is := v.(float64)
			other, also := y[name].(float64)
			if is != also || is && math.Abs(number-other) > tolerance || !is && v != y[name] {
				return false
			}
		}
	}
	return true
}
