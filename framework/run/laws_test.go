package run_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// executeNoisy executes the small recipe on a network with buffers and noise.
func executeNoisy(t *testing.T, o run.Options, overrides ...string) *run.Folder {
	t.Helper()
	r, err := prepareNetwork(t, noisy(), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	if o.Folder == "" {
		o.Folder = filepath.Join(t.TempDir(), "run")
	}
	f, err := r.Execute(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestIteratesAreTheirWordsAppliedByHand compares what a run measures with states that are made letter by letter. An evaluation
// depends on the running statistics, so it sees whether a word replays them.
func TestIteratesAreTheirWordsAppliedByHand(t *testing.T) {
	for _, sampling := range []string{"iid", "cycle"} {
		overrides := []string{"data.sampling=" + sampling}
		if sampling == "cycle" {
			overrides = append(overrides, "data.cycle=3")
		}
		r, err := prepareNetwork(t, noisy(), overrides...)
		if err != nil {
			t.Fatal(err)
		}
		series := executeNoisy(t, run.Options{Workers: 2}, overrides...).Series()
		for _, seed := range r.Recipe.Seeds {
			h := newByHand(t, r, seed)
			var forward, backward []int
			var tail []*optim.State
			for n := 1; n <= r.Recipe.Steps; n++ {
				forward, backward = append(forward, n), append([]int{n}, backward...)
				iterate := h.after(t, forward...)
				average := iterate
				if n > 3 {
					tail = append(tail, iterate)
					average = mean(tail)
				}
				for name, want := range map[string]*optim.State{"forward": iterate, "backward": h.after(t, backward...), "tail": average} {
					// A run evaluates in batches of another size, on which the rounding of a product depends.
					if got := recorded(t, series, name, seed, n); math.Abs(got-h.testLoss(t, want)) > 1e-6 {
						t.Errorf("%s: iterate %d of %s, seed %d, has the test loss %v, by hand %v", sampling, n, name, seed, got, h.testLoss(t, want))
					}
				}
			}
		}
	}
}

// mean averages states number by number, buffers included.
func mean(states []*optim.State) *optim.State {
	m := states[0].Clone()
	for i := range m.Data.Len() {
		sum := 0.0
		for _, s := range states {
			sum += s.Data.At(i)
		}
		m.Data.Set(i, sum/float64(len(states)))
	}
	return m
}

func recorded(t *testing.T, series []run.Series, name string, seed uint64, n int) float64 {
	t.Helper()
	i := slices.IndexFunc(series, func(s run.Series) bool { return s.Arrangement == name && s.Seed == seed })
	if i < 0 {
		t.Fatalf("nothing is recorded of %s, seed %d", name, seed)
	}
	return series[i].Lines[n-1].Metric("test_loss")
}

func TestOrderAndSeedDecideTheBuffers(t *testing.T) {
	r, err := prepareNetwork(t, noisy())
	if err != nil {
		t.Fatal(err)
	}
	h, other := newByHand(t, r, 3), newByHand(t, r, 4)
	there, back := buffers(h.after(t, 1, 2)), buffers(h.after(t, 2, 1))
	if there.Equal(back) {
		t.Error("the running statistics after [1 2] and [2 1] are the same")
	}
	if again := buffers(h.after(t, 2, 1)); !again.Equal(back) {
		t.Error("a word replayed gives other running statistics")
	}
	if theirs := buffers(other.after(t, 2, 1)); theirs.Equal(back) {
		t.Error("another seed gives the same running statistics")
	}
	if start := buffers(h.state); start.Equal(back) {
		t.Error("steps leave the running statistics as they were")
	}
}

// buffers returns the buffers of a state, which stand at its end.
func buffers(s *optim.State) array.Array {
	size := 0
	for _, f := range s.Layout.Fields() {
		if f.Kind == optim.Buffer {
			size += f.Size()
		}
	}
	return s.Data.Slice(s.Data.Len()-size, s.Data.Len())
}

func TestWorkersDoNotChangeAByteOfANoisyRun(t *testing.T) {
	want := metrics(t, executeNoisy(t, run.Options{Workers: 1}).Path)
	if got := metrics(t, executeNoisy(t, run.Options{Workers: 4}).Path); got != want {
		t.Errorf("4 workers:\n%s\nwant\n%s", got, want)
	}
}

func TestAnInterruptedNoisyRunIsResumedToTheSameBytes(t *testing.T) {
	want := metrics(t, executeNoisy(t, run.Options{Workers: 1}).Path)
	for _, after := range []int64{3, 30} { // gradient steps
		folder := filepath.Join(t.TempDir(), "run")
		r, err := prepareNetwork(t, noisy())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var steps atomic.Int64
		_, err = r.Execute(ctx, run.Options{Folder: folder, Workers: 2, CheckpointEvery: 1, Progress: func(n int) {
			if steps.Add(int64(n)) >= after {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after %d steps: %v", after, err)
		}
		if got := metrics(t, folder); !strings.HasPrefix(want, got) || got == want {
			t.Fatalf("after %d steps the recorded lines are not the first ones:\n%s", after, got)
		}
		if got := metrics(t, executeNoisy(t, run.Options{Folder: folder, Workers: 2, Resume: true}).Path); got != want {
			t.Errorf("interrupted after %d steps and resumed:\n%s\nwant\n%s", after, got, want)
		}
	}
}
