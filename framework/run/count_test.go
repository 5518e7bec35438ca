package run_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/recipes"
)

// Where steps depend on how many came before, by a bias correction or a schedule, a checkpoint that loses the count is another run.
func TestARunWhoseStepsCountIsResumedToTheSameBytes(t *testing.T) {
	for _, name := range []string{"digits-adamw", "digits-schedule"} {
		source, err := recipes.Source(name)
		if err != nil {
			t.Fatal(err)
		}
		execute := func(ctx context.Context, o run.Options) error {
			// Few steps, of a schedule that is in full swing.
			overrides := []string{"steps=12", "seeds=[3]", "evaluate.train_samples=20", "evaluate.test_samples=20", "average.tail.from=2"}
			if name == "digits-schedule" {
				overrides = append(overrides, "schedule.warmup=4")
			}
			r, err := prepare(t, string(source), overrides...)
			if err != nil {
				t.Fatal(err)
			}
			o.Workers = 1
			_, err = r.Execute(ctx, o)
			return err
		}
		whole := filepath.Join(t.TempDir(), "run")
		if err := execute(t.Context(), run.Options{Folder: whole}); err != nil {
			t.Fatal(err)
		}
		want := metrics(t, whole)
		for _, after := range []int{10, 40} { // gradient steps
			folder := filepath.Join(t.TempDir(), "run")
			ctx, cancel := context.WithCancel(t.Context())
			var steps atomic.Int64
			err := execute(ctx, run.Options{Folder: folder, CheckpointEvery: 1, Progress: func(n int) {
				if steps.Add(int64(n)) >= int64(after) {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: after %d steps: %v", name, after, err)
			}
			if got := metrics(t, folder); got == "" || got == want || !strings.HasPrefix(want, got) {
				t.Fatalf("%s: after %d steps the recorded lines are not the first ones:\n%s", name, after, got)
			}
			if err := execute(t.Context(), run.Options{Folder: folder, Resume: true}); err != nil {
				t.Fatal(err)
			}
			if got := metrics(t, folder); got != want {
				t.Errorf("%s: interrupted after %d steps and resumed:\n%s\nwant\n%s", name, after, got, want)
			}
		}
	}
}
