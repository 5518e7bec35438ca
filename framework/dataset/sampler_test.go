package dataset

import (
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

func sampler(t *testing.T, n, batch int, kind string, cycle int, seed uint64) *Sampler {
	t.Helper()
	s, err := NewSampler(n, batch, kind, cycle, seed)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// batches returns batches from, from+1, …, to−1.
func batches(s *Sampler, from, to int) [][]int {
	var list [][]int
	for k := from; k < to; k++ {
		list = append(list, s.Indices(k, nil))
	}
	return list
}

// checkChiSquare fails if counts are farther from what is expected, or closer to it, than chance allows once in 10,000 times.
// Dispersion is the factor by which their variance differs from a multinomial's.
func checkChiSquare(t *testing.T, what string, counts []int, expected, dispersion float64) {
	t.Helper()
	var x float64
	for _, c := range counts {
		x += (float64(c) - expected) * (float64(c) - expected) / expected
	}
	x /= dispersion
	law := distuv.ChiSquared{K: float64(len(counts) - 1)}
	if low, high := law.Quantile(0.5e-4), law.Quantile(1-0.5e-4); x < low || x > high {
		t.Errorf("%s: chi-square of %d counts is %.1f, outside [%.1f, %.1f]", what, len(counts), x, low, high)
	}
}

// The numbers are from an independent implementation in Python of SplitMix64, PCG-DXSM, Lemire's bounded numbers and
// Fisher-Yates.
func TestSeedMeansTheSameBatchesForEver(t *testing.T) {
	for _, c := range []struct {
		n    int
		kind string
		seed uint64
		k    int
		want []int
	}{
		{60000, IID, 7, 1, []int{50713, 40489, 31142, 21327, 1178, 32222}},
		{60000, IID, 7, 2000, []int{29385, 23255, 10740, 49085, 34183, 24527}},
		{64, IID, math.MaxUint64, 1, []int{4, 36, 11, 25, 29, 18}},
		{45, Shuffle, 7, 1, []int{44, 7, 31, 3, 19, 10}},
		{45, Shuffle, 7, 2000, []int{28, 2, 30, 17, 25, 27}},
	} {
		if got := sampler(t, c.n, 6, c.kind, 0, c.seed).Indices(c.k, nil); !slices.Equal(got, c.want) {
			t.Errorf("%s, n = %d, seed %d: batch %d is %v, want %v", c.kind, c.n, c.seed, c.k, got, c.want)
		}
	}
}

func TestIIDIsUniform(t *testing.T) {
	s := sampler(t, 50, 10, IID, 0, 1)
	counts := make([]int, 50)
	for _, batch := range batches(s, 1, 2001) {
		for _, i := range batch {
			counts[i]++
		}
	}
	checkChiSquare(t, "indices", counts, 400, 1)
}

func TestIIDIsIndependent(t *testing.T) {
	const n = 10
	pair := func(count int, of func(i int) (int, int)) []int {
		counts := make([]int, n*n)
		for i := range count {
			a, b := of(i)
			counts[a*n+b]++
		}
		return counts
	}
	first := func(k int, seed uint64) int { return sampler(t, n, 2, IID, 0, seed).Indices(k, nil)[0] }
	for what, of := range map[string]func(i int) (int, int){
		"within a batch":     func(i int) (int, int) { b := sampler(t, n, 2, IID, 0, 3).Indices(i+1, nil); return b[0], b[1] },
		"neighbouring k":     func(i int) (int, int) { return first(2*i+1, 3), first(2*i+2, 3) },
		"neighbouring seeds": func(i int) (int, int) { return first(1, uint64(2*i)), first(1, uint64(2*i+1)) },
		"seed and k swapped": func(i int) (int, int) { return first(2*i+2, uint64(2*i+1)), first(2*i+1, uint64(2*i+2)) },
	} {
		checkChiSquare(t, what, pair(10000, of), 100, 1)
	}
}

func TestShuffleHoldsEveryExampleOncePerEpoch(t *testing.T) {
	for _, c := range []struct{ n, batch, perEpoch, dropped int }{{40, 8, 5, 0}, {43, 8, 5, 3}, {8, 8, 1, 0}, {15, 8, 1, 7}, {5, 1, 5, 0}} {
		s := sampler(t, c.n, c.batch, Shuffle, 0, 5)
		for epoch := range 4 {
			seen := map[int]bool{}
			for _, batch := range batches(s, epoch*c.perEpoch+1, (epoch+1)*c.perEpoch+1) {
				for _, i := range batch {
					if seen[i] || i < 0 || i >= c.n {
						t.Errorf("n = %d, batch %d: example %d twice in epoch %d, or outside", c.n, c.batch, i, epoch)
					}
					seen[i] = true
				}
			}
			if len(seen) != c.n-c.dropped {
				t.Errorf("n = %d, batch %d: epoch %d has %d examples, want %d", c.n, c.batch, epoch, len(seen), c.n-c.dropped)
			}
		}
	}
}

func TestShuffleIsUniformAndFreshPerEpoch(t *testing.T) {
	const n, epochs = 5, 12000
	s := sampler(t, n, n, Shuffle, 0, 2)
	rank := map[[n]int]int{}
	for _, p := range permutationsOf([]int{0, 1, 2, 3, 4}) {
		rank[[n]int(p)] = len(rank)
	}
	counts := make([]int, len(rank))
	for k := range epochs {
		counts[rank[[n]int(s.Indices(k+1, nil))]]++
	}
	checkChiSquare(t, "orders", counts, epochs/120, 1)
}

func permutationsOf(x []int) [][]int {
	if len(x) == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for i := range x {
		rest := slices.Delete(slices.Clone(x), i, i+1)
		for _, p := range permutationsOf(rest) {
			all = append(all, append([]int{x[i]}, p...))
		}
	}
	return all
}

func TestCycleRepeatsTheFirstBatchesOfShuffle(t *testing.T) {
	for _, period := range []int{1, 4, 5, 12} { // an epoch is 5 batches
		cycle, shuffle := sampler(t, 43, 8, Cycle, period, 9), sampler(t, 43, 8, Shuffle, 0, 9)
		if cycle.Period() != period || shuffle.Period() != 0 {
			t.Errorf("periods are %d and %d, want %d and 0", cycle.Period(), shuffle.Period(), period)
		}
		for k := 1; k <= 3*period+1; k++ {
			first := (k-1)%period + 1
			if cycle.Key(k) != first || shuffle.Key(k) != k {
				t.Errorf("period %d: keys of batch %d are %d and %d", period, k, cycle.Key(k), shuffle.Key(k))
			}
			if got, want := cycle.Indices(k, nil), shuffle.Indices(first, nil); !slices.Equal(got, want) {
				t.Errorf("period %d: batch %d is %v, want batch %d of shuffle, %v", period, k, got, first, want)
			}
		}
	}
}

func TestBatchesDoNotDependOnHowTheyAreAskedFor(t *testing.T) {
	const last = 60
	for _, kind := range []string{IID, Shuffle, Cycle} {
		cycle := map[string]int{Cycle: 7}[kind]
		want := batches(sampler(t, 43, 8, kind, cycle, 4), 1, last+1)
		check := func(how string, k int, got []int) {
			if !slices.Equal(got, want[k-1]) {
				t.Errorf("%s, %s: batch %d is %v, want %v", kind, how, k, got, want[k-1])
			}
		}
		s := sampler(t, 43, 8, kind, cycle, 4)
		buffer := make([]int, 3, 20)
		for k := last; k >= 1; k-- {
			check("backward", k, s.Indices(k, nil))
			check("again, into a buffer", k, s.Indices(k, buffer))
		}
		s = sampler(t, 43, 8, kind, cycle, 4)
		var wait sync.WaitGroup
		for g := range 8 {
			wait.Go(func() {
				for i := range last {
					k := (i*(2*g+1)+g)%last + 1
					check("concurrently", k, s.Indices(k, nil))
				}
			})
		}
		wait.Wait()
	}
}

func TestIndicesAreTheCallersToChange(t *testing.T) {
	s := sampler(t, 6, 3, Shuffle, 0, 1)
	before := slices.Clone(s.Indices(1, nil))
	clear(s.Indices(1, nil))
	if got := s.Indices(1, nil); !slices.Equal(got, before) {
		t.Errorf("writing to a batch changed it from %v to %v", before, got)
	}
}

func TestMemoryOfEpochsIsBounded(t *testing.T) {
	for n, want := range map[int]int{10: cachedIndices / 10, cachedIndices: 1, cachedIndices + 1: 1} {
		if got := sampler(t, n, 1, Shuffle, 0, 1).keep; got != want {
			t.Errorf("of %d examples, %d epochs are kept, want %d", n, got, want)
		}
	}
	s := sampler(t, 43, 43, Shuffle, 0, 1)
	s.keep = 2
	first := s.Indices(1, nil)
	for k := 2; k <= 6; k++ {
		s.Indices(k, nil)
		if len(s.epochs) > 2 {
			t.Fatalf("%d epochs are kept, want 2 at most", len(s.epochs))
		}
	}
	if !slices.Equal(s.Indices(1, nil), first) {
		t.Error("an epoch that was dropped came back different")
	}
}

func TestNewSamplerRefusesWhatItCannotDo(t *testing.T) {
	for _, c := range []struct {
		n, batch int
		kind     string
		cycle    int
		want     string
	}{
		{10, 0, IID, 0, "batch = 0: a batch has at least 1 example"},
		{10, -1, Shuffle, 0, "batch = -1"},
		{10, 11, Shuffle, 0, "batch = 11 is more than the 10 examples that there are"},
		{10, 11, IID, 0, "batch = 11 is more than the 10"},
		{0, 1, IID, 0, "batch = 1 is more than the 0"},
		{10, 5, Cycle, 0, `cycle = 0: sampling = "cycle" needs a period of at least 1 batch`},
		{10, 5, Cycle, -2, "cycle = -2"},
		{10, 5, IID, 3, `cycle = 3 has no meaning with sampling = "iid" (did you mean sampling = "cycle"?)`},
		{10, 5, "shufle", 0, `sampling = "shufle" is not known (one of iid, shuffle, cycle)`},
	} {
		if _, err := NewSampler(c.n, c.batch, c.kind, c.cycle, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("NewSampler(%d, %d, %q, %d): error %v, want %q", c.n, c.batch, c.kind, c.cycle, err, c.want)
		}
	}
}

func TestBatchZeroPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("there is a batch 0")
		}
	}()
	sampler(t, 10, 5, IID, 0, 1).Indices(0, nil)
}

func BenchmarkIndices(b *testing.B) {
	for _, kind := range []string{IID, Shuffle} {
		b.Run(kind, func(b *testing.B) {
			s, err := NewSampler(60000, 8, kind, 0, 1)
			if err != nil {
				b.Fatal(err)
			}
			var indices []int
			b.ReportAllocs()
			for k := 1; b.Loop(); k++ {
				indices = s.Indices(k, indices)
			}
		})
	}
}
