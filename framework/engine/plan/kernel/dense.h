// Products with a small dimension, as small batches make them. The large matrix is streamed once and never packed.

// The number of rows of the small matrix that are in registers at one time.
#define FEW 8

// How many rows of the large matrix are fetched ahead.
#define AHEAD 4

// How many rows of the large matrix are worked on, column by column, while rows of the small matrices stay in registers.
#define BLOCK 16

// A row ends with a vector of its own, its edge, unless vectors fill it: the last LANES elements, some of which the vector before has, too.
// kept zeroes those.
INLINE V NAME(kept)(V x, int64_t n) {
	static const NAME(integer) mask[2 * BYTES / sizeof(T)] = {[BYTES / sizeof(T)... 2 * BYTES / sizeof(T) - 1] = -1};
	NAME(integers) m;
	memcpy(&m, mask + n % LANES, sizeof m);
	return (V)((NAME(integers))x & m);
}

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
			HOLD(w);
			s[2 * i] += w * x;
			s[2 * i + 1] += w * y;
		}
	}
	if (l < k && k >= LANES) {
		V x = NAME(kept)(LOAD(b0 + k - LANES), k), y = NAME(kept)(LOAD(b1 + k - LANES), k);
#pragma GCC unroll 8
		for (int i = 0; i < few; i++) {
			V w = LOAD(a + i * lda + k - LANES);
			s[2 * i] += w * x;
			s[2 * i + 1] += w * y;
		}
		l = k;
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

// FEWER calls a function for the number of rows that there are.
#define FEWER(few, function, ...)                                     \
	switch (few) {                                                    \
		case 1: NAME(function)(1, __VA_ARGS__); break;                \
		case 2: NAME(function)(2, __VA_ARGS__); break;                \
		case 3: NAME(function)(3, __VA_ARGS__); break;                \
		case 4: NAME(function)(4, __VA_ARGS__); break;                \
		case 5: NAME(function)(5, __VA_ARGS__); break;                \
		case 6: NAME(function)(6, __VA_ARGS__); break;                \
		case 7: NAME(function)(7, __VA_ARGS__); break;                \
		case 8: NAME(function)(8, __VA_ARGS__); break;                \
	}

// dot computes C = A·Bᵀ for A of shape (m, k) and B of shape (n, k): rows of B in cache meet all rows of A.
void NAME(dot)(int64_t m, int64_t n, int64_t k, const T *a, const T *b, T *c, int64_t ldc, T *scratch) {
	const int64_t block = m <= FEW ? n : BLOCK, lda = NAME(aligned)(k);
	NAME(align_rows)(m, k, a, k, scratch);
	a = scratch;
	for (int64_t j = 0; j < n; j += block) {
		int64_t rows = n - j < block ? n - j : block;
		for (int64_t i = 0; i < m; i += FEW)
			FEWER(m - i < FEW ? m - i : FEW, dot_rows, rows, k, a + i * lda, lda, b + j * k, c + i * ldc + j, ldc)
	}
}

// combine_columns adds the combination of some rows of B, in one or two vectors of columns, to few rows of C. The first rows are not
// added to C, which then is only written.
INLINE void NAME(combine_columns)(int few, int wide, int first, int64_t rows, const T *a, int64_t lda, const T *b, int64_t n, const T *c, int64_t ldc, T *to, int64_t ldt) {
	V s[FEW][2];
#pragma GCC unroll 8
	for (int i = 0; i < few; i++)
		for (int v = 0; v < wide; v++)
			s[i][v] = first ? SPLAT(0) : LOAD(c + i * ldc + v * LANES);
	for (int64_t l = 0; l < rows; l++) {
		V x[2];
		for (int v = 0; v < wide; v++) {
			x[v] = LOAD(b + l * n + v * LANES);
			__builtin_prefetch(b + (l + BLOCK) * n + v * LANES);
		}
#pragma GCC unroll 8
		for (int i = 0; i < few; i++) {
			V w = SPLAT(a[i * lda + l]);
			HOLD(w);
			for (int v = 0; v < wide; v++)
				s[i][v] += w * x[v];
		}
	}
#pragma GCC unroll 8
	for (int i = 0; i < few; i++)
		for (int v = 0; v < wide; v++)
			STORE(to + i * ldt + v * LANES, s[i][v]);
}

INLINE void NAME(combine_few)(int few, int first, int64_t n, int64_t rows, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	if (n < LANES) {
		for (int i = 0; i < few; i++)
			for (int64_t j = 0; j < n; j++) {
				T s = first ? 0 : c[i * ldc + j];
				for (int64_t l = 0; l < rows; l++)
					s += a[i * lda + l] * b[l * n + j];
				c[i * ldc + j] = s;
			}
		return;
	}
	T edge[FEW * LANES]; // stored when the vectors before it have been added to
	if (n % LANES)
		NAME(combine_columns)(few, 1, first, rows, a, lda, b + n - LANES, n, c + n - LANES, ldc, edge, LANES);
	int64_t j = 0;
	for (; j + 2 * LANES <= n; j += 2 * LANES)
		NAME(combine_columns)(few, 2, first, rows, a, lda, b + j, n, c + j, ldc, c + j, ldc);
	if (j + LANES <= n)
		NAME(combine_columns)(few, 1, first, rows, a, lda, b + j, n, c + j, ldc, c + j, ldc);
	if (n % LANES)
		for (int i = 0; i < few; i++)
			STORE(c + i * ldc + n - LANES, LOAD(edge + i * LANES));
}

static void NAME(combine_rows)(int first, int64_t m, int64_t n, int64_t rows, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	for (int64_t i = 0; i < m; i += FEW)
		FEWER(m - i < FEW ? m - i : FEW, combine_few, first, n, rows, a + i * lda, lda, b, c + i * ldc, ldc)
}

// combine computes C = A·B, or adds it to C, for A of shape (m, k) and B of shape (k, n): the rows of C are combinations of those of B.
void NAME(combine)(int add, int64_t m, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, T *c, int64_t ldc) {
	int64_t l = 0;
	do { // once also without rows
		NAME(combine_rows)(!add && l == 0, m, n, k - l < BLOCK ? k - l : BLOCK, a + l, lda, b + l * n, c, ldc);
		l += BLOCK;
	} while (l < k);
}

// What becomes of C when a sum of outer products is computed.
enum { NAME(overwrite), NAME(addto), NAME(descent) };

// outer_columns computes some rows of a sum of few outer products in one or two vectors of columns.
INLINE void NAME(outer_columns)(int few, int wide, int edge, int mode, int64_t rows, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	V x[FEW][2];
#pragma GCC unroll 8
	for (int l = 0; l < few; l++)
		for (int v = 0; v < wide; v++)
			x[l][v] = LOAD(b + l * ldb + v * LANES);
	for (int64_t r = 0; r < rows; r++, c += n) {
		V s[2] = {SPLAT(0), SPLAT(0)};
		if (mode != NAME(overwrite))
			for (int v = 0; v < wide; v++)
				__builtin_prefetch(c + BLOCK * n + v * LANES, 1);
#pragma GCC unroll 8
		for (int l = 0; l < few; l++) {
			V w = SPLAT(a[l * lda + r]);
			HOLD(w);
			for (int v = 0; v < wide; v++)
				s[v] += w * x[l][v];
		}
		for (int v = 0; v < wide; v++) {
			V old = LOAD(c + v * LANES), new = edge ? NAME(kept)(s[v], n) : s[v];
			STORE(c + v * LANES, mode == NAME(overwrite) ? s[v] : mode == NAME(addto) ? old + new : old - SPLAT(rate) * new);
		}
	}
}

INLINE void NAME(outer_few)(int few, int mode, int64_t rows, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	if (n < LANES) {
		for (int64_t r = 0; r < rows; r++)
			for (int64_t j = 0; j < n; j++) {
				T s = 0;
				for (int l = 0; l < few; l++)
					s += a[l * lda + r] * b[l * ldb + j];
				T *to = c + r * n + j;
				*to = mode == NAME(overwrite) ? s : mode == NAME(addto) ? *to + s : *to - rate * s;
			}
		return;
	}
	int64_t j = 0;
	for (; j + 2 * LANES <= n; j += 2 * LANES)
		NAME(outer_columns)(few, 2, 0, mode, rows, n, rate, a, lda, b + j, ldb, c + j);
	if (j + LANES <= n)
		NAME(outer_columns)(few, 1, 0, mode, rows, n, rate, a, lda, b + j, ldb, c + j);
	if (n % LANES)
		NAME(outer_columns)(few, 1, 1, mode, rows, n, rate, a, lda, b + n - LANES, ldb, c + n - LANES);
}

// outer computes the rows from lo to hi of C = Aᵀ·B, for A of k rows and B of shape (k, n), whose rows are ldb elements apart.
void NAME(outer)(int64_t lo, int64_t hi, int64_t n, int64_t k, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	for (int64_t r = lo; r < hi; r += BLOCK, c += BLOCK * n)
		for (int64_t l = 0; l < k; l += FEW)
			FEWER(k - l < FEW ? k - l : FEW, outer_few, l == 0 ? NAME(overwrite) : NAME(addto), hi - r < BLOCK ? hi - r : BLOCK, n, 0, a + l * lda + r, lda,
				b + l * ldb, ldb, c)
}

// descend_rows descends in some rows.
static void NAME(descend_rows)(int64_t rows, int64_t n, int64_t k, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	for (int64_t l = 0; l < k; l += FEW)
		FEWER(k - l < FEW ? k - l : FEW, outer_few, NAME(descent), rows, n, rate, a + l * lda, lda, b + l * ldb, ldb, c)
}

// descend subtracts the rate times Aᵀ·B from the rows from lo to hi of C: gradient descent.
void NAME(descend)(int64_t lo, int64_t hi, int64_t n, int64_t k, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c) {
	for (int64_t r = lo; r < hi; r += BLOCK, c += BLOCK * n)
		NAME(descend_rows)(hi - r < BLOCK ? hi - r : BLOCK, n, k, rate, a + r, lda, b, ldb, c);
}

// retreat_columns adds the combination of some rows of C to few rows of D, and then descends in C, in a vector of columns.
INLINE void NAME(retreat_columns)(int few, int edge, int first, int64_t rows, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c, const T *d, int64_t ldd, T *to, int64_t ldt) {
	V x[FEW], s[FEW];
#pragma GCC unroll 8
	for (int l = 0; l < few; l++) {
		x[l] = LOAD(b + l * ldb);
		s[l] = first ? SPLAT(0) : LOAD(d + l * ldd);
	}
	for (int64_t r = 0; r < rows; r++, c += n) {
		V old = LOAD(c), sum = SPLAT(0);
		__builtin_prefetch(c + BLOCK * n, 1);
#pragma GCC unroll 8
		for (int l = 0; l < few; l++) {
			V w = SPLAT(a[l * lda + r]);
			HOLD(w);
			s[l] += w * old;
			sum += w * x[l];
		}
		STORE(c, old - SPLAT(rate) * (edge ? NAME(kept)(sum, n) : sum));
	}
#pragma GCC unroll 8
	for (int l = 0; l < few; l++)
		STORE(to + l * ldt, s[l]);
}

INLINE void NAME(retreat_few)(int few, int first, int64_t rows, int64_t n, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c, T *d, int64_t ldd) {
	T edge[FEW * LANES]; // comes first, because it reads what the vectors before it change
	if (n % LANES)
		NAME(retreat_columns)(few, 1, first, rows, n, rate, a, lda, b + n - LANES, ldb, c + n - LANES, d + n - LANES, ldd, edge, LANES);
	for (int64_t j = 0; j + LANES <= n; j += LANES)
		NAME(retreat_columns)(few, 0, first, rows, n, rate, a, lda, b + j, ldb, c + j, d + j, ldd, d + j, ldd);
	if (n % LANES)
		for (int l = 0; l < few; l++)
			STORE(d + l * ldd + n - LANES, LOAD(edge + l * LANES));
}

// retreat computes, of the rows from lo to hi of C, their combination D = A·C, or adds it to D, and then descends in them.
void NAME(retreat)(int add, int64_t lo, int64_t hi, int64_t n, int64_t k, T rate, const T *a, int64_t lda, const T *b, int64_t ldb, T *c, T *d, int64_t ldd) {
	int64_t r = lo;
	do { // once also without rows
		const int64_t rows = hi - r < BLOCK ? hi - r : BLOCK;
		const int first = !add && r == lo;
		if (k <= FEW && n >= LANES)
			FEWER(k, retreat_few, first, rows, n, rate, a + r, lda, b, ldb, c, d, ldd)
		else {
			NAME(combine_rows)(first, k, n, rows, a + r, lda, c, d, ldd);
			NAME(descend_rows)(rows, n, k, rate, a + r, lda, b, ldb, c);
		}
		r += BLOCK;
		c += BLOCK * n;
	} while (r < hi);
}
