package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// normal returns numbers of both signs.
func normal[E Float](r *rand.Rand, n int) []E {
	x := make([]E, n)
	for i := range x {
		x[i] = E(r.NormFloat64())
	}
	return x
}

// unknown is memory that must not be read before it is written.
func unknown[E Float](n int) []E {
	x := make([]E, n)
	for i := range x {
		x[i] = E(math.NaN())
	}
	return x
}

// product is the definition, in float64.
func product[E Float](p MatMul, a, b []E) []float64 {
	c := make([]float64, p.M*p.N)
	for i := range p.M {
		for j := range p.N {
			for l := range p.K {
				x, y := i*p.K+l, l*p.N+j
				if p.TransA {
					x = l*p.M + i
				}
				if p.TransB {
					y = j*p.K + l
				}
				c[i*p.N+j] += float64(a[x]) * float64(b[y])
			}
		}
	}
	return c
}

func compare[E Float](t *testing.T, what string, got []E, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for i, v := range got {
		if !near(float64(v), want[i], tolerance) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, v, want[i])
		}
	}
}

var sizes = []int{0, 1, 2, 3, 5, 8, 11, 12, 13, 16, 31, 32, 33, 64, 70, 100, 257, 300}

func testMatMul[E Float](t *testing.T, tolerance float64) {
	r := rand.New(rand.NewPCG(3, 4))
	pick := func() int { return sizes[r.IntN(len(sizes))] }
	for range 150 {
		p := MatMul{TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0, M: pick(), N: pick(), K: pick()}
		a, b := normal[E](r, p.M*p.K), normal[E](r, p.K*p.N)
		want := product(p, a, b)
		cut := r.IntN(p.M + 1)
		got := unknown[E](p.M * p.N)
		MatMulRows(p, a, b, got[:cut*p.N:cut*p.N], 0, cut, unknown[E](p.Scratch(cut)))
		MatMulRows(p, a, b, got[cut*p.N:], cut, p.M, unknown[E](p.Scratch(p.M-cut)))
		compare(t, fmt.Sprintf("%+v", p), got, want, tolerance*math.Sqrt(float64(1+p.K)))
		whole := unknown[E](p.M * p.N)
		MatMulRows(p, a, b, whole, 0, p.M, unknown[E](p.Scratch(p.M)))
		for i := range whole {
			if whole[i] != got[i] {
				t.Fatalf("%+v cut at row %d: element %d is %v, whole %v", p, cut, i, got[i], whole[i])
			}
		}
	}
}

func TestProductsAreTheirDefinition(t *testing.T) {
	everySet(t, func(t *testing.T) {
		t.Run("float32", func(t *testing.T) { testMatMul[float32](t, 2e-6) })
		t.Run("float64", func(t *testing.T) { testMatMul[float64](t, 1e-14) })
	})
}

func BenchmarkMatMul(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, p := range []MatMul{{M: 512, N: 512, K: 512}, {M: 1024, N: 1024, K: 1024}, {TransB: true, M: 1000, N: 500, K: 784}} {
		b.Run(fmt.Sprintf("%dx%dx%d", p.M, p.N, p.K), func(b *testing.B) {
			x, y, z := normal[float32](r, p.M*p.K), normal[float32](r, p.K*p.N), make([]float32, p.M*p.N)
			scratch := make([]float32, p.Scratch(p.M))
			for b.Loop() {
				MatMulRows(p, x, y, z, 0, p.M, scratch)
			}
			b.ReportMetric(2*float64(p.M*p.N*p.K)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
