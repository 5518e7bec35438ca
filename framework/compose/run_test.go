package compose

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// sleepy makes every step take a random time, so that workers overtake each other.
func sleepy(f steps) steps {
	return func(k int, x []float64) {
		time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond)
		f(k, x)
	}
}

// randomJobs returns jobs of several kinds, with the steps that they cost.
func randomJobs(t *testing.T, r *rand.Rand, f steps) (jobs []Job, cost int64) {
	t.Helper()
	const last = 14
	for i := range 8 {
		j := Job{Name: fmt.Sprint("job ", i), Initial: point(r.NormFloat64(), r.NormFloat64()), Iterates: thinned(r, last), Maps: every(f)}
		switch i {
		case 0:
			j.Arrangement, j.Averages = Forward{}, []Average{{From: 4}, {From: 0}, {Kind: Exponential, Decay: 0.75, From: 2}, {Kind: Latest, Window: 3}}
		case 1:
			j.Arrangement = Backward{Start: r.IntN(3), ResetEvery: r.IntN(6)}
			j.Averages = []Average{{From: 3}, {Kind: Exponential, Decay: 0.75}, {Kind: Latest, Window: 2, From: 1}}
		case 2:
			j.Arrangement = Backward{Start: r.IntN(3), ResetEvery: 1 + r.IntN(5), ResetWhen: Improves}
		case 3:
			j.Arrangement, j.Successive = Backward{Start: r.IntN(3)}, true
			j.Period = 1 + r.IntN(5)
			j.Maps = every(repeated(f, j.Period))
		default:
			j.Arrangement = randomTable(r, last)
		}
		c, err := Cost(t.Context(), j)
		if err != nil {
			t.Fatal(err)
		}
		jobs, cost = append(jobs, j), cost+c.Steps
	}
	return jobs, cost
}

// repeated are maps with T_{k+period} = T_k.
func repeated(f steps, period int) steps {
	return func(k int, x []float64) { f((k-1)%period+1, x) }
}

// settled returns a job's arrangement by the definition of trials: each is compared with what it starts from.
func settled(j Job, f steps) Arrangement {
	a, is := IsAdaptive(j.Arrangement, j.last())
	if !is {
		return j.Arrangement
	}
	var accepted []int
	for n := 1; n <= j.last(); n++ {
		if now := a.Accepted(accepted); a.Trial(n) {
			trial, base := byDefinition(now, f, j.Initial, n), byDefinition(now, f, j.Initial, now.Compose(n).Base)
			if first(trial) < first(base) {
				accepted = append(accepted, n)
			}
		}
	}
	return a.Accepted(accepted)
}

func TestResultsFollowTheDefinitionForAnyNumberOfWorkers(t *testing.T) {
	for seed := range uint64(40) {
		var alone []result
		for _, workers := range []int{1, 2, 8} {
			synctest.Test(t, func(t *testing.T) {
				var seen, visits, progress atomic.Int64
				jobs, cost := randomJobs(t, rand.New(rand.NewPCG(seed, 3)), counted(sleepy(tangle), &seen))
				results := emitted(t, jobs, Options{
					Workers: workers,
					Visit: func(_ context.Context, worker int, v Visited) (any, error) {
						visits.Add(1)
						time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond)
						return v.State.Data.F64[0], nil
					},
					Progress: func(steps int) { progress.Add(int64(steps)) },
				})

				total, states := int64(0), int64(0)
				for _, r := range results {
					j, f := jobs[r.Job], steps(tangle)
					if j.Period > 0 {
						f = repeated(f, j.Period)
					}
					if want := byDefinition(settled(j, f), f, j.Initial, r.Iterate); !r.State.Equal(want) {
						t.Errorf("seed %d, %d workers, %s: iterate %d is %v, want %v", seed, workers, j.Name, r.Iterate, r.State, want)
					}
					if r.Value != r.State.Data.F64[0] {
						t.Errorf("seed %d, %d workers, %s: iterate %d comes with another state's value", seed, workers, j.Name, r.Iterate)
					}
					total += r.Work.Steps
					states++
					for _, a := range j.Averages {
						if r.Iterate > a.From {
							states++
						}
					}
				}
				unseen := visits.Load() - states // of trials, and of what the first starts from
				if adaptive, err := Cost(t.Context(), jobs[2]); err != nil || unseen != adaptive.Extra {
					t.Errorf("seed %d, %d workers: %d visits of %d states, error %v", seed, workers, visits.Load(), states, err)
				}
				if seen.Load() > cost || total != seen.Load() || progress.Load() != total {
					t.Errorf("seed %d, %d workers: Cost says %d steps, the maps saw %d, the results say %d, the progress %d", seed, workers, cost, seen.Load(), total, progress.Load())
				}
				requireOrder(t, jobs, results)
				if workers == 1 {
					alone = results
				}
				requireSameResults(t, results, alone)
			})
		}
	}
}

