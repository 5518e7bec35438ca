package compose

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// shortened returns jobs that end at an iterate, and know what stands behind it. It reports false if one of them takes other iterates in
// its averages than the whole one.
func shortened(jobs []Job, last int) (short []Job, same bool) {
	for _, j := range jobs {
		end, found := slices.BinarySearch(j.Iterates, last)
		if found {
			end++
		}
		whole := IsChain(j.Arrangement, j.last())
		j.Iterates, j.Beyond = j.Iterates[:end], j.Iterates[end:]
		if len(j.Averages) > 0 && whole != IsChain(j.Arrangement, j.last()) {
			return nil, false
		}
		short = append(short, j)
	}
	return short, true
}

func TestALongerRunGoesOnWithAFinishedOne(t *testing.T) {
	tried := 0
	for seed := range uint64(30) {
		jobs, _ := randomJobs(t, rand.New(rand.NewPCG(seed, 6)), steps(tangle))
		whole := emitted(t, jobs, Options{})
		for last := range 15 {
			short, same := shortened(jobs, last)
			if !same {
				continue
			}
			tried++
			var end Checkpoint
			first, err := collect(t.Context(), short, Options{Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			if end, err = Run(t.Context(), short, Options{Workers: 2, Visit: copies, Score: scoreOfCopy}); err != nil {
				t.Fatal(err)
			}
			rest, err := collect(t.Context(), jobs, Options{Resume: end})
			if err != nil {
				t.Fatalf("seed %d, from iterate %d on: %v", seed, last, err)
			}
			requireSameResults(t, slices.Concat(first, rest), whole)
			if t.Failed() {
				t.Fatalf("seed %d, from iterate %d on", seed, last)
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d runs were made longer", tried)
	}
}

func TestWhatStandsBehindTheEndIsNotComputed(t *testing.T) {
	j := Job{Arrangement: Backward{ResetEvery: 4}, Initial: point(0, 0), Iterates: []int{3, 6}, Beyond: []int{9, 10}, Maps: every(steps(func(k int, x []float64) {
		if k > 6 {
			panic(fmt.Sprint("batch ", k))
		}
		tangle(k, x)
	}))}
	c, err := Run(t.Context(), []Job{j}, Options{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Points) != 1 || c.Points[0].Iterate != 4 {
		t.Errorf("kept are %+v, want iterate 4", c.Points)
	}
	with, err := Cost(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	j.Beyond = nil
	if without, _ := Cost(t.Context(), j); with != without {
		t.Errorf("iterates behind the end cost: %+v and %+v", with, without)
	}
}

// finite has no iterate behind the third.
type finite struct{ Forward }

func (f finite) Compose(n int) Composition {
	if n > 3 {
		return Composition{}
	}
	return f.Forward.Compose(n)
}

func TestArrangementsMayEndWhereTheRunDoes(t *testing.T) {
	j := Job{Arrangement: finite{}, Initial: point(0, 0), Iterates: upTo(3), Beyond: []int{4}, Maps: every(steps(tangle))}
	if got := emitted(t, []Job{j}, Options{}); len(got) != 3 {
		t.Errorf("%d results", len(got))
	}
	j.Beyond = []int{3}
	if _, err := Run(t.Context(), []Job{j}, Options{}); err != nil {
		t.Errorf("what cannot stand behind the end is passed over: %v", err)
	}
}

func TestACheckpointWithoutWhatALongerRunNeedsIsNotItsOwn(t *testing.T) {
	j := Job{Arrangement: Forward{}, Initial: point(0, 0), Iterates: upTo(3), Maps: every(steps(tangle))}
	end, err := Run(t.Context(), []Job{j}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	j.Iterates = upTo(4)
	if _, err := Run(t.Context(), []Job{j}, Options{Resume: end}); !errors.Is(err, ErrCheckpoint) {
		t.Errorf("error %v", err)
	}
}
