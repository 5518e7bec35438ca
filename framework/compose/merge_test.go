package compose

import (
	"context"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// shrinking are contractions of the line by one half, each to a point of its own.
func shrinking(k int, x []float64) { x[0] = (x[0] + math.Sin(float64(k))) / 2 }

func TestTrajectoriesThatComeNearGoOnAsOne(t *testing.T) {
	const last, tolerance = 200, 1e-6
	for _, c := range []struct {
		name string
		a    Backward
		maps steps
	}{
		{"contractions", Backward{Merge: tolerance}, shrinking},
		{"contractions in windows", Backward{Start: 10, ResetEvery: 70, Merge: tolerance}, shrinking},
	} {
		exact := c.a
		exact.Merge = 0
		want := emitted(t, []Job{{Arrangement: exact, Initial: point(3), Iterates: upTo(last), Maps: every(c.maps)}}, Options{})
		var alone []result
		for _, workers := range []int{1, 2, 8} {
			var seen atomic.Int64
			job := Job{Arrangement: c.a, Initial: point(3), Iterates: upTo(last), Maps: every(counted(c.maps, &seen))}
			results := emitted(t, []Job{job}, Options{Workers: workers})
			merged, measured, steps, naive := 0, 0, int64(0), int64(0)
			for i, r := range results {
				d := math.Abs(r.State.Data.F64[0] - want[i].State.Data.F64[0])
				if d > tolerance || !r.Merged && d != 0 || r.State.Count != want[i].State.Count {
					t.Errorf("%s: iterate %d is off by %g, merged %v, after %d steps", c.name, r.Iterate, d, r.Merged, r.State.Count)
				}
				if r.Merged {
					merged++
				}
				if r.Error != nil {
					measured++
					if *r.Error > tolerance {
						t.Errorf("%s: the error of iterate %d is measured as %g", c.name, r.Iterate, *r.Error)
					}
				}
				steps, naive = steps+r.Work.Steps, naive+want[i].Work.Steps
			}
			if steps != seen.Load() || steps > naive*4/5 || merged < last/3 || measured < last/mergeBlock/2 {
				t.Errorf("%s: %d steps counted, %d seen, %d without merging; %d merged, %d measured", c.name, steps, seen.Load(), naive, merged, measured)
			}
			if alone == nil {
				alone = results
			}
			requireSameResults(t, results, alone)
		}
		job := Job{Arrangement: c.a, Initial: point(3), Iterates: upTo(last), Maps: every(c.maps)}
		for _, stop := range []int{1, 40, 41, 100, 190} {
			first, checkpoint := interrupted(t, []Job{job}, Options{Workers: 2}, stop)
			requireSameResults(t, append(first, emitted(t, []Job{job}, Options{Resume: checkpoint})...), alone)
		}
		if cost, err := Cost(t.Context(), job); err != nil || !Bounded(job) || cost.Steps != func() (n int64) {
			for _, r := range want {
				n += r.Work.Steps
			}
			return n
		}() {
			t.Errorf("%s: cost %+v, %v, bounded %v", c.name, cost, err, Bounded(job))
		}
	}
}

// Distances are measured in either precision: steps that stay apart merge in neither, and a merged trajectory has the other's numbers.
func TestTrajectoriesMergeInSinglePrecision(t *testing.T) {
	const last, tolerance = 80, 1e-4
	apart := func(k int, x []float32) { x[1] = 2*x[1] + float32(k) }
	near := func(k int, x []float32) { x[0], x[1] = (x[0]+float32(math.Sin(float64(k))))/2, x[1]/4 }
	start := func() *optim.State { return state(array.From32([]float32{3, 1})) }
	for name, maps := range map[string]func(int, []float32){"apart": apart, "near": near} {
		m := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
			for _, k := range word {
				maps(k, s.Data.F32)
				s.Count++
			}
			return nil
		})
		want := emitted(t, []Job{{Arrangement: Backward{}, Initial: start(), Iterates: upTo(last), Maps: every(m)}}, Options{})
		merged := 0
		for i, r := range emitted(t, []Job{{Arrangement: Backward{Merge: tolerance}, Initial: start(), Iterates: upTo(last), Maps: every(m)}}, Options{}) {
			if r.Merged {
				merged++
			}
			if r.State == nil || want[i].State == nil {
				if r.State != want[i].State {
					t.Errorf("%s: iterate %d diverges with merging or without", name, r.Iterate)
				}
				continue
			}
			for j, v := range r.State.Data.F32 {
				if d := math.Abs(float64(v - want[i].State.Data.F32[j])); d > tolerance || !r.Merged && d != 0 {
					t.Errorf("%s: number %d of iterate %d is off by %g, merged %v", name, j, r.Iterate, d, r.Merged)
				}
			}
		}
		if merged == 0 != (name == "apart") {
			t.Errorf("%s: %d trajectories merged", name, merged)
		}
	}
}

func TestTrajectoriesThatStayApartDoNotMerge(t *testing.T) {
	job := Job{Arrangement: Backward{Merge: 1e-9}, Initial: point(0.5, 1), Iterates: upTo(60), Maps: every(steps(tangle))}
	want := emitted(t, []Job{{Arrangement: Backward{}, Initial: point(0.5, 1), Iterates: upTo(60), Maps: every(steps(tangle))}}, Options{})
	for i, r := range emitted(t, []Job{job}, Options{}) {
		if r.Merged || !r.State.Equal(want[i].State) || r.Work != want[i].Work {
			t.Errorf("iterate %d: merged %v after %+v, want %+v", r.Iterate, r.Merged, r.Work, want[i].Work)
		}
	}
}

func TestMergingIsRefusedWhereItMeansSomethingElse(t *testing.T) {
	job := Job{Name: "mine", Arrangement: Backward{Merge: 1}, Initial: point(0), Iterates: upTo(9), Maps: every(steps(shrinking)), CountMatters: true}
	_, err := Run(t.Context(), []Job{job}, Options{})
	if want := "compose: mine: iterate 1 merges, but its steps depend on how many were applied before"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	if err := (&Backward{ResetEvery: 2, ResetWhen: Improves, Merge: 1}).Validate(); err == nil || !strings.Contains(err.Error(), "a run has one of both") {
		t.Errorf("trials that merge: %v", err)
	}
	for _, c := range []Composition{
		{Base: 0, Words: [][]int{{1}, {1}}, Merge: 1}, {Base: 0, Words: [][]int{{1}}, Merge: -1}, {Base: 0, Words: [][]int{{1}}, Merge: 1, Group: &Group{}},
	} {
		if err := c.Check(1); err == nil || !strings.Contains(err.Error(), "iterate 1 merges within") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
