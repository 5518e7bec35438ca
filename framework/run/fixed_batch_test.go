package run_test

import (
	"context"
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
		if got := metrics(t, f.Path); got != want {
			t.Errorf("batch %d:\n%s\nwant what the model with an open batch gives:\n%s", batch, got, want)
		}
	}
}
