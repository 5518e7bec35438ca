package kernel

// MatMul is a product C = op(A)·op(B) of row-major matrices: C is (M, N), op(A) is (M, K) and op(B) is (K, N); an operand that is
// transposed is stored as (K, M) or (N, K).
type MatMul struct {
	TransA, TransB bool
	M, N, K        int
}

// What the kernels in C compute at a time at most, with the largest vectors: see gemm.h.
const (
	mostRows    = 12
	mostLanes   = 16
	mostColumns = 2 * mostLanes
)

// MatMulRows stores the rows lo to hi (excluded) of C in c, which holds just these rows. The bits of an element do not depend on lo and
// hi.
func MatMulRows[E Float](p MatMul, a, b, c []E, lo, hi int, scratch []E) {
	if lo < hi && p.N > 0 {
		matMulRows(p, a, b, c, lo, hi, scratch)
	}
}
