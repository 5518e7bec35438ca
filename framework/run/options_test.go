package run_test

import (
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

func TestTheZeroOptionsRunOnAllProcessorsInANewFolder(t *testing.T) {
	t.Chdir(t.TempDir())
	r, err := prepareGrid(t, pooled(onnx.FixedDim(4), onnx.FixedDim(5)), grid{2, 4, 5})
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for range 2 {
		f, err := r.Execute(t.Context(), run.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Info.Workers != runtime.GOMAXPROCS(0) || len(f.Lines) == 0 || filepath.Dir(f.Path) != "runs" || !strings.HasPrefix(filepath.Base(f.Path), "small-") {
			t.Errorf("%d workers left %d lines in %s", f.Info.Workers, len(f.Lines), f.Path)
		}
		folders = append(folders, f.Path)
	}
	if folders[0] == folders[1] {
		t.Errorf("two runs have the folder %s", folders[0])
	}
	if _, err := r.Execute(t.Context(), run.Options{Resume: true}); err == nil || !strings.Contains(err.Error(), "is not named") {
		t.Errorf("what is resumed nowhere: error %v", err)
	}
	if _, err := r.Estimate(t.Context(), time.Millisecond, 0); err != nil {
		t.Error(err)
	}
	if _, err := r.State(t.Context(), run.Wanted{Arrangement: "forward", Seed: 3, Iterate: 2}, 0, nil); err != nil {
		t.Error(err)
	}
}
