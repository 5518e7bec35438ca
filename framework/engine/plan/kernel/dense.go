package kernel

// Dot computes C = A·Bᵀ for A of shape (m, k) with few rows, B of shape (n, k), and C, whose rows are ldc elements apart.
func Dot[E Float](m, n, k int, a, b, c []E, ldc int, scratch []E) {
	dot(m, n, k, a, b, c, ldc, scratch)
}

// Combine computes C = A·B, or adds it to C, for A of shape (m, k) with few rows, which are lda elements apart, and B of shape (k, n). The
// rows of C are ldc elements apart.
func Combine[E Float](add bool, m, n, k int, a []E, lda int, b, c []E, ldc int) {
	combine(add, m, n, k, a, lda, b, c, ldc)
}

// Outer computes the rows from lo to hi of C = Aᵀ·B, for A and B of few rows k, those of A lda elements apart; B has n columns.
func Outer[E Float](lo, hi, n, k int, a []E, lda int, b []E, ldb int, c []E) {
	outer(lo, hi, n, k, a, lda, b, ldb, c)
}

// Descend subtracts rate times the rows from lo to hi of Aᵀ·B from c, which holds just these rows.
func Descend[E Float](lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c []E) {
	descend(lo, hi, n, k, rate, a, lda, b, ldb, c)
}

// Retreat computes D = A·C, or adds it to D, from the rows from lo to hi of C, which c holds, and then subtracts rate times Aᵀ·B from these
// rows: the way back through a dense layer with gradient descent, which reads and writes its weights once. A, B and D have few rows k,
// which are lda, ldb and ldd elements apart; C and D have n columns.
func Retreat[E Float](add bool, lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c, d []E, ldd int) {
	retreat(add, lo, hi, n, k, rate, a, lda, b, ldb, c, d, ldd)
}

// Aligned is the distance of rows of n elements that kernels read fastest: each begins at a cache line if the first does.
func Aligned(n int) int { return (n+31)/32*32 + 16 }

// DotScratch returns how many elements of working memory Dot needs.
func DotScratch(m, k int) int { return m * Aligned(k) }
