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
			job := Job{Arrangement: a, Initial: point(0.5, 1), Iterates: wanted, Averages: []Average{{From: 3}, {From: 0}, {From: 100}}, Maps: every(counted(tangle, &seen))}
			visit := func(_ context.Context, _ int, v Visited) (any, error) {
				visits.Add(1)
				return v.State.Data.F64[0], nil
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

// meanOf computes an average from all states that it takes in, oldest first.
func meanOf(a Average, states []*optim.State) []float64 {
	if a.Kind == Latest {
		states = states[max(0, len(states)-a.Window):]
	}
	mean := make([]float64, 2)
	for p := range mean {
		for i, s := range states {
			switch x := s.Data.F64[p]; {
			case a.Kind != Exponential:
				mean[p] += x / float64(len(states))
			case i == 0:
				mean[p] = x
			default:
				mean[p] += (1 - a.Decay) * (x - mean[p])
			}
		}
	}
	return mean
}

func TestAveragesTakeInAllIteratesOfAChainAndElsewhereTheWantedOnes(t *testing.T) {
	wanted := []int{2, 3, 4, 7, 9, 12}
	averages := []Average{{From: 3}, {From: 0}, {Kind: Exponential, Decay: 0.8}, {Kind: Exponential, Decay: 0.5, From: 5}, {Kind: Latest, Window: 2}, {Kind: Latest, Window: 4, From: 3}}
	for _, c := range []struct {
		a     Arrangement
		takes []int
	}{
		{Forward{}, upTo(12)},
		{Backward{ResetEvery: 1}, upTo(12)},
		{Backward{}, wanted},
		{Backward{ResetEvery: 5}, wanted},
		{OrderAverage{Window: 4, Method: Exact}, wanted},
		{Backward{ResetEvery: 3, ResetWhen: Improves}, wanted},
	} {
		job := Job{Arrangement: c.a, Initial: point(0.5, 1), Iterates: wanted, Averages: averages, Maps: every(steps(tangle))}
		by := settled(job, tangle)
		for _, r := range emitted(t, []Job{job}, Options{}) {
			for i, a := range averages {
				var states []*optim.State
				for _, n := range c.takes {
					if n > a.From && n <= r.Iterate {
						states = append(states, byDefinition(by, tangle, point(0.5, 1), n))
					}
				}
				want := r.State.Data.F64
				if len(states) > 0 {
					want = meanOf(a, states)
				}
				if got := r.Averages[i].State.Data.F64; distance(got, want) > 1e-14 {
					t.Errorf("%+v: average %+v at iterate %d is %v, want %v", c.a, a, r.Iterate, got, want)
				}
			}
		}
	}
}

func TestAnAverageThatTookInADivergedIterateDiverges(t *testing.T) {
	explodes := steps(func(k int, x []float64) {
		if x[0] = float64(k); k == 3 {
			x[0] = math.NaN()
		}
	})
	a := table{}
	for n := range 9 {
		a = append(a, Composition{Base: 0, Words: [][]int{{n}}})
	}
	job := Job{Arrangement: a, Initial: point(0), Iterates: upTo(8), Averages: []Average{{}, {Kind: Latest, Window: 2}}, Maps: every(explodes)}
	for _, r := range emitted(t, []Job{job}, Options{}) {
		if tail := r.Averages[0]; tail.Diverged() != (r.Iterate >= 3) {
			t.Errorf("the mean up to iterate %d is %v", r.Iterate, tail.State)
		}
		if latest := r.Averages[1]; latest.Diverged() != (r.Iterate == 3 || r.Iterate == 4) {
			t.Errorf("the mean of iterates %d and %d is %v", r.Iterate-1, r.Iterate, latest.State)
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
	job := Job{Arrangement: Forward{}, Initial: state(array.New(array.Float32, 1)), Iterates: []int{1000}, Averages: []Average{{}}, Maps: every(maps)}
	r := emitted(t, []Job{job}, Options{})[0]
	if got, want := r.Averages[0].State.Data.F32[0], float32(1+500.5*0x1p-23); got != want {
		t.Errorf("mean %v, want %v", got, want)
	}
}

func TestMeanThatOverflowsDiverges(t *testing.T) {
	huge := steps(func(k int, x []float64) { x[0] = math.MaxFloat64 })
	words := table{1: {Base: 0, Words: [][]int{{1}, {1}}}, 2: {Base: 1, Words: [][]int{{2}}}}
	for _, r := range emitted(t, []Job{{Arrangement: words, Initial: point(0), Iterates: upTo(2), Maps: every(huge)}}, Options{}) {
		if steps := []int64{2, 0}[r.Iterate-1]; !r.Diverged() || r.Work.Steps != steps {
			t.Errorf("iterate %d, which is or starts from a mean that overflows: diverged %v after %d steps, want %d", r.Iterate, r.Diverged(), r.Work.Steps, steps)
		}
	}
	chain := Job{Arrangement: Forward{}, Initial: point(0), Iterates: upTo(2), Averages: []Average{{}}, Maps: every(huge)}
	if r := emitted(t, []Job{chain}, Options{})[1]; r.Diverged() || !r.Averages[0].Diverged() {
		t.Errorf("iterate %v, tail average %v: only the second overflows", r.State, r.Averages[0].State)
	}
}

func TestWordsThatEndAtDifferentCountsHaveNoAverage(t *testing.T) {
	maps := mapsFunc(func(_ context.Context, s *optim.State, word []int) error {
		s.Count += int64(word[0])
		return nil
	})
	a := table{2: {Base: 0, Words: [][]int{{1}, {2}}}}
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
	a := table{4: {Base: 0, Words: [][]int{{1}, {2}, {3}, {4}}}}
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
