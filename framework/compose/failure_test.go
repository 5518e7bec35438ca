package compose

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

func TestCancellingEndsSoonAndEmitsWholeResults(t *testing.T) {
	const step, cancelled = 10 * time.Millisecond, 1005 * time.Millisecond
	attentive := steps(func(k int, x []float64) {
		time.Sleep(step)
		tangle(k, x)
	})
	deaf := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
		return attentive.Apply(context.Background(), s, word)
	})
	for _, c := range []struct {
		name   string
		maps   Maps
		within time.Duration
	}{
		{"maps that look at the context: within a step", attentive, step},
		{"maps that do not: within a piece", deaf, longPiece},
	} {
		for _, workers := range []int{1, 2, 8} {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(cancelled, cancel)
				start := time.Now()
				results, err := collect(ctx, []Job{{Arrangement: Backward{}, Initial: point(0.5, 0), Iterates: upTo(100), Maps: every(c.maps)}}, Options{Workers: workers})
				if err != context.Canceled {
					t.Errorf("%s, %d workers: error %v, want the context's", c.name, workers, err)
				}
				if took := time.Since(start) - cancelled; took > c.within {
					t.Errorf("%s, %d workers: it took %v", c.name, workers, took)
				}
				if len(results) < 13 || len(results) > 99 { // one worker completes 13 iterates in a second
					t.Errorf("%s, %d workers: %d results", c.name, workers, len(results))
				}
				for i, r := range results {
					if want := byDefinition(Backward{}, tangle, point(0.5, 0), i+1); r.Iterate != i+1 || !r.State.Equal(want) {
						t.Errorf("%s, %d workers: result %d is iterate %d, %v, want %v", c.name, workers, i, r.Iterate, r.State, want)
					}
				}
			})
		}
	}
}

func TestFailureStopsOtherWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		boom := errors.New("boom")
		maps := mapsFunc(func(ctx context.Context, _ *optim.State, word []int) error {
			if word[0] == 2 {
				time.Sleep(time.Second)
				return boom
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Hour):
				return nil
			}
		})
		start := time.Now()
		_, err := Run(t.Context(), []Job{{Arrangement: Backward{}, Initial: point(0), Iterates: upTo(2), Maps: every(maps)}}, Options{Workers: 2})
		if took := time.Since(start); !errors.Is(err, boom) || took != time.Second {
			t.Errorf("the run ended after %v with %v, want the failure after a second", took, err)
		}
	})
}

func TestNothingIsEmittedAfterAFailedEmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		second := steps(func(int, []float64) { time.Sleep(time.Second) })
		calls := 0
		emit := func(Result, func() Checkpoint) error {
			calls++
			return errStop
		}
		_, err := Run(t.Context(), []Job{{Arrangement: Backward{}, Initial: point(0), Iterates: upTo(9), Maps: every(second)}}, Options{Workers: 2, Emit: emit, Visit: func(context.Context, int, Visited) (any, error) {
			time.Sleep(2 * time.Second) // so that iterate 2 is being visited when iterate 1 is emitted
			return nil, nil
		}})
		if !errors.Is(err, errStop) || calls != 1 {
			t.Errorf("Emit was called %d times, error %v", calls, err)
		}
	})
}

func TestCancelledBeforeTheStartDoesNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	results, err := collect(ctx, []Job{{Arrangement: Forward{}, Initial: point(0, 0), Iterates: upTo(3), Maps: every(steps(tangle))}}, Options{})
	if !errors.Is(err, context.Canceled) || len(results) != 0 {
		t.Errorf("error %v and %d results", err, len(results))
	}
}

func TestFailuresOfTheCallersFunctionsEndTheRun(t *testing.T) {
	boom := errors.New("boom")
	for _, failure := range []struct {
		name string
		fail func() error
	}{
		{"error", func() error { return boom }},
		{"panic", func() error { panic("boom") }},
	} {
		fail := failure.fail
		for _, c := range []struct {
			name string
			set  func(j *Job, o *Options)
			want string
		}{
			{"making maps", func(j *Job, _ *Options) {
				j.Maps = func(int) (Maps, error) { return nil, fail() }
			}, "compose: reset, seed 3: iterate 1: "},
			{"Apply", func(j *Job, _ *Options) {
				j.Maps = every(mapsFunc(func(_ context.Context, _ *optim.State, word []int) error {
					if word[0] == 5 {
						return fail()
					}
					return nil
				}))
			}, "compose: reset, seed 3: iterate 5: "},
			{"Visit", func(_ *Job, o *Options) {
				o.Visit = func(_ context.Context, _ int, v Visited) (any, error) {
					if v.State.Count == 5 {
						return nil, fail()
					}
					return nil, nil
				}
			}, "compose: reset, seed 3: iterate 5: "},
			{"Emit", func(_ *Job, o *Options) {
				o.Emit = func(r Result, _ func() Checkpoint) error {
					if r.Iterate == 5 {
						return fail()
					}
					return nil
				}
			}, "compose: reset, seed 3: iterate 5: "},
			{"Progress", func(_ *Job, o *Options) {
				o.Progress = func(int) { panic(fail()) }
			}, "compose: reset, seed 3: iterate 1: boom: this is a bug in backstitch"},
		} {
			for _, workers := range []int{1, 4} {
				job := Job{Name: "reset, seed 3", Arrangement: Forward{}, Initial: point(0, 0), Iterates: upTo(20), Maps: every(steps(tangle))}
				o := Options{Workers: workers}
				c.set(&job, &o)
				results, err := collect(t.Context(), []Job{job}, o)
				if err == nil || !strings.HasPrefix(err.Error(), c.want) || !strings.Contains(err.Error(), "boom") {
					t.Errorf("%s with %s, %d workers: error %v, want %q", c.name, failure.name, workers, err, c.want)
				}
				if failure.name == "error" && c.name != "Progress" && !errors.Is(err, boom) {
					t.Errorf("%s: the error does not wrap its cause", c.name)
				}
				for i, r := range results {
					if r.Iterate != i+1 || r.Iterate >= 5 {
						t.Errorf("%s with %s, %d workers: result %d is iterate %d", c.name, failure.name, workers, i, r.Iterate)
					}
				}
			}
		}
	}
}