// requireOrder checks that the results are all that the jobs want, by iterate and job.
func requireOrder(t *testing.T, jobs []Job, results []result) {
	t.Helper()
	var got, want [][2]int
	for _, r := range results {
		got = append(got, [2]int{r.Iterate, r.Job})
	}
	for i, j := range jobs {
		for _, n := range j.Iterates {
			want = append(want, [2]int{n, i})
		}
	}
	slices.SortFunc(want, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	if !slices.Equal(got, want) {
		t.Errorf("results come as (iterate, job)\n%v, want\n%v", got, want)
	}
}

// requireSameResults compares everything but the time.
func requireSameResults(t *testing.T, got, want []result) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d results, want %d", len(got), len(want))
		return
	}
	same := func(a, b evaluated) bool {
		return a.Diverged() == b.Diverged() && (a.Diverged() || a.State.Equal(b.State)) && a.Value == b.Value
	}
	for i, g := range got {
		w := want[i]
		if g.Job != w.Job || g.Iterate != w.Iterate || g.Work != w.Work || !same(g.evaluated, w.evaluated) || !slices.EqualFunc(g.Averages, w.Averages, same) {
			t.Errorf("result %d is %+v, want %+v", i, g, w)
		}
	}
}

func TestStepsCountWhatAResultIsTheFirstToNeed(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		want     []int64
	}{
		{"forward", Forward{}, []int{1, 2, 3}, []int64{1, 1, 1}},
		{"forward, thinned: since the one before", Forward{}, []int{3, 4, 9}, []int64{3, 1, 5}},
		{"backward: n", Backward{}, []int{1, 5, 9}, []int64{1, 5, 9}},
		{"a shared base counts for the first that needs it", Backward{ResetEvery: 10}, []int{9, 15, 16, 22}, []int64{9, 10 + 5, 6, 10 + 2}},
		{"words count all", table{1: {Base: 0, Words: [][]int{{1}, {1}, {1}}}, 2: {Base: 1, Words: [][]int{{2}}}}, []int{1, 2}, []int64{3, 1}},
	} {
		var got []int64
		for _, r := range emitted(t, []Job{{Arrangement: c.a, Initial: point(0, 0), Iterates: c.iterates, Maps: every(steps(tangle))}}, Options{}) {
			got = append(got, r.Work.Steps)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: steps %v, want %v", c.name, got, c.want)
		}
	}
}

func TestResultsAreEmittedAsSoonAsTheirPredecessorsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		second := steps(func(int, []float64) { time.Sleep(time.Second) })
		want := map[int]time.Duration{}
		for n := 1; n <= 12; n++ { // the workers take turns, until the last four iterates are in sight
			want[n] = want[n-2] + time.Duration(n)
		}
		emit := func(r Result, _ func() Checkpoint) error {
			if took := time.Since(start); r.Iterate <= 8 && took != want[r.Iterate]*time.Second {
				t.Errorf("iterate %d is emitted after %v, want %ds", r.Iterate, took, want[r.Iterate])
			}
			if r.Time != time.Duration(r.Iterate)*time.Second {
				t.Errorf("iterate %d took %v, want a second for each of its steps", r.Iterate, r.Time)
			}
			return nil
		}
		emitted(t, []Job{{Arrangement: Backward{}, Initial: point(0), Iterates: upTo(12), Maps: every(second)}}, Options{Workers: 2, Emit: emit})
	})
}

