package dataset

import (
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// pairs is a regression split of n examples: inputs (10i, 10i+1), target i.
func pairs(n int) *Split {
	s := &Split{Inputs: array.New(array.Float32, 2*n), Shape: []int{2}, Targets: array.New(array.Float32, n)}
	for i := range n {
		s.Inputs.Set(2*i, float64(10*i))
		s.Inputs.Set(2*i+1, float64(10*i+1))
		s.Targets.Set(i, float64(i))
	}
	return s
}

func TestGatherCopiesTheExamplesInTheOrderAsked(t *testing.T) {
	var b Batch
	for _, d := range []array.DType{array.Float32, array.Float64, array.Float32} {
		pairs(5).Gather([]int{3, 0, 3}, d, &b)
		if want := array.From32([]float32{30, 31, 0, 1, 30, 31}).As(d); !b.Inputs.Equal(want) {
			t.Errorf("%s inputs are %v, want %v", d, b.Inputs, want)
		}
		if want := array.From32([]float32{3, 0, 3}).As(d); !b.Targets.Equal(want) || b.Size != 3 {
			t.Errorf("%s targets are %v of %d, want %v", d, b.Targets, b.Size, want)
		}
	}
}

func TestGatherSharesNoMemoryWithTheSplit(t *testing.T) {
	s := pairs(2)
	var b Batch
	s.Gather([]int{0, 1}, array.Float32, &b)
	b.Inputs.Set(0, 99)
	if s.Inputs.At(0) != 0 {
		t.Error("writing to a batch changed the split")
	}
}

func TestGatherReusesTheMemoryOfAnEarlierBatch(t *testing.T) {
	s := pairs(10)
	for _, d := range []array.DType{array.Float32, array.Float64} {
		var b Batch
		large, small := []int{9, 8, 7, 6}, []int{5}
		s.Gather(large, d, &b)
		allocations := testing.AllocsPerRun(10, func() {
			s.Gather(small, d, &b)
			s.Gather(large, d, &b)
		})
		if allocations != 0 {
			t.Errorf("%s: %v allocations per batch", d, allocations)
		}
	}
}

func TestSampleIsDistinctAscendingAndFixedByTheSeed(t *testing.T) {
	s := pairs(1437)
	// From an independent implementation in Python of SplitMix64, PCG-DXSM, Lemire's bounded numbers and Knuth's algorithm S.
	if got, want := s.Sample(8, 7), []int{322, 482, 537, 573, 873, 900, 1117, 1335}; !slices.Equal(got, want) {
		t.Errorf("sample is %v, want %v", got, want)
	}
	for seed := range uint64(20) {
		got := s.Sample(1000, seed)
		if len(got) != 1000 || got[0] < 0 || got[999] >= 1437 {
			t.Fatalf("seed %d: %d indices from %d to %d", seed, len(got), got[0], got[len(got)-1])
		}
		for i := range 999 {
			if got[i] >= got[i+1] {
				t.Fatalf("seed %d: %d stands before %d", seed, got[i], got[i+1])
			}
		}
	}
}

func TestSampleOfMoreThanThereIsHoldsAll(t *testing.T) {
	for _, n := range []int{3, 4} {
		if got := pairs(3).Sample(n, 1); !slices.Equal(got, []int{0, 1, 2}) {
			t.Errorf("sample of %d from 3 is %v", n, got)
		}
	}
}

func TestSampleIsUniform(t *testing.T) {
	const of, n, seeds = 40, 10, 5000
	s, counts := pairs(of), make([]int, of)
	for seed := range uint64(seeds) {
		for _, i := range s.Sample(n, seed) {
			counts[i]++
		}
	}
	// Each count has variance seeds·p(1−p), p = n/of, and drawing without replacement correlates them by −1/(of−1).
	p := float64(n) / of
	checkChiSquare(t, "inclusion", counts, seeds*p, (1-p)*of/(of-1))
}
