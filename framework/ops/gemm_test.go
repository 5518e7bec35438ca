package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGemmIsItsDefinition has sums on either side of where single precision is cut into pieces, and adds to what is there, as the gradient
// of a convolution's weights does from the second example on.
func TestGemmIsItsDefinition(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testGemm[float32](t, 1e-5) })
	t.Run("float64", func(t *testing.T) { testGemm[float64](t, 1e-13) })
}

func testGemm[T Float](t *testing.T, tolerance float64) {
	const m, n = 3, 5
	r := rand.New(rand.NewPCG(11, 12))
	normal := func(size int) []T {
		x := make([]T, size)
		for i := range x {
			x[i] = T(r.NormFloat64())
		}
		return x
	}
	for _, k := range []int{1, maxTerms - 1, maxTerms, maxTerms + 1, 2 * maxTerms, 3*maxTerms + 44} {
		for _, beta := range []T{0, 1, -0.5} {
			for transposed := range 4 {
				transA, transB := transposed&1 != 0, transposed&2 != 0
				a, b, c := normal(m*k), normal(k*n), normal(m*n)
				want := make([]float64, m*n)
				for i := range m {
					for j := range n {
						want[i*n+j] = float64(beta) * float64(c[i*n+j])
						for l := range k {
							x, y := i*k+l, l*n+j
							if transA {
								x = l*m + i
							}
							if transB {
								y = j*k + l
							}
							want[i*n+j] += float64(a[x]) * float64(b[y])
						}
					}
				}
				gemm(transA, transB, m, n, k, a, b, beta, c)
				for i, v := range c {
					if !(math.Abs(float64(v)-want[i]) <= tolerance*math.Sqrt(float64(k))) {
						t.Fatalf("%s: element %d is %v, want %v",
							fmt.Sprintf("k = %d, beta = %v, transposed %v and %v", k, beta, transA, transB), i, v, want[i])
					}
				}
			}
		}
	}
}

// TestLongSumsFollowDoublePrecision says what pieces are for: a sum of a hundred thousand terms in single precision alone would be off by
// more.
func TestLongSumsFollowDoublePrecision(t *testing.T) {
	const k = 100_000
	a, b, c := make([]float32, k), make([]float32, k), []float32{0}
	want := 0.0
	for i := range k {
		a[i], b[i] = float32(i%97)/97, 1
		want += float64(a[i])
	}
	gemm(false, false, 1, 1, k, a, b, 0, c)
	if math.Abs(float64(c[0])-want) > 1e-6*want {
		t.Errorf("the sum is %v, want %v", c[0], want)
	}
}