func TestTheLongestChainsStartFirstAtTheEnd(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		want     time.Duration
	}{
		{"chains of 1, 2, 3 and 6 steps", Backward{}, []int{1, 2, 3, 6}, 6},
		{"a chain of many nodes, and short ones", table{
			1: {Base: 0, Words: [][]int{{1}}}, 2: {Base: 0, Words: [][]int{{1}}}, 3: {Base: 0, Words: [][]int{{1}}}, 4: {Base: 0, Words: [][]int{{1, 1, 1}}},
			5: {Base: 4, Words: [][]int{{5}}}, 6: {Base: 5, Words: [][]int{{6}}}, 7: {Base: 0, Words: [][]int{{1, 1}}},
		}, []int{1, 2, 3, 4, 5, 6, 7}, 5},
	} {
		synctest.Test(t, func(t *testing.T) {
			second := steps(func(int, []float64) { time.Sleep(time.Second) })
			start := time.Now()
			jobs := []Job{{Arrangement: c.a, Initial: point(0), Iterates: c.iterates, Maps: every(second)}, {Arrangement: Forward{}, Initial: point(0), Maps: every(second)}}
			emitted(t, jobs, Options{Workers: 2})
			if took := time.Since(start); took != c.want*time.Second {
				t.Errorf("%s took two workers %v, want %ds", c.name, took, c.want)
			}
		})
	}
}

func TestChainGoesOnWhileItsIteratesAreVisited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		second := steps(func(int, []float64) { time.Sleep(time.Second) })
		visit := func(context.Context, int, Visited) (any, error) {
			time.Sleep(time.Second)
			return nil, nil
		}
		emitted(t, []Job{{Arrangement: Forward{}, Initial: point(0), Iterates: upTo(10), Maps: every(second)}}, Options{Workers: 2, Visit: visit})
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("10 steps and visits of a second each took two workers %v, want 11s", took)
		}
	})
}

func TestWordsOfOneIterateRunInParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		second := steps(func(int, []float64) { time.Sleep(time.Second) })
		a := table{1: {Base: 0, Words: [][]int{{1}, {1}, {1}, {1}}}}
		emitted(t, []Job{{Arrangement: a, Initial: point(0), Iterates: []int{1}, Maps: every(second)}}, Options{Workers: 2})
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("four words of a second took two workers %v, want 2s", took)
		}
	})
}

func TestMapsBelongToOneWorkerAndOneJob(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const workers = 3
		var made [2][workers]atomic.Int64
		var jobs []Job
		for i := range made {
			jobs = append(jobs, Job{Arrangement: Backward{}, Initial: point(0, 0), Iterates: upTo(10), Maps: func(worker int) (Maps, error) {
				made[i][worker].Add(1)
				busy := false
				return sleepy(func(k int, x []float64) {
					if busy {
						t.Error("two goroutines use one Maps")
					}
					busy = true
					time.Sleep(time.Millisecond)
					busy = false
				}), nil
			}})
		}
		emitted(t, jobs, Options{Workers: workers})
		for i := range made {
			all := int64(0)
			for w := range made[i] {
				n := made[i][w].Load()
				if n > 1 {
					t.Errorf("the maps of job %d were made %d times for worker %d", i, n, w)
				}
				all += n
			}
			if all == 0 { // which workers get to a job is chance, but somebody does
				t.Errorf("the maps of job %d were never made", i)
			}
		}
	})
}

