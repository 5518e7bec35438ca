// Products with a small dimension, as small batches make them. The large matrix is streamed once and never packed.

// The number of rows of the small matrix that are in registers at one time.
#define FEW 8

// How many rows of the large matrix are fetched ahead.
#define AHEAD 4

// aligned is a length after which the next row begins at a cache line, an odd number of them away: rows at even distances compete for
// the same few places of a cache.
INLINE int64_t NAME(aligned)(int64_t n) { return (n + 31) / 32 * 32 + 16; }

// align_rows copies rows to where each begins at a cache line: loads that cross lines take twice as long.
INLINE void NAME(align_rows)(int64_t m, int64_t n, const T *x, int64_t ldx, T *to) {
	for (int64_t i = 0; i < m; i++)
		memcpy(to + i * NAME(aligned)(n), x + i * ldx, n * sizeof(T));
}

#if BYTES == 64 && SINGLE
// reduce_all sums each of sixteen vectors: half of two vectors is added to the other half, until each lane is a sum.
#define LO8 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23
#define HI8 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31
#define LO4 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define HI4 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#define LO2 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20, 21, 24, 25, 28, 29
#define HI2 2, 3, 6, 7, 10, 11, 14, 15, 18, 19, 22, 23, 26, 27, 30, 31
#define LO1 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define HI1 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define HALVES(a, b, size) HALVES_(a, b, LO##size, HI##size)
#define HALVES_(a, b, ...) HALVES__(a, b, __VA_ARGS__)
#define HALVES__(a, b, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15, ...)                  \
	(__builtin_shufflevector(a, b, l0, l1, l2, l3, l4, l5, l6, l7, l8, l9, l10, l11, l12, l13, l14, l15) + \
		__builtin_shufflevector(a, b, __VA_ARGS__))
INLINE void NAME(reduce_all)(V v[16], T *sums) {
	for (int i = 0; i < 8; i++)
		v[i] = HALVES(v[2 * i], v[2 * i + 1], 8);
	for (int i = 0; i < 4; i++)
		v[i] = HALVES(v[2 * i], v[2 * i + 1], 4);
	for (int i = 0; i < 2; i++)
		v[i] = HALVES(v[2 * i], v[2 * i + 1], 2);
	STORE(sums, HALVES(v[0], v[1], 1));
}
#else
INLINE void NAME(reduce_all)(V v[16], T *sums) {
	for (int i = 0; i < 16; i++)
		sums[i] = NAME(reduce)(v[i]);
}
#endif

// dot_block computes products of few rows of A with two rows of B, which may be the same.
INLINE void NAME(dot_block)(int few, int64_t k, const T *a, int64_t lda, const T *b0, const T *b1, T *c0, T *c1, int64_t ldc) {
	V s[16];
	for (int i = 0; i < 16; i++)
		s[i] = SPLAT(0);
	int64_t l = 0;
	for (; l + LANES <= k; l += LANES) {
		V x = LOAD(b0 + l), y = LOAD(b1 + l);
		__builtin_prefetch(b0 + AHEAD * k + l);
		__builtin_prefetch(b1 + AHEAD * k + l);
#pragma GCC unroll 8
		for (int i = 0; i < few; i++) {
			V w = LOAD(a + i * lda + l);
			s[2 * i] += w * x;
			s[2 * i + 1] += w * y;
		}
	}
	T sums[16];
	NAME(reduce_all)(s, sums);
	for (; l < k; l++)
		for (int i = 0; i < few; i++) {
			sums[2 * i] += a[i * lda + l] * b0[l];
			sums[2 * i + 1] += a[i * lda + l] * b1[l];
		}
	for (int i = 0; i < few; i++) {
		c0[i * ldc] = sums[2 * i];
		c1[i * ldc] = sums[2 * i + 1];
	}
}

INLINE void NAME(dot_rows)(int few, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	for (int64_t j = 0; j < n; j += 2) {
		int64_t next = j + 1 < n ? j + 1 : j;
		NAME(dot_block)(few, k, a, lda, b + j * k, b + next * k, c + j, c + next, ldc);
	}
}

