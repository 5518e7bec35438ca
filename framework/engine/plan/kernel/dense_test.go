package kernel

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func testDense[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		m, n, k := 1+r.IntN(40), sizes[1+r.IntN(len(sizes)-1)], sizes[1+r.IntN(len(sizes)-1)]
		a, b, bt := normal[E](r, m*k), normal[E](r, k*n), normal[E](r, n*k)
		name := fmt.Sprintf("%dx%dx%d", m, n, k)

		c := unknown[E](m * n)
		Dot(m, n, k, a, bt, c, n, unknown[E](DotScratch(m, k)))
		compare(t, "dot "+name, c, product(MatMul{TransB: true, M: m, N: n, K: k}, a, bt), tolerance*float64(k))

		// In two parts: rows 0 to lo of B, and the others. Rows of the results are apart.
		lo, apart := r.IntN(k+1), n+r.IntN(3)
		want := product(MatMul{M: m, N: n, K: k}, a, b)
		c = unknown[E](m * apart)
		Combine(false, m, n, lo, a, k, b, c, apart)
		Combine(true, m, n, k-lo, a[lo:], k, b[lo*n:], c, apart)
		compare(t, fmt.Sprintf("combine %s, from %d", name, lo), packed(c, m, n, apart), want, tolerance*float64(k))

		testOuter(t, name, r, m, n, k, a, b, tolerance)
	}
}

// packed returns the rows of a matrix without what is between them.
func packed[E Float](x []E, rows, columns, apart int) []E {
	var all []E
	for i := range rows {
		all = append(all, x[i*apart:i*apart+columns]...)
	}
	return all
}

// testOuter tests kernels whose A is (m, k) and B (m, n): the sum of m outer products has k rows.
func testOuter[E Float](t *testing.T, name string, r *rand.Rand, m, n, k int, a, w []E, tolerance float64) {
	x, apart := normal[E](r, m*n), n+r.IntN(3)
	rows := unknown[E](m * apart)
	for i := range m {
		copy(rows[i*apart:], x[i*n:(i+1)*n])
	}
	outer := product(MatMul{TransA: true, M: k, N: n, K: m}, a, x)
	lo := r.IntN(k)
	hi := lo + r.IntN(k-lo+1)
	name += fmt.Sprintf(", rows %d to %d", lo, hi)
	c := unknown[E]((hi - lo) * n)
	Outer(lo, hi, n, m, a, k, rows, apart, c)
	compare(t, "outer "+name, c, outer[lo*n:hi*n], tolerance*float64(m))

	w = w[lo*n : hi*n]
	after := make([]float64, len(w))
	for i := range w {
		after[i] = float64(w[i]) - 0.5*outer[lo*n+i]
	}
	descended := slices.Clone(w)
	Descend(lo, hi, n, m, 0.5, a, k, rows, apart, descended)
	compare(t, "descend "+name, descended, after, tolerance*float64(m))

	some := make([]E, 0, m*(hi-lo))
	for i := range m {
		some = append(some, a[i*k+lo:i*k+hi]...)
	}
	combined := product(MatMul{M: m, N: n, K: hi - lo}, some, w)
	descended = slices.Clone(w)
	d := unknown[E](m * apart)
	middle := lo + r.IntN(hi-lo+1)
	Retreat(false, lo, middle, n, m, 0.5, a, k, rows, apart, descended, d, apart)
	Retreat(true, middle, hi, n, m, 0.5, a, k, rows, apart, descended[(middle-lo)*n:], d, apart)
	compare(t, "retreat "+name, descended, after, tolerance*float64(m))
	compare(t, "retreat's combination "+name, packed(d, m, n, apart), combined, tolerance*float64(k))
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
	x, w, y, z := normal[float32](r, batch*n), normal[float32](r, n*n), make([]float32, batch*n), make([]float32, batch*n)
	scratch := make([]float32, DotScratch(batch, n))
	for name, f := range map[string]func(){
		"dot":     func() { Dot(batch, n, n, x, w, y, n, scratch) },
		"combine": func() { Combine(false, batch, n, n, x, n, w, y, n) },
		"descend": func() { Descend(0, n, n, batch, 1e-9, y, n, x, n, w) },
		"retreat": func() { Retreat(false, 0, n, n, batch, 1e-9, y, n, x, n, w, z, n) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}
