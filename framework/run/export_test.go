package run_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// A run over the exported file that trains nothing measures what the run recorded: the learning rate is one that no weight feels.
func TestExportedWeightsMeasureAsRecorded(t *testing.T) {
	original, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := original.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "run"), Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range []run.Wanted{{"forward", 3, 7}, {"backward", 4, 5}, {"tail", 3, 6}} {
		again, err := prepare(t, small)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(folder); err != nil {
			t.Fatal(err)
		}
		state, err := again.State(context.Background(), wanted, 2, nil)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "trained.onnx")
		if _, err := again.Export(state, file, false); err != nil {
			t.Fatal(err)
		}
		source := strings.Replace(small, `onnx = "zoo:mlp-digits"`, `onnx = "trained.onnx"`, 1)
		rc, err := recipe.Parse("test.toml", []byte(source), recipe.Options{
			Models: modelzoo.Names(), Set: []string{"model.init=keep", "optimizer.sgd.lr=1e-40", "optimizer.sgd.momentum=0", "steps=1"},
		})
		if err != nil {
			t.Fatal(err)
		}
		frozen, err := run.Prepare(context.Background(), rc, func(string) (*onnx.Model, error) { return onnx.Load(file) })
		if err != nil {
			t.Fatal(err)
		}
		measured, err := frozen.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "frozen"), Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := measures(t, measured.Lines[0]), measures(t, find(t, folder, wanted)); got != want {
			t.Errorf("%+v measures %s, recorded is %s", wanted, got, want)
		}
	}
}

func find(t *testing.T, f *run.Folder, w run.Wanted) run.Line {
	t.Helper()
	for _, l := range f.Lines {
		if l.Arrangement == w.Arrangement && l.Seed == w.Seed && l.Iterate == w.Iterate {
			return l
		}
	}
	t.Fatalf("%+v is not recorded", w)
	return run.Line{}
}

func measures(t *testing.T, l run.Line) string {
	t.Helper()
	text, err := json.Marshal(l.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAStateThatIsNotThereIsRefused(t *testing.T) {
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	for want, wanted := range map[string]run.Wanted{
		"there is no iterate 8: they are 1 to 7":                                {"forward", 3, 8},
		"there is no seed 5: there are [3 4]":                                   {"forward", 5, 7},
		`there is no arrangement "sideways": there are forward, backward, tail`: {"sideways", 3, 7},
		`the average "tail" begins after iterate 3`:                             {"tail", 3, 3},
	} {
		if _, err := r.State(context.Background(), wanted, 1, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", wanted, err, want)
		}
	}
	other, err := prepare(t, small, "steps=8")
	if err != nil {
		t.Fatal(err)
	}
	folder, err := other.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "run"), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Check(folder); err == nil || !strings.Contains(err.Error(), "steps was 8 and is 7") {
		t.Errorf("another recipe's folder is taken: %v", err)
	}
}