// dot computes C = A·Bᵀ for A of shape (m, k) and B of shape (n, k): rows of B in cache meet all rows of A.
void NAME(dot)(int64_t m, int64_t n, int64_t k, const T *a, const T *b, T *c, int64_t ldc, T *scratch) {
	const int64_t block = m <= FEW ? n : 16, lda = NAME(aligned)(k);
	NAME(align_rows)(m, k, a, k, scratch);
	a = scratch;
	for (int64_t j = 0; j < n; j += block) {
		int64_t rows = n - j < block ? n - j : block;
		int64_t i = 0;
		for (; i + FEW <= m; i += FEW)
			NAME(dot_rows)(FEW, rows, k, a + i * lda, lda, b + j * k, c + i * ldc + j, ldc);
		switch (m - i) {
#define CASE(few)                                                                            \
	case few:                                                                                \
		NAME(dot_rows)(few, rows, k, a + i * lda, lda, b + j * k, c + i * ldc + j, ldc);            \
		break;
			CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
		}
	}
}

// The number of rows of B that are combined before the sums go back to memory.
#define STREAMS 8

// combine_block adds the combination of some rows of B to few rows of C, or stores it there if these are the first.
INLINE void NAME(combine_block)(int few, int first, int64_t n, int64_t rows, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	int64_t j = 0;
	for (; j + 2 * LANES <= n; j += 2 * LANES) {
		V s[FEW][2];
#pragma GCC unroll 8
		for (int i = 0; i < few; i++) {
			s[i][0] = first ? SPLAT(0) : LOAD(c + i * ldc + j);
			s[i][1] = first ? SPLAT(0) : LOAD(c + i * ldc + j + LANES);
		}
		for (int64_t l = 0; l < rows; l++) {
			V x = LOAD(b + l * n + j), y = LOAD(b + l * n + j + LANES);
			__builtin_prefetch(b + (l + STREAMS) * n + j);
			__builtin_prefetch(b + (l + STREAMS) * n + j + LANES);
#pragma GCC unroll 8
			for (int i = 0; i < few; i++) {
				V w = SPLAT(a[i * lda + l]);
				s[i][0] += w * x;
				s[i][1] += w * y;
			}
		}
#pragma GCC unroll 8
		for (int i = 0; i < few; i++) {
			STORE(c + i * ldc + j, s[i][0]);
			STORE(c + i * ldc + j + LANES, s[i][1]);
		}
	}
	for (; j < n; j++)
		for (int i = 0; i < few; i++) {
			T s = first ? 0 : c[i * ldc + j];
			for (int64_t l = 0; l < rows; l++)
				s += a[i * lda + l] * b[l * n + j];
			c[i * ldc + j] = s;
		}
}

INLINE void NAME(combine_rows)(int64_t m, int first, int64_t n, int64_t rows, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	int64_t i = 0;
	for (; i + FEW <= m; i += FEW)
		NAME(combine_block)(FEW, first, n, rows, a + i * lda, lda, b, c + i * ldc, ldc);
	switch (m - i) {
#define CASE(few)                                                                            \
	case few:                                                                                \
		NAME(combine_block)(few, first, n, rows, a + i * lda, lda, b, c + i * ldc, ldc);            \
		break;
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7)
#undef CASE
	}
}

// combine computes C = A·B for A of shape (m, k) and B of shape (k, n): the rows of C are combinations of those of B.
void NAME(combine)(int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, T *c, T *scratch) {
	const int64_t ldc = NAME(aligned)(n);
	for (int64_t l = 0; l < k; l += STREAMS) {
		int64_t rows = k - l < STREAMS ? k - l : STREAMS;
		if (l == 0)
			NAME(combine_rows)(m, 1, n, rows, a, lda, b, scratch, ldc);
		else
			NAME(combine_rows)(m, 0, n, rows, a + l, lda, b + l * n, scratch, ldc);
	}
	for (int64_t i = 0; i < m; i++)
		memcpy(c + i * n, scratch + i * ldc, n * sizeof(T));
}

