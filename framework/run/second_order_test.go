package run_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

func TestArrangementsThatTheOptimizerCannotHaveAreRefusedBeforeTheRun(t *testing.T) {
	withArrangement := func(table string) string { return strings.Replace(small, "[arrangement.backward]", table, 1) }
	regularizer := withArrangement("[arrangement.backward]\nkind = \"order_average\"\nmethod = \"regularizer\"\nwindow = 3")
	bracket := withArrangement("[arrangement.backward]\nkind = \"lie\"")
	merging := withArrangement("[arrangement.backward]\nmerge = 1e-6")
	with := func(source, optimizer string) string {
		return strings.Replace(source, "[optimizer.sgd]\nlr       = 0.1\nmomentum = 0.5\n", optimizer, 1)
	}
	for _, c := range []struct {
		name, source string
		want         string // "" for no error
	}{
		{"a regularizer with momentum", regularizer, ""},
		{"a regularizer with AdamW", with(regularizer, "[optimizer.adamw]"), ""},
		{"a regularizer with an optimizer that evaluates the loss", with(regularizer, "[optimizer.sam]"), `arrangement "backward": program: *sam.SAM evaluates the loss itself`},
		{"a regularizer with two learning rates", with(regularizer, "[optimizer.sgd]\n[group.b]\nmatch = [\"*bias\"]\nlr = 1.0"), "has 2 learning rates, not a single one: give the arrangement a rate of its own"},
		{"and with a rate", with(strings.Replace(regularizer, "window = 3", "window = 3\nrate = 0.1", 1), "[optimizer.sgd]\n[group.b]\nmatch = [\"*bias\"]\nlr = 1.0"), ""},
		{"a large batch needs none", with(strings.Replace(regularizer, "window = 3", "window = 3\nstrength = 0", 1), "[optimizer.sgd]\n[group.b]\nmatch = [\"*bias\"]\nlr = 1.0"), ""},
		{"a bracket with plain descent", with(bracket, "[optimizer.sgd]"), ""},
		{"a bracket with momentum", bracket, "the Lie bracket of steps with memory (slot"},
		{"a bracket with a schedule", with(bracket, "[optimizer.sgd]\n[schedule]\nname = \"cosine\""), "one learning rate, but the recipe has a schedule"},
		{"merging with plain descent", merging, ""},
		{"merging with AdamW, which reads the count", with(merging, "[optimizer.adamw]"), "its steps depend on how many were applied before"},
		{"merging with a schedule", with(merging, "[optimizer.sgd]\n[schedule]\nname = \"cosine\""), "its steps depend on how many were applied before"},
	} {
		_, err := prepare(t, c.source)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestEveryKindOfArrangementIsTheSameOnAnyNumberOfWorkersAndResumed(t *testing.T) {
	source := strings.Replace(small, "[arrangement.backward]", `[arrangement.improving]
kind        = "backward"
reset_every = 2
reset_when  = "improves"
[arrangement.exact]
kind   = "order_average"
window = 3
[arrangement.sampled]
kind   = "order_average"
method = "sampled"
[arrangement.regularizer]
kind   = "order_average"
method = "regularizer"
[arrangement.words]
words = [[1, 2], [2, 1]]
[arrangement.lie]
[average.ema]
kind  = "ema"
of    = "improving"
decay = 0.5
[average.latest]
kind   = "latest"
of     = "lie"
window = 2`, 1)
	source = strings.Replace(source, "momentum = 0.5\n", "", 1)
	execute := func(ctx context.Context, o run.Options) (string, error) {
		r, err := prepare(t, source)
		if err != nil {
			t.Fatal(err)
		}
		_, err = r.Execute(ctx, o)
		return metrics(t, o.Folder), err
	}
	want, err := execute(t.Context(), run.Options{Workers: 1, Folder: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{2, 8} {
		if got, err := execute(t.Context(), run.Options{Workers: workers, Folder: t.TempDir()}); got != want {
			t.Errorf("%d workers: %v\n%s\nwant\n%s", workers, err, got, want)
		}
	}
	for _, units := range []int64{1, 60, 150, 300} {
		folder := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		var done atomic.Int64
		_, err := execute(ctx, run.Options{Workers: 2, Folder: folder, CheckpointEvery: time.Nanosecond, Progress: func(n int) {
			if done.Add(int64(n)) >= units {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the run that was stopped after %d units ended with %v", units, err)
		}
		if got, err := execute(t.Context(), run.Options{Workers: 2, Folder: folder, Resume: true}); got != want {
			t.Errorf("resumed after %d units: %v\n%s\nwant\n%s", units, err, got, want)
		}
		cancel()
	}
}

// A regularizer without a rate of its own takes the optimizer's.
func TestARegularizerHasTheRateThatTheRecipeGives(t *testing.T) {
	metricsWith := func(rate string) string {
		table := "[arrangement.backward]\nkind = \"order_average\"\nmethod = \"regularizer\"\nwindow = 3\n" + rate
		r, err := prepare(t, strings.Replace(small, "[arrangement.backward]", table, 1))
		if err != nil {
			t.Fatal(err)
		}
		f, err := r.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "run"), Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		return metrics(t, f.Path)
	}
	plain := metricsWith("")
	if metricsWith("rate = 0.1") != plain {
		t.Error("the optimizer's rate, given again, leads elsewhere")
	}
	if metricsWith("rate = 0.4") == plain {
		t.Error("another rate changes nothing")
	}
}
