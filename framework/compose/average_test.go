package compose

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

func TestTailAverageIsTheMeanOfTheIteratesAfterItsStart(t *testing.T) {
	const last = 12
	chain := iterates(t, Forward{}, tangle, point(0.5, 1), last)
	for _, wanted := range [][]int{upTo(last), {2, 3, 4, 9, 12}} {
		for _, a := range []Arrangement{Forward{}, Backward{ResetEvery: 1}} {
			var seen, visits atomic.Int64
			job := Job{Arrangement: a, Initial: point(0.5, 1), Iterates: wanted, Averages: []TailAverage{{From: 3}, {From: 0}, {From: 100}}, Maps: every(counted(tangle, &seen))}
			visit := func(_ context.Context, _, _ int, s *optim.State) (any, error) {
				visits.Add(1)
				return s.Data.F64[0], nil
			}
			expectedVisits := 0
			for _, r := range emitted(t, []Job{job}, Options{Visit: visit}) {
				expectedVisits++
				for i, from := range []int{3, 0, 100} {
					want := chain[r.Iterate-1]
					if r.Iterate > from {
						want = []float64{0, 0}
						for _, x := range chain[from:r.Iterate] {
							want[0], want[1] = want[0]+x[0], want[1]+x[1]
						}
						want[0], want[1] = want[0]/float64(r.Iterate-from), want[1]/float64(r.Iterate-from)
						expectedVisits++
					}
					if got := r.Averages[i]; !slices.Equal(got.State.Data.F64, want) || got.Value != want[0] || got.State.Count != int64(r.Iterate) {
						t.Errorf("%T: average from %d at iterate %d is %v with value %v, want %v", a, from, r.Iterate, got.State, got.Value, want)
					}
				}
			}
			if seen.Load() != last || visits.Load() != int64(expectedVisits) {
				t.Errorf("%T: %d steps, want %d; %d visits, want %d", a, seen.Load(), last, visits.Load(), expectedVisits)
			}
		}
	}
}

func TestTailAverageIsRoundedOnce(t *testing.T) {
	maps := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
		for _, k := range word {
			s.Data.F32[0] = 1 + float32(k)*0x1p-23
		}
		return nil
	})
	job := Job{Arrangement: Forward{}, Initial: state(array.New(array.Float32, 1)), Iterates: []int{1000}, Averages: []TailAverage{{}}, Maps: every(maps)}
	r := emitted(t, []Job{job}, Options{})[0]
	if got, want := r.Averages[0].State.Data.F32[0], float32(1+500.5*0x1p-23); got != want {
		t.Errorf("mean %v, want %v", got, want)
	}
}

func TestTailAverageNeedsAChain(t *testing.T) {
	for _, c := range []struct {
		name string
		a    Arrangement
		last int
		want string
	}{
		{"backward", Backward{}, 9, "compose: mine: iterate 2 starts from iterate 0"},
		{"windows", Backward{Start: 5, ResetEvery: 3}, 9, "compose: mine: iterate 7 starts from iterate 5"},
		{"several words", table{1: {0, [][]int{{1}, {1}}}}, 1, "compose: mine: iterate 1 averages 2 words"},
	} {
		job := Job{Name: "mine", Arrangement: c.a, Initial: point(0), Iterates: []int{c.last}, Averages: []TailAverage{{}}}
		_, err := Run(t.Context(), []Job{job}, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestMeanThatOverflowsDiverges(t *testing.T) {
	huge := steps(func(k int, x []float64) { x[0] = math.MaxFloat64 })
	words := table{1: {0, [][]int{{1}, {1}}}, 2: {1, [][]int{{2}}}}
	for _, r := range emitted(t, []Job{{Arrangement: words, Initial: point(0), Iterates: upTo(2), Maps: every(huge)}}, Options{}) {
		if steps := []int{2, 0}[r.Iterate-1]; !r.Diverged() || r.Steps != steps {
			t.Errorf("iterate %d, which is or starts from a mean that overflows: diverged %v after %d steps, want %d", r.Iterate, r.Diverged(), r.Steps, steps)
		}
	}
	chain := Job{Arrangement: Forward{}, Initial: point(0), Iterates: upTo(2), Averages: []TailAverage{{}}, Maps: every(huge)}
	if r := emitted(t, []Job{chain}, Options{})[1]; r.Diverged() || !r.Averages[0].Diverged() {
		t.Errorf("iterate %v, tail average %v: only the second overflows", r.State, r.Averages[0].State)
	}
}

func TestWordsThatEndAtDifferentCountsHaveNoAverage(t *testing.T) {
	maps := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
		s.Count += int64(word[0])
		return nil
	})
	a := table{2: {0, [][]int{{1}, {2}}}}
	_, err := Run(t.Context(), []Job{{Name: "pair", Arrangement: a, Initial: point(0), Iterates: []int{2}, Maps: every(maps)}}, Options{Workers: 1})
	if want := "compose: pair: iterate 2: words end after 1 and after 2 applied steps"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestMeanOfWordsIsRoundedOnce(t *testing.T) {
	ends := []float32{1, 1.0000001, 1.0000002, 3e-8}
	maps := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
		s.Data.F32[0] = ends[word[0]-1]
		return nil
	})
	a := table{4: {0, [][]int{{1}, {2}, {3}, {4}}}}
	total := 0.0
	for _, v := range ends {
		total += float64(v)
	}
	for _, workers := range []int{1, 2, 8} {
		r := emitted(t, []Job{{Arrangement: a, Initial: state(array.New(array.Float32, 1)), Iterates: []int{4}, Maps: every(maps)}}, Options{Workers: workers})[0]
		if got, want := r.State.Data.F32[0], float32(total/4); got != want {
			t.Errorf("%d workers: mean %v, want %v", workers, got, want)
		}
	}
}
