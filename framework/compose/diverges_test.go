package compose

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// tooFar says of one iterate in four that it diverged, and of no other.
func tooFar(value any) bool {
	return math.Mod(math.Abs(first(value.(evaluated).State))*64, 4) < 1
}

func TestWhatStartsFromAnIterateThatEvaluatesAsDivergedIsNotComputed(t *testing.T) {
	var iterates []int
	steps := steps(func(k int, x []float64) { x[0] = float64(k) })
	jobs := []Job{
		{Name: "forward", Arrangement: Forward{}, Averages: []Average{{}}},
		{Name: "backward", Arrangement: Backward{}},
		{Name: "windows", Arrangement: Backward{ResetEvery: 3}},
	}
	for i := range jobs {
		jobs[i].Initial, jobs[i].Iterates, jobs[i].Maps = point(0, 0), upTo(9), every(steps)
	}
	work := int64(0)
	_, err := Run(t.Context(), jobs, Options{Workers: 1, Visit: func(_ context.Context, _ int, v Visited) (any, error) {
		return v.Iterate == 6, nil
	}, Diverges: func(value any) bool { return value.(bool) }, Emit: func(r Result, _ func() Checkpoint) error {
		if r.Job == 0 && r.Iterate > 6 {
			work += r.Work.Steps
			if !r.Averages[0].Diverged {
				t.Errorf("the average of iterates that are not there is at iterate %d", r.Iterate)
			}
		}
		if r.Diverged {
			iterates = append(iterates, 10*r.Job+r.Iterate)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	// Backward starts from the initial state always; the window that starts from iterate 6 is lost.
	if want := []int{7, 27, 8, 28, 9, 29}; !slices.Equal(iterates, want) || work != 0 {
		t.Errorf("not computed were %v, want %v; forward took %d steps behind its end", iterates, want, work)
	}
}

func TestDivergedEvaluationsDoNotDependOnWorkersOrResuming(t *testing.T) {
	ended := 0
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			jobs, _ := randomJobs(t, rand.New(rand.NewPCG(seed, 8)), sleepy(tangle))
			o := Options{Workers: 1, Diverges: tooFar, Visit: func(_ context.Context, _ int, v Visited) (any, error) { return v.Previous == nil, nil }}
			whole := emitted(t, jobs, o)
			for _, r := range whole {
				if r.Diverged() {
					ended++
				}
			}
			for _, workers := range []int{2, 8} {
				o.Workers = workers
				requireSameResults(t, emitted(t, jobs, o), whole)
			}
			for results := 0; results <= len(whole); results++ {
				o := o
				first, c := interrupted(t, jobs, o, results)
				o.Resume = c
				requireSameResults(t, slices.Concat(first, emitted(t, jobs, o)), whole)
			}
		})
	}
	if ended == 0 {
		t.Error("nothing was lost")
	}
}

// Iterate 3 is evaluated while it is not known yet that iterate 2, which it starts from, evaluates as diverged.
func TestResultsHoldNoStateThatStartsFromADivergedOne(t *testing.T) {
	for _, workers := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			jobs := []Job{{Arrangement: Forward{}, Averages: []Average{{}}, Initial: point(0, 0), Iterates: upTo(4), Maps: every(steps(tangle))}}
			var held []int
			var ahead atomic.Bool
			emitted(t, jobs, Options{Workers: workers, Keep: true, Visit: func(_ context.Context, _ int, v Visited) (any, error) {
				if v.Iterate == 3 {
					ahead.Store(true)
				}
				if v.Iterate == 2 {
					time.Sleep(time.Second)
				}
				return v.Iterate == 2, nil
			}, Diverges: func(value any) bool { return value.(evaluated).Value.(bool) }, Emit: func(r Result, _ func() Checkpoint) error {
				for _, e := range append(r.Averages, r.Evaluated) {
					if e.State != nil {
						held = append(held, r.Iterate)
					}
					if (e.State == nil) != (e.Value == nil) || e.State != nil && !e.State.Equal(e.Value.(evaluated).State) {
						t.Errorf("iterate %d: the result holds the state %v, evaluated was %v", r.Iterate, e.State, e.Value)
					}
				}
				return nil
			}})
			if !slices.Equal(held, []int{1, 1, 2, 2}) {
				t.Errorf("%d workers: results hold states of iterates %v, and the second diverged", workers, held)
			}
			if workers > 1 && !ahead.Load() {
				t.Errorf("%d workers: nothing behind iterate 2 was evaluated: the test shows nothing", workers)
			}
		})
	}
}

// Iterates 5 and 6 are computed from iterate 4 before that evaluates as diverged. With a period of 2 steps iterates 7 and 8 go on from them.
func TestWhatIsLostStaysLostWhenResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Bool
		jobs := []Job{{Arrangement: Backward{ResetEvery: 4}, Period: 2, Initial: point(0, 0), Iterates: upTo(8),
			Maps: every(steps(func(k int, x []float64) { tangle(k%2, x) }))}}
		o := Options{Workers: 8, Visit: func(_ context.Context, _ int, v Visited) (any, error) {
			if v.Iterate == 4 {
				time.Sleep(time.Second)
			} else if v.Iterate > 4 {
				ahead.Store(true)
			}
			return v.Iterate == 4, nil
		}, Diverges: func(value any) bool { return value.(evaluated).Value.(bool) }}
		whole := emitted(t, jobs, o)
		for _, results := range []int{5, 6, 7} {
			first, c := interrupted(t, jobs, o, results)
			resumed := o
			resumed.Resume = c
			requireSameResults(t, slices.Concat(first, emitted(t, jobs, resumed)), whole)
		}
		if !ahead.Load() || !whole[6].Diverged() || !whole[7].Diverged() {
			t.Error("nothing was computed that is lost: the test shows nothing")
		}
	})
}

// With a period of 2 steps iterate 5 goes on from where iterate 3 ends, but starts from the initial state.
func TestATrajectoryGoesOnThroughAnIterateThatEvaluatesAsDiverged(t *testing.T) {
	jobs := []Job{{Arrangement: Backward{}, Period: 2, Initial: point(0, 0), Iterates: upTo(6),
		Maps: every(steps(func(k int, x []float64) { tangle(k%2, x) }))}}
	o := Options{Workers: 1, Visit: func(_ context.Context, _ int, v Visited) (any, error) { return v.Iterate == 3, nil },
		Diverges: func(value any) bool { return value.(evaluated).Value.(bool) }}
	for _, r := range emitted(t, jobs, o) {
		if r.Diverged() {
			t.Errorf("iterate %d is lost", r.Iterate)
		}
	}
}
