package compose

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

var errStop = errors.New("stop")

// interrupted runs jobs until so many results are emitted, and returns them with a copy of the checkpoint.
func interrupted(t *testing.T, jobs []Job, o Options, results int) ([]result, Checkpoint) {
	t.Helper()
	c := o.Resume
	count := c.Results
	o.Emit = func(_ Result, checkpoint func() Checkpoint) error {
		if count == results {
			return errStop
		}
		count++
		c = checkpoint()
		for i, p := range c.Points {
			if p.State != nil {
				c.Points[i].State = p.State.Clone()
			}
		}
		return nil
	}
	first, err := collect(t.Context(), jobs, o)
	if err != nil && !errors.Is(err, errStop) {
		t.Fatal(err)
	}
	return first, c
}

func TestResumedRunEqualsTheWholeOne(t *testing.T) {
	explodes := steps(func(k int, x []float64) {
		tangle(k, x)
		if k == 11 {
			x[0] = math.NaN()
		}
	})
	for seed := range uint64(15) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 4))
			f := steps(tangle)
			if seed%3 == 0 {
				f = explodes
			}
			jobs, _ := randomJobs(t, r, sleepy(f))
			o := Options{Workers: 3}
			whole := emitted(t, jobs, o)
			for results := 0; results <= len(whole); results++ {
				first, c := interrupted(t, jobs, o, results)
				if c.Results != results {
					t.Fatalf("seed %d: the checkpoint stands after %d results, want %d", seed, c.Results, results)
				}
				// Once more, so that a checkpoint of a resumed run is tested too.
				second, c := interrupted(t, jobs, Options{Workers: 2, Resume: c}, min(results+2, len(whole)))
				third := emitted(t, jobs, Options{Workers: 2, Resume: c})
				requireSameResults(t, slices.Concat(first, second, third), whole)
			}
		})
	}
}

func TestCheckpointHoldsWhatTheRestStartsFrom(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		after    int // results
		want     []int
	}{
		{"forward: the newest iterate", Forward{}, upTo(9), 4, []int{4}},
		{"backward: nothing", Backward{}, upTo(9), 4, nil},
		{"windows: the base", Backward{ResetEvery: 3}, upTo(9), 5, []int{3}},
		{"windows: the base, before anything starts from it", Backward{ResetEvery: 3}, upTo(9), 3, []int{3}},
		{"windows: not a base that is done with", Backward{ResetEvery: 3}, upTo(9), 6, []int{6}},
		{"an unwanted base", Backward{ResetEvery: 4}, []int{3, 6, 7, 8}, 2, []int{4}},
		{"the end: nothing", Forward{}, upTo(9), 9, nil},
	} {
		_, checkpoint := interrupted(t, []Job{{Arrangement: c.a, Initial: point(0, 0), Iterates: c.iterates, Maps: every(steps(tangle))}}, Options{Workers: 4}, c.after)
		var got []int
		for _, p := range checkpoint.Points {
			got = append(got, p.Iterate)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: iterates %v, want %v", c.name, got, c.want)
		}
	}
}

func TestResumeRefusesCheckpointsOfOtherJobs(t *testing.T) {
	jobs := []Job{{Name: "first", Arrangement: Forward{}, Initial: point(0, 0), Iterates: upTo(9), Averages: []Average{{}}, Maps: every(steps(tangle))}}
	_, good := interrupted(t, jobs, Options{}, 4)
	with := func(change func(*Point)) Checkpoint {
		p := good.Points[0]
		change(&p)
		return Checkpoint{Results: 4, Points: []Point{p}}
	}
	for _, c := range []struct {
		name       string
		checkpoint Checkpoint
		want       string
	}{
		{"too far", Checkpoint{Results: 10}, "compose: the checkpoint is not one of these jobs: it stands after 10 results, and there are only 9"},
		{"no states", Checkpoint{Results: 4}, "compose: the checkpoint is not one of these jobs: first: it lacks iterate 4"},
		{"another iterate's state", with(func(p *Point) { p.Iterate = 3 }), "compose: the checkpoint is not one of these jobs: first: it lacks iterate 4"},
		{"another job's state", with(func(p *Point) { p.Job = 1 }), "compose: the checkpoint is not one of these jobs: first: it lacks iterate 4"},
		{"another layout", with(func(p *Point) { p.State = point(0, 0, 0) }), "compose: the checkpoint is not one of these jobs: first: its iterate 4 has another layout"},
		{"another precision", with(func(p *Point) { p.State = state(array.New(array.Float32, 2)) }), "compose: the checkpoint is not one of these jobs: first: its iterate 4 has another layout"},
		{"other averages", with(func(p *Point) { p.Averages = nil }), "compose: the checkpoint is not one of these jobs: first: its iterate 4 has another layout"},
		{"sums of another size", with(func(p *Point) { p.Averages = []Memory{{{1}}} }), "compose: the checkpoint is not one of these jobs: first: its iterate 4 has another layout"},
	} {
		if _, err := Run(t.Context(), jobs, Options{Resume: c.checkpoint}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestTheCheckpointThatRunReturnsIsWhereItStopped(t *testing.T) {
	for seed := range uint64(10) {
		jobs, _ := randomJobs(t, rand.New(rand.NewPCG(seed, 5)), steps(tangle))
		whole := emitted(t, jobs, Options{})
		for stop := range len(whole) + 1 {
			count := 0
			c, err := Run(t.Context(), jobs, Options{Workers: 3, Visit: copies, Score: scoreOfCopy, Emit: func(Result, func() Checkpoint) error {
				if count == stop {
					return errStop
				}
				count++
				return nil
			}})
			if c.Results != stop || (err == nil) != (stop == len(whole)) {
				t.Fatalf("seed %d: stopped after %d results, it says %d, %v", seed, stop, c.Results, err)
			}
			requireSameResults(t, slices.Concat(whole[:stop], emitted(t, jobs, Options{Workers: 2, Resume: c})), whole)
		}
	}
}