func TestPiecesTakeFiftyToHundredMilliseconds(t *testing.T) {
	for _, c := range []struct {
		name string
		step func(k int) time.Duration // k counts down from 300
		want []int                     // the first pieces
	}{
		{"they grow while they are short", func(int) time.Duration { return time.Millisecond }, []int{1, 2, 4, 8, 16, 32, 64, 64, 64, 45}},
		{"a long step is a piece", func(int) time.Duration { return time.Second }, []int{1, 1, 1}},
		{"they shrink when steps get slower", func(k int) time.Duration {
			if k > 300-63 {
				return time.Millisecond
			}
			return 20 * time.Millisecond
		}, []int{1, 2, 4, 8, 16, 32, 64, 32, 16, 8, 4, 4, 4}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var pieces []int
			maps := mapsFunc(func(_ context.Context, _ *optim.State, word []int) error {
				pieces = append(pieces, len(word))
				for _, k := range word {
					time.Sleep(c.step(k))
				}
				return nil
			})
			emitted(t, []Job{{Arrangement: Backward{}, Initial: point(0), Iterates: []int{300}, Maps: every(maps)}}, Options{Workers: 1})
			if !slices.Equal(pieces[:len(c.want)], c.want) {
				t.Errorf("%s: pieces of %v letters, want %v", c.name, pieces, c.want)
			}
		})
	}
}

func TestThinnedChainsAreAppliedAsWords(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		averages []Average
		want     []int
	}{
		{"forward", Forward{}, nil, []int{1, 2, 4, 3, 8, 2}},
		{"up to the start of an average", Forward{}, []Average{{From: 16}, {From: 18}}, []int{1, 2, 4, 3, 7, 1, 1, 1}},
		{"forward, then backward", Backward{Start: 17}, nil, []int{1, 2, 4, 3, 8, 2}},
	} {
		var words []int
		maps := mapsFunc(func(_ context.Context, _ *optim.State, word []int) error {
			words = append(words, len(word))
			return nil
		})
		synctest.Test(t, func(t *testing.T) {
			emitted(t, []Job{{Arrangement: c.a, Initial: point(0), Iterates: []int{10, 20}, Averages: c.averages, Maps: every(maps)}}, Options{Workers: 1})
		})
		if !slices.Equal(words, c.want) {
			t.Errorf("%s: words of %v letters, want %v", c.name, words, c.want)
		}
	}
}

func TestWorkRunsAheadOnlySoFar(t *testing.T) {
	const bytes = 8 // of the state
	for _, c := range []struct {
		name    string
		memory  int64
		workers int
		keep    bool
		want    int // iterates started when the first is done
	}{
		{"without a bound two for each worker", 0, 3, false, 6},
		{"with one as many as fit, and what is evaluated is forgotten", 2 * bytes, 3, false, 6},
		{"what results hold is not", 2 * bytes, 3, true, 2},
		{"what comes next starts even if nothing fits", 1, 3, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			var started, early atomic.Int64
			maps := mapsFunc(func(_ context.Context, _ *optim.State, word []int) error {
				started.Add(1)
				if word[0] == 1 {
					time.Sleep(time.Second)
					early.Store(started.Load())
				}
				return nil
			})
			a := table{}
			for n := range 21 {
				a = append(a, Composition{Base: 0, Words: [][]int{{n}}})
			}
			results := emitted(t, []Job{{Arrangement: a, Initial: point(0), Iterates: upTo(20), Maps: every(maps)}}, Options{Workers: c.workers, Memory: c.memory, Keep: c.keep})
			if early.Load() != int64(c.want) || len(results) != 20 {
				t.Errorf("%s: %d iterates had started when the first was done, want %d; %d of 20 results", c.name, early.Load(), c.want, len(results))
			}
		})
	}
}