// outer_block computes two rows of a sum of few outer products; mode says what becomes of c: 0 is overwritten, 1 is added to, 2 loses
// the rate-fold.
INLINE void NAME(outer_block)(int few, int mode, int64_t n, T rate, const T *a0, const T *a1, int64_t lda, const T *b, int64_t ldb, T *c0, T *c1) {
	V x[FEW], y[FEW];
#pragma GCC unroll 8
	for (int l = 0; l < few; l++) {
		x[l] = SPLAT(a0[l * lda]);
		y[l] = SPLAT(a1[l * lda]);
	}
	int64_t j = 0;
	for (; j + LANES <= n; j += LANES) {
		V s = SPLAT(0), t = SPLAT(0);
#pragma GCC unroll 8
		for (int l = 0; l < few; l++) {
			V v = LOAD(b + l * ldb + j);
			s += x[l] * v;
			t += y[l] * v;
		}
		if (mode == 0) {
			STORE(c0 + j, s);
			STORE(c1 + j, t);
		} else if (mode == 1) {
			V u = LOAD(c0 + j) + s, v = LOAD(c1 + j) + t;
			STORE(c0 + j, u);
			STORE(c1 + j, v);
		} else {
			V u = LOAD(c0 + j) - SPLAT(rate) * s, v = LOAD(c1 + j) - SPLAT(rate) * t;
			STORE(c0 + j, u);
			STORE(c1 + j, v);
		}
	}
	for (; j < n; j++) {
		T s = 0, t = 0;
		for (int l = 0; l < few; l++) {
			s += a0[l * lda] * b[l * ldb + j];
			t += a1[l * lda] * b[l * ldb + j];
		}
		if (mode == 0) {
			c0[j] = s;
			c1[j] = t;
		} else if (mode == 1) {
			T u = c0[j] + s, v = c1[j] + t;
			c0[j] = u;
			c1[j] = v;
		} else {
			T u = c0[j] - rate * s, v = c1[j] - rate * t;
			c0[j] = u;
			c1[j] = v;
		}
	}
}

INLINE void NAME(outer_few)(int few, int mode, int64_t lo, int64_t hi, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	int64_t r = lo;
	for (; r + 1 < hi; r += 2, c += 2 * n)
		NAME(outer_block)(few, mode, n, rate, a + r, a + r + 1, lda, b, ldb, c, c + n);
	if (r < hi) // the last row is paired with itself: both of a pair are read before they are stored
		NAME(outer_block)(few, mode, n, rate, a + r, a + r, lda, b, ldb, c, c);
}

INLINE void NAME(outer_some)(int64_t some, int mode, int64_t lo, int64_t hi, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	switch (some) {
#define CASE(few)                                                             \
	case few:                                                                 \
		NAME(outer_few)(few, mode, lo, hi, n, rate, a, lda, b, ldb, c);       \
		break;
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)
#undef CASE
	}
}

// outer computes the rows from lo to hi of C = Aᵀ·B, for A of k rows and B of shape (k, n), whose rows are ldb elements apart.
void NAME(outer)(int64_t lo, int64_t hi, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	for (int64_t l = 0; l < k; l += FEW) {
		int64_t some = k - l < FEW ? k - l : FEW;
		if (l == 0)
			NAME(outer_some)(some, 0, lo, hi, n, 0, a, lda, b, ldb, c);
		else
			NAME(outer_some)(some, 1, lo, hi, n, 0, a + l * lda, lda, b + l * ldb, ldb, c);
	}
}

// descend subtracts the rate times Aᵀ·B from the rows from lo to hi of C: gradient descent.
void NAME(descend)(int64_t lo, int64_t hi, int64_t n, int64_t k, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	for (int64_t l = 0; l < k; l += FEW)
		NAME(outer_some)(k - l < FEW ? k - l : FEW, 2, lo, hi, n, rate, a + l * lda, lda, b + l * ldb, ldb, c);
}
