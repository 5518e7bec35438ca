package compose

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestFirstIterateDoesNotDependOnTheOrder(t *testing.T) {
	forward := iterates(t, Forward{}, tangle, point(0.3, -0.7), 1)
	backward := iterates(t, Backward{}, tangle, point(0.3, -0.7), 1)
	requireSameBits(t, forward, backward)
}

func TestWindowOfOneIsForward(t *testing.T) {
	forward := iterates(t, Forward{}, tangle, point(0.3, -0.7), 30)
	requireSameBits(t, forward, iterates(t, Backward{ResetEvery: 1}, tangle, point(0.3, -0.7), 30))
	requireSameBits(t, forward, iterates(t, Backward{Start: 30}, tangle, point(0.3, -0.7), 30))
}

func requireSameBits(t *testing.T, a, b [][]float64) {
	t.Helper()
	if !point(flat(a)...).Equal(point(flat(b)...)) {
		t.Errorf("iterates differ:\n%v\n%v", a, b)
	}
}

func flat(x [][]float64) []float64 {
	var all []float64
	for _, v := range x {
		all = append(all, v...)
	}
	return all
}

// Example 2.4 of Dherin et al.
func TestConstantMapsStopBackwardOnly(t *testing.T) {
	values := []float64{-1, 2}
	constant := func(k int, x []float64) { x[0] = values[k%2] }
	forward := iterates(t, Forward{}, constant, point(5), 20)
	backward := iterates(t, Backward{}, constant, point(5), 20)
	for i := range forward {
		if n := i + 1; forward[i][0] != values[n%2] {
			t.Errorf("F_%d = %v, want the newest map's %v", n, forward[i][0], values[n%2])
		}
		if backward[i][0] != values[1] {
			t.Errorf("B_%d = %v, want the first map's %v", i+1, backward[i][0], values[1])
		}
	}
}

// Section 3.1 of Dherin et al.: L = θ²/2 whose gradient is seen with noise, θ + ε_i.
func TestNoisyQuadraticClosedForms(t *testing.T) {
	const h, start, last = 0.1, 1.5, 200
	noise := normal(1, last)
	quadratic := func(k int, x []float64) { x[0] = (1-h)*x[0] - h*noise[k] }
	forward := iterates(t, Forward{}, quadratic, point(start), last)
	backward := iterates(t, Backward{}, quadratic, point(start), last)
	for n := 1; n <= last; n++ {
		wantF := math.Pow(1-h, float64(n)) * start
		wantB := wantF
		for i := 1; i <= n; i++ {
			wantF -= h * math.Pow(1-h, float64(n-i)) * noise[i]
			wantB -= h * math.Pow(1-h, float64(i-1)) * noise[i]
		}
		if d := math.Abs(forward[n-1][0] - wantF); d > 1e-12 {
			t.Errorf("F_%d is off by %g", n, d)
		}
		if d := math.Abs(backward[n-1][0] - wantB); d > 1e-12 {
			t.Errorf("B_%d is off by %g", n, d)
		}
	}

	// |B_{n+1} - B_n| = (1-h)^n h |θ_0 + ε_{n+1}|, which the largest noise bounds, while forward keeps moving by about h.
	largest := 0.0
	for _, e := range noise {
		largest = max(largest, math.Abs(e))
	}
	moved := 0.0
	for n := 1; n < last; n++ {
		bound := math.Pow(1-h, float64(n))*h*(start+largest) + 1e-15
		if d := math.Abs(backward[n][0] - backward[n-1][0]); d > bound {
			t.Errorf("|B_%d - B_%d| = %g exceeds %g", n+1, n, d, bound)
		}
		if n > last-20 {
			moved = max(moved, math.Abs(forward[n][0]-forward[n-1][0]))
		}
	}
	if moved < h/10 {
		t.Errorf("forward moves by at most %g at the end, but noise of size 1 and rate %g should keep it moving", moved, h)
	}
}

// Theorem 2.2 of Dherin et al. on random strongly convex quadratics in rotated coordinates: T_k(x) = x - h H_k (x - a_k).
func TestBackwardIteratesOfContractionsConverge(t *testing.T) {
	const last = 120
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 2))
		type quadratic struct{ angle, low, high, a, b float64 }
		qs := make([]quadratic, last+1)
		q := 0.0 // of all maps: the largest eigenvalue of I - h H_k, in absolute value
		const h = 0.5
		for k := range qs {
			qs[k] = quadratic{2 * math.Pi * r.Float64(), 0.2 + r.Float64(), 1 + 2*r.Float64(), r.NormFloat64(), r.NormFloat64()}
			q = max(q, math.Abs(1-h*qs[k].low), math.Abs(1-h*qs[k].high))
		}
		step := func(k int, x []float64) {
			m := qs[k]
			sin, cos := math.Sincos(m.angle)
			u := cos*(x[0]-m.a) + sin*(x[1]-m.b)
			v := cos*(x[1]-m.b) - sin*(x[0]-m.a)
			u, v = (1-h*m.low)*u, (1-h*m.high)*v
			x[0], x[1] = m.a+cos*u-sin*v, m.b+sin*u+cos*v
		}

		displacement, measured := 0.0, 0.0
		for k := 1; k <= last; k++ {
			x, y := []float64{0, 0}, []float64{r.NormFloat64(), r.NormFloat64()}
			before := distance(x, y)
			step(k, x)
			displacement = max(displacement, math.Hypot(x[0], x[1]))
			step(k, y)
			measured = max(measured, distance(x, y)/before)
		}
		if measured > q+1e-12 || measured < q/2 {
			t.Fatalf("seed %d: measured factor %g, want at most %g and not far below: the maps are not what the test means", seed, measured, q)
		}

		backward := iterates(t, Backward{}, step, point(0, 0), last)
		forward := iterates(t, Forward{}, step, point(0, 0), last)
		bound := displacement / (1 - q)
		moves := 0.0
		for n := 1; n <= last; n++ {
			bound *= q
			for m := n + 1; m <= last; m++ {
				if d := distance(backward[m-1], backward[n-1]); d > bound+1e-13 {
					t.Fatalf("seed %d: |B_%d - B_%d| = %g exceeds C q^%d = %g", seed, m, n, d, n, bound)
				}
			}
			if n == last {
				moves = distance(forward[n-1], forward[n-2])
			}
		}
		if moves < bound {
			t.Errorf("seed %d: forward satisfies the bound too (%g < %g), so it says nothing", seed, moves, bound)
		}
	}
}

func distance(x, y []float64) float64 { return math.Hypot(x[0]-y[0], x[1]-y[1]) }

// normal returns standard normal numbers 0, …, n.
func normal(seed uint64, n int) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n+1)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}