func TestMemoryCountsWhatLaterIteratesStartFrom(t *testing.T) {
	const bytes = 8 // of the state
	fan := table{1: {Base: 0, Words: [][]int{{1}}}}
	for n := 2; n <= 9; n++ {
		fan = append(fan, Composition{Base: 1, Words: [][]int{{n}}})
	}
	second := steps(func(int, []float64) { time.Sleep(time.Second) })
	for _, c := range []struct {
		name   string
		memory int64
		want   time.Duration // for iterates 2 to 9
	}{
		{"the base and one more", 2 * bytes, 8 * time.Second},
		{"the base and two more", 3 * bytes, 4 * time.Second},
		{"no bound", 0, 4 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			jobs := []Job{{Arrangement: fan, Initial: point(0), Iterates: upTo(9), Maps: every(second)}}
			start := time.Now()
			emitted(t, jobs, Options{Workers: 2, Memory: c.memory})
			if took := time.Since(start) - time.Second; took != c.want {
				t.Errorf("%s: eight steps took two workers %v, want %v", c.name, took, c.want)
			}

			_, checkpoint := interrupted(t, jobs, Options{Workers: 1}, 1)
			start = time.Now()
			emitted(t, jobs, Options{Workers: 2, Memory: c.memory, Resume: checkpoint})
			if took := time.Since(start); took != c.want {
				t.Errorf("%s, resumed: eight steps took two workers %v, want %v", c.name, took, c.want)
			}
		})
	}
}

// copies is a Visit that returns a copy of the state.
func copies(_ context.Context, _ int, v Visited) (any, error) { return v.State.Clone(), nil }

func scoreOfCopy(value any) float64 { return first(value.(*optim.State)) }

func TestNothingIsKeptWhenTheRunIsOver(t *testing.T) {
	for seed := range uint64(10) {
		jobs, _ := randomJobs(t, rand.New(rand.NewPCG(seed, 5)), tangle)
		e, err := newExecutor(t.Context(), jobs, Options{Workers: 1, Visit: copies, Score: scoreOfCopy})
		if err != nil {
			t.Fatal(err)
		}
		e.work(t.Context(), newWorker(e, 0))
		for _, n := range e.nodes {
			if n.point.State != nil || n.mean != nil || n.evaluated != nil {
				t.Errorf("seed %d: iterate %d of job %d is kept", seed, n.iterate, n.job)
			}
		}
		if e.live != 0 {
			t.Errorf("seed %d: %d bytes are counted", seed, e.live)
		}
	}
}

func TestWordsOfOneIterateRunAheadByOneForEachWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var started, early atomic.Int64
		maps := mapsFunc(func(_ context.Context, _ *optim.State, word []int) error {
			started.Add(1)
			if word[0] == 1 {
				time.Sleep(time.Second)
				early.Store(started.Load())
			}
			return nil
		})
		a := table{8: {Base: 0, Words: [][]int{{1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}}}}
		emitted(t, []Job{{Arrangement: a, Initial: point(0), Iterates: []int{8}, Maps: every(maps)}}, Options{Workers: 3})
		if early.Load() != 3 || started.Load() != 8 {
			t.Errorf("%d of %d words had started when the first was done, want 3", early.Load(), started.Load())
		}
	})
}

func TestMemoryCountsAllThatAveragesRemember(t *testing.T) {
	const bytes, numbers = 8, 2
	for _, c := range []struct {
		averages []Average
		want     int64
	}{
		{nil, numbers * bytes},
		{[]Average{{}, {Kind: Exponential}}, 3 * numbers * bytes},
		{[]Average{{Kind: Latest, Window: 5}}, 6 * numbers * bytes},
	} {
		job := Job{Arrangement: Forward{}, Initial: point(0, 0), Iterates: upTo(3), Averages: c.averages, Maps: every(steps(tangle))}
		e, err := newExecutor(t.Context(), []Job{job}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := e.size(e.nodes[0]); got != c.want {
			t.Errorf("%+v: %d bytes, want %d", c.averages, got, c.want)
		}
	}
}
