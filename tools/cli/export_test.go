package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

const exportRecipe = `
name  = "exported"
steps = 3

[model]
onnx      = %s
batchnorm = "train"

[data]
name  = "digits"
batch = 16

[loss]
name = "cross_entropy"

[optimizer.sgd]
lr = 0.1

[arrangement.forward]
[arrangement.backward]

[evaluate]
train_samples = 10
`

// trained runs a recipe over a model, and returns the run's folder.
func trained(t *testing.T, model string) string {
	t.Helper()
	folder := t.TempDir()
	path := filepath.Join(folder, "exported.toml")
	if err := os.WriteFile(path, fmt.Appendf(nil, exportRecipe, model), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	out := filepath.Join(folder, "run")
	if exit := Main([]string{"run", path, "--out", out}, &stdout, &stderr); exit != exitSuccess {
		t.Fatalf("%s: %s", model, &stderr)
	}
	return out
}

// Files of every way of exporting, trained and exported, have the recorded accuracy in ONNX Runtime: on all 360 test examples.
func TestAnExportedFileHasTheRecordedAccuracyInRuntime(t *testing.T) {
	needRuntime(t)
	files, err := filepath.Glob("testdata/exported/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	line := regexp.MustCompile(`recorded: .*test_accuracy (\S+)\n  on 360 test examples: accuracy (\S+) here, (\S+) in ONNX Runtime \S+; its outputs differ by \S+e-0[6-9]\n$`)
	for _, file := range files {
		absolute, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		folder := trained(t, fmt.Sprintf("%q", absolute))
		for _, arrangement := range []string{"forward", "backward"} {
			var stdout, stderr bytes.Buffer
			target := filepath.Join(t.TempDir(), "trained.onnx")
			exit := Main([]string{"export", folder, "--out", target, "--arrangement", arrangement}, &stdout, &stderr)
			found := line.FindStringSubmatch(stdout.String())
			if exit != exitSuccess || found == nil || found[1] != found[2] || found[2] != found[3] {
				t.Errorf("%s, %s: exit %d, %s%s", file, arrangement, exit, &stdout, &stderr)
			}
			if training := strings.Contains(stdout.String(), "for inference, where the file was for training"); training == strings.Contains(file, "evaluation") {
				t.Errorf("%s: it was for training: %v", file, training)
			}
		}
	}
}

// Weights that are not in the file stand for an export that is wrong.
func TestAnExportedFileThatComputesSomethingElseIsAnError(t *testing.T) {
	needRuntime(t)
	folder, err := run.Open(trained(t, "\"zoo:mlp-digits\"\ninit = \"he\""))
	if err != nil {
		t.Fatal(err)
	}
	rc, err := recipe.Parse("x", mustRead(t, filepath.Join(folder.Path, run.RecipeFile)), recipe.Options{Models: modelzoo.Names()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := run.PrepareModel(t.Context(), rc, openModel)
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := r.Kept(folder, run.Wanted{Arrangement: "forward"})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "trained.onnx")
	if _, err := r.Export(state, file, false); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := checkExported(t.Context(), &out, r, state, file, record{}); err != nil {
		t.Fatal(err)
	}
	other := state.Clone()
	other.Data.Set(other.Layout.Parameters()-1, other.Data.At(other.Layout.Parameters()-1)+1) // of the last bias
	if err := checkExported(t.Context(), &out, r, other, file, record{}); err == nil || !strings.Contains(err.Error(), "computes something else in ONNX Runtime") {
		t.Errorf("%v\n%s", err, &out)
	}
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	if err := checkExported(t.Context(), &out, r, state, file, record{}); err != nil || !strings.HasPrefix(out.String(), "  not compared with ONNX Runtime: ") {
		t.Errorf("a file that does not open: %v, %s", err, &out)
	}
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
