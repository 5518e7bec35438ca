package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func testDense[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		m, n, k := 1+r.IntN(40), sizes[1+r.IntN(len(sizes)-1)], sizes[1+r.IntN(len(sizes)-1)]
		a, b, bt := normal[E](r, m*k), normal[E](r, k*n), normal[E](r, n*k)
		name := fmt.Sprintf("%dx%dx%d", m, n, k)

		c := unknown[E](m * n)
		Dot(m, n, k, a, bt, c, n, unknown[E](DenseScratch(m, k)))
		compare(t, "dot "+name, c, product(MatMul{TransB: true, M: m, N: n, K: k}, a, bt), tolerance*float64(k))

		c = unknown[E](m * n)
		Combine(m, n, k, a, k, b, c, unknown[E](DenseScratch(m, n)))
		compare(t, "combine "+name, c, product(MatMul{M: m, N: n, K: k}, a, b), tolerance*float64(k))

		// A is (m, k) and B (m, n): the sum of m outer products has k rows.
		x, length := normal[E](r, m*n), Aligned(n)
		want := product(MatMul{TransA: true, M: k, N: n, K: m}, a, x)
		rows := unknown[E](m * length)
		for i := range m {
			copy(rows[i*length:], x[i*n:(i+1)*n])
		}
		lo := r.IntN(k)
		hi := lo + r.IntN(k-lo+1)
		c = unknown[E]((hi - lo) * n)
		Outer(lo, hi, n, m, a, k, rows, length, c)
		compare(t, fmt.Sprintf("outer %s, rows %d to %d", name, lo, hi), c, want[lo*n:hi*n], tolerance*float64(m))

		w := normal[E](r, (hi-lo)*n)
		after := make([]float64, len(w))
		for i := range w {
			after[i] = float64(w[i]) - 0.5*want[lo*n+i]
		}
		Descend(lo, hi, n, m, 0.5, a, k, rows, length, w)
		compare(t, fmt.Sprintf("descend %s, rows %d to %d", name, lo, hi), w, after, tolerance*float64(m))
	}
}

func TestProductsOfSmallBatchesAreTheirDefinition(t *testing.T) {
	everySet(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testDense[float32](t, 3e-7) })
		t.Run("float64", func(t *testing.T) { testDense[float64](t, 1e-15) })
	})
}

// BenchmarkDense is a dense layer of 500 by 500 at batch 8.
func BenchmarkDense(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	const batch, n = 8, 500
	x, w, y := normal[float32](r, batch*Aligned(n)), normal[float32](r, n*n), make([]float32, batch*n)
	scratch := make([]float32, DenseScratch(batch, n))
	for name, f := range map[string]func(){
		"dot":     func() { Dot(batch, n, n, x, w, y, n, scratch) },
		"combine": func() { Combine(batch, n, n, x, n, w, y, scratch) },
		"descend": func() { Descend(0, n, n, batch, 1e-9, y, n, x, Aligned(n), w) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}