func TestOneDivergedChainDoesNotStopOthers(t *testing.T) {
	explodesAt := func(bad int) steps {
		return func(k int, x []float64) {
			tangle(k, x)
			if k == bad {
				x[1] = math.Inf(1)
			}
		}
	}
	for _, c := range []struct {
		name     string
		a        Arrangement
		diverged []int // of 1 to 8, when T_3 explodes
		steps    []int64
	}{
		{"forward: everything after", Forward{}, []int{3, 4, 5, 6, 7, 8}, []int64{1, 1, 1, 0, 0, 0, 0, 0}},
		{"backward: every word with it", Backward{}, []int{3, 4, 5, 6, 7, 8}, []int64{1, 2, 3, 4, 5, 6, 7, 8}},
		{"windows: through their base", Backward{ResetEvery: 4}, []int{3, 4, 5, 6, 7, 8}, []int64{1, 2, 3, 4, 0, 0, 0, 0}},
		{"a base before it is not touched", table{
			1: {Base: 0, Words: [][]int{{1}}}, 2: {Base: 1, Words: [][]int{{2}}}, 3: {Base: 2, Words: [][]int{{3}}}, 4: {Base: 2, Words: [][]int{{4}}},
			5: {Base: 3, Words: [][]int{{4}}}, 6: {Base: 4, Words: [][]int{{5}}}, 7: {Base: 6, Words: [][]int{{7}}}, 8: {Base: 5, Words: [][]int{{6}}},
		}, []int{3, 5, 8}, []int64{1, 1, 1, 1, 0, 1, 1, 0}},
		{"one of several words", table{
			1: {Base: 0, Words: [][]int{{1}}}, 2: {Base: 0, Words: [][]int{{1, 2}}}, 3: {Base: 0, Words: [][]int{{1, 2}, {3, 1}, {2, 1}, {1, 1}}}, 4: {Base: 2, Words: [][]int{{4}}},
			5: {Base: 3, Words: [][]int{{4}, {5}}}, 6: {Base: 4, Words: [][]int{{5}}}, 7: {Base: 4, Words: [][]int{{7}}}, 8: {Base: 5, Words: [][]int{{6}}},
		}, []int{3, 5, 8}, []int64{1, 2, 8, 1, 0, 1, 1, 0}},
	} {
		for _, workers := range []int{1, 2, 8} {
			jobs := []Job{
				{Arrangement: c.a, Initial: point(0, 0), Iterates: upTo(8), Maps: every(explodesAt(3))},
				{Arrangement: c.a, Initial: point(0, 0), Iterates: upTo(8), Maps: every(steps(tangle))},
			}
			visit := func(_ context.Context, _ int, v Visited) (any, error) {
				if !v.State.Finite() {
					t.Errorf("%s: visited %v", c.name, v.State.Data)
				}
				return 1, nil
			}
			for _, r := range emitted(t, jobs, Options{Workers: workers, Visit: visit}) {
				diverged := r.Job == 0 && slices.Contains(c.diverged, r.Iterate)
				if r.Diverged() != diverged || (r.Value == nil) != diverged {
					t.Errorf("%s, %d workers: iterate %d of job %d: diverged %v, value %v", c.name, workers, r.Iterate, r.Job, r.Diverged(), r.Value)
				}
				if r.Job == 0 && r.Work.Steps != c.steps[r.Iterate-1] {
					t.Errorf("%s, %d workers: iterate %d took %d steps, want %d", c.name, workers, r.Iterate, r.Work.Steps, c.steps[r.Iterate-1])
				}
			}
		}
	}
}

func TestDivergenceEndsAWordEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := 0
		maps := steps(func(k int, x []float64) {
			time.Sleep(time.Millisecond)
			seen++
			if k == 900 {
				x[0] = math.NaN()
			}
		})
		results := emitted(t, []Job{{Arrangement: Backward{}, Initial: point(0), Iterates: []int{1000}, Maps: every(maps)}}, Options{})
		if !results[0].Diverged() || seen > 200 {
			t.Errorf("diverged %v after %d steps, want an end soon after 101", results[0].Diverged(), seen)
		}
	})
}
