package compose

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Theorem 2.6 of Dherin et al.: with independent, identically distributed batches F_n and B_n have the same distribution. The maps
// are those of the noisy quadratic with a learning rate that may change.

// noisy returns T_k(θ) = (1 - h) θ - h ε_k with the rate h(k, c), where c is the number of steps that were applied before. The
// state holds θ and c.
func noisy(noise []float64, h func(k, c int) float64) steps {
	return func(k int, x []float64) {
		rate := h(k, int(x[1]))
		x[0], x[1] = (1-rate)*x[0]-rate*noise[k], x[1]+1
	}
}

var schedules = []struct {
	name     string
	h        func(k, c int) float64
	equalLaw bool
}{
	{"a constant rate", func(int, int) float64 { return 0.2 }, true},
	{"a rate that falls with the steps applied", func(_, c int) float64 { return 0.7 / float64(c+1) }, true},
	{"a rate that falls with the batch", func(k, _ int) float64 { return 0.7 / float64(k) }, false},
}

// samples returns F_n and B_n for each of the given noises.
func samples(t *testing.T, noises [][]float64, h func(k, c int) float64, n int) (forward, backward []float64) {
	t.Helper()
	var jobs []Job
	for _, noise := range noises {
		for _, a := range []Arrangement{Forward{}, Backward{}} {
			jobs = append(jobs, Job{Arrangement: a, Initial: point(1, 0), Iterates: []int{n}, Maps: every(noisy(noise, h))})
		}
	}
	for i, r := range emitted(t, jobs, Options{}) {
		if i%2 == 0 {
			forward = append(forward, r.State.Data.F64[0])
		} else {
			backward = append(backward, r.State.Data.F64[0])
		}
	}
	return forward, backward
}

func TestForwardAndBackwardHaveTheSameLaw(t *testing.T) {
	const seeds, n = 600, 20
	var noises [][]float64
	for seed := range uint64(seeds) {
		noises = append(noises, normal(seed, n))
	}
	for _, s := range schedules {
		forward, backward := samples(t, noises, s.h, n)
		if err := sameMoments(forward, backward); (err == nil) != s.equalLaw {
			t.Errorf("%s: the same law is %v, but the check says: %v", s.name, s.equalLaw, err)
		}
	}
}

// sameMoments compares mean and variance of two samples drawn in pairs. An error means that a difference exceeds four of its
// standard errors, which happens by chance once in ten thousand times.
func sameMoments(a, b []float64) error {
	meanA, meanB := average(a), average(b)
	means, variances := make([]float64, len(a)), make([]float64, len(a))
	for i := range a {
		means[i] = a[i] - b[i]
		variances[i] = (a[i]-meanA)*(a[i]-meanA) - (b[i]-meanB)*(b[i]-meanB)
	}
	for _, c := range []struct {
		name        string
		differences []float64
	}{{"means", means}, {"variances", variances}} {
		d := average(c.differences)
		square := 0.0
		for _, v := range c.differences {
			square += (v - d) * (v - d)
		}
		if z := math.Abs(d) / math.Sqrt(square) * float64(len(a)); !(z < 4) {
			return fmt.Errorf("%s differ by %.3g, %.1f standard errors", c.name, d, z)
		}
	}
	return nil
}

func average(x []float64) float64 {
	total := 0.0
	for _, v := range x {
		total += v
	}
	return total / float64(len(x))
}

// signs returns all noises of ±1 for n batches, so that laws are compared without statistics.
func signs(n int) [][]float64 {
	all := make([][]float64, 1<<n)
	for bits := range all {
		all[bits] = make([]float64, n+1)
		for k := 1; k <= n; k++ {
			all[bits][k] = float64(2*(bits>>(k-1)&1) - 1)
		}
	}
	return all
}

func TestEnumeratedLaws(t *testing.T) {
	const n = 4
	for _, s := range schedules {
		forward, backward := samples(t, signs(n), s.h, n)
		slices.Sort(forward)
		slices.Sort(backward)
		same := true
		for i := range forward {
			same = same && math.Abs(forward[i]-backward[i]) < 1e-12
		}
		if same != s.equalLaw {
			t.Errorf("%s: the same law is %v, want %v:\nF_%d %.4f\nB_%d %.4f", s.name, same, s.equalLaw, n, forward, n, backward)
		}
	}
}

// The variances of F_n and B_n under a rate h_k tied to the batch are Σ_k h_k² Π_{j>k} (1-h_j)² and Σ_k h_k² Π_{j<k} (1-h_j)².
func TestRateTiedToTheBatchChangesTheVariance(t *testing.T) {
	const n = 4
	h := func(k, _ int) float64 { return 0.7 / float64(k) }
	wantF, wantB, product := 0.0, 0.0, 1.0
	for k := 1; k <= n; k++ {
		wantF = wantF*(1-h(k, 0))*(1-h(k, 0)) + h(k, 0)*h(k, 0)
		wantB += product * h(k, 0) * h(k, 0)
		product *= (1 - h(k, 0)) * (1 - h(k, 0))
	}
	forward, backward := samples(t, signs(n), h, n)
	for _, c := range []struct {
		name string
		x    []float64
		want float64
	}{{"F", forward, wantF}, {"B", backward, wantB}} {
		mean, variance := average(c.x), 0.0
		for _, v := range c.x {
			variance += (v - mean) * (v - mean) / float64(len(c.x))
		}
		if math.Abs(variance-c.want) > 1e-12 {
			t.Errorf("variance of %s_%d is %.6f, want %.6f", c.name, n, variance, c.want)
		}
	}
	if wantB < 2*wantF {
		t.Errorf("variances %.2f and %.2f: the rate does not tell the orders apart", wantF, wantB)
	}
}
