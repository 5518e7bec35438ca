// One core for products of matrices and convolutions: a tile of the result, ROWS by two vectors, is kept in registers while rows of B
// are added to it. Numbers of A are read one by one, where they are; B is packed into panels of two vectors, row after row, or read
// where it is, if each of its rows consists of two whole vectors there.

#undef ROWS
#undef COLUMNS
#if BYTES == 64
#define ROWS 12
#else
#define ROWS 6
#endif
#define COLUMNS (2 * LANES)

// The number of rows of B for which a tile is computed before it goes back to memory.
#define DEPTH 256

// operands is what the tiles of a product read. Column l of A begins in[l] behind the first one, and its rows are apart; row l of B begins
// at first + at[l] and second + at[l]. While a tile computes it brings into the cache what later ones read: two vectors at each of some
// places.
struct NAME(operands) {
	int64_t depth, apart;
	const int32_t *in;
	const T *first, *second;
	const int32_t *at;
	const T *ahead;
	const int32_t *places;
	int64_t number; // of places
};

// tile computes C += A·B, or C = A·B if this is the first part of a sum, for a few rows of A and two vectors of each row of B.
INLINE void NAME(tile_of)(int rows, const T *a, const struct NAME(operands) *o, int add, T *c0, T *c1, int64_t ldc) {
	const int64_t depth = o->depth, apart = o->apart;
	const int32_t *in = o->in, *at = o->at, *place = o->places, *end = place + o->number;
	const T *first = o->first, *second = o->second, *ahead = o->ahead;
	const int rest = o->number > 0 && depth > o->number ? depth / o->number : 1; // after each place
	int left = rest;
	V s[ROWS][2];
#pragma GCC unroll 16
	for (int i = 0; i < rows; i++)
		s[i][0] = s[i][1] = SPLAT(0);
	for (int64_t l = 0; l < depth; l++) {
		if (place < end && --left == 0) {
			__builtin_prefetch(ahead + *place);
			__builtin_prefetch(ahead + *place++ + LANES);
			left = rest;
		}
		V x = LOAD(first + at[l]), y = LOAD(second + at[l]);
		const T *p = a + in[l];
#pragma GCC unroll 16
		for (int i = 0; i < rows; i++) {
			V w = SPLAT(p[i % 3 * apart]);
			HOLD(w);
			s[i][0] += w * x;
			s[i][1] += w * y;
			if (i % 3 == 2) // few distances fit into registers
				p += 3 * apart;
		}
	}
#pragma GCC unroll 16
	for (int i = 0; i < rows; i++) {
		T *p = c0 + i * ldc, *q = c1 + i * ldc;
		STORE(p, add ? LOAD(p) + s[i][0] : s[i][0]);
		STORE(q, add ? LOAD(q) + s[i][1] : s[i][1]);
	}
}

static void NAME(tile)(int64_t rows, const T *a, const struct NAME(operands) *o, int add, T *c0, T *c1, int64_t ldc) {
	switch (rows) {
#define CASE(n)                                    \
	case n:                                        \
		NAME(tile_of)(n, a, o, add, c0, c1, ldc); \
		break;
		CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6)
#if ROWS == 12
		CASE(7) CASE(8) CASE(9) CASE(10) CASE(11) CASE(12)
#endif
#undef CASE
	}
}

// transpose writes element l of row i to to[l·ldt + i], for rows that are ldx apart. It may write up to a vector behind the rows, which
// must be free: in order of l, so that nothing is lost.
static void NAME(transpose)(int64_t rows, int64_t n, const T *x, int64_t ldx, T *restrict to, int64_t ldt) {
	int64_t l = 0;
#if BYTES == 64 && SINGLE
	for (; l + 16 <= n; l += 16) {
		int64_t i = 0;
		for (; i < rows; i += 16) {
			V v[16], u[16];
			for (int64_t r = 0; r < 16; r++)
				if (i + r < rows) {
					v[r] = LOAD(x + (i + r) * ldx + l);
					__builtin_prefetch(x + (i + r) * ldx + l + 4 * LANES);
				} else
					v[r] = SPLAT(0);
			for (int r = 0; r < 16; r += 2) {
				u[r] = __builtin_shufflevector(v[r], v[r + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
				u[r + 1] = __builtin_shufflevector(v[r], v[r + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
			}
			for (int r = 0; r < 16; r++)
				if (!(r & 2)) {
					v[r] = __builtin_shufflevector(u[r], u[r + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
					v[r + 2] = __builtin_shufflevector(u[r], u[r + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
				}
			for (int r = 0; r < 16; r++)
				if (!(r & 4)) {
					u[r] = __builtin_shufflevector(v[r], v[r + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
					u[r + 4] = __builtin_shufflevector(v[r], v[r + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
				}
			for (int r = 0; r < 8; r++) {
				v[r] = __builtin_shufflevector(u[r], u[r + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
				v[r + 8] = __builtin_shufflevector(u[r], u[r + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
			}
			for (int r = 0; r < 16; r++)
				STORE(to + (l + r) * ldt + i, v[r]);
		}
	}
#endif
	for (; l < n; l++)
		for (int64_t i = 0; i < rows; i++)
			to[l * ldt + i] = x[i * ldx + l];
}

// pack_rows packs panels of rows that are contiguous in memory; missing rows of the last panel are never read.
static void NAME(pack_rows)(int64_t rows, int64_t depth, const T *a, int64_t lda, T *to) {
	for (int64_t i = 0; i < rows; i += ROWS) {
		int64_t some = rows - i < ROWS ? rows - i : ROWS;
		NAME(transpose)(some, depth, a + i * lda, lda, to, ROWS);
		to += depth * ROWS;
	}
}

// pack_columns packs panels of the rows of a matrix that is stored transposed.
static void NAME(pack_columns)(int64_t rows, int64_t depth, const T *a, int64_t lda, T *to) {
	for (int64_t i = 0; i < rows; i += ROWS) {
		int64_t some = rows - i < ROWS ? rows - i : ROWS;
		for (int64_t l = 0; l < depth; l++, to += ROWS)
			for (int64_t r = 0; r < some; r++)
				to[r] = a[l * lda + i + r];
	}
}

// steps fills a table with multiples of a distance: the places of the rows of a packed panel, or of other things.
INLINE void NAME(steps)(int32_t *at, int64_t apart) {
	for (int64_t l = 0; l < DEPTH; l++)
		at[l] = l * apart;
}

// partial computes a tile of which some columns are not wanted.
static void NAME(partial)(int64_t rows, int64_t columns, const T *a, const struct NAME(operands) *o, int add, T *c, int64_t ldc) {
	T some[ROWS * COLUMNS];
	NAME(tile)(rows, a, o, 0, some, some + LANES, COLUMNS);
	for (int64_t i = 0; i < rows; i++)
		for (int64_t j = 0; j < columns; j++)
			c[i * ldc + j] = (add ? c[i * ldc + j] : 0) + some[i * COLUMNS + j];
}

// matmul computes the rows from lo to hi of C = op(A)·op(B). It needs a scratch of (hi − lo + ROWS)·DEPTH + DEPTH·COLUMNS.
void NAME(matmul)(int transA, int transB, int64_t m, int64_t n, int64_t k, const T *a, const T *b, T *c, int64_t lo, int64_t hi, T *scratch) {
	const int64_t rows = hi - lo, lda = transA ? m : k, ldb = transB ? k : n;
	if (k == 0)
		memset(c, 0, rows * n * sizeof(T));
	T *left = scratch, *right = scratch + (rows + ROWS - 1) / ROWS * ROWS * DEPTH;
	int32_t at[DEPTH], in[DEPTH];
	NAME(steps)(at, COLUMNS);
	NAME(steps)(in, ROWS);
	for (int64_t l = 0; l < k; l += DEPTH) {
		int64_t depth = k - l < DEPTH ? k - l : DEPTH;
		if (transA)
			NAME(pack_columns)(rows, depth, a + l * lda + lo, lda, left);
		else
			NAME(pack_rows)(rows, depth, a + lo * lda + l, lda, left);
		for (int64_t j = 0; j < n; j += COLUMNS) {
			int64_t columns = n - j < COLUMNS ? n - j : COLUMNS;
			if (transB)
				NAME(transpose)(columns, depth, b + j * ldb + l, ldb, right, COLUMNS);
			else
				for (int64_t r = 0; r < depth; r++)
					memcpy(right + r * COLUMNS, b + (l + r) * ldb + j, columns * sizeof(T));
			const struct NAME(operands) o = {depth, 1, in, right, right + LANES, at};
			for (int64_t i = 0; i < rows; i += ROWS) {
				int64_t some = rows - i < ROWS ? rows - i : ROWS;
				T *to = c + i * n + j;
				if (columns == COLUMNS)
					NAME(tile)(some, left + i * depth, &o, l > 0, to, to + LANES, n);
				else
					NAME(partial)(some, columns, left + i * depth, &o, l > 0, to, n);
			}
		}
	}
}
