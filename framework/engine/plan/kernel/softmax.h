// Softmax along the middle axis of (outer, n, inner). Sums are in double precision, whatever T is.

// How many exponentials are computed at a time, and how many columns.
#undef PIECE
#undef COLUMN_BLOCK
#define PIECE 1024
#define COLUMN_BLOCK 64

// sum returns that of n numbers.
INLINE double NAME(sum)(const T *x, int64_t n) {
	double s[16] = {0}, sum = 0;
	int64_t i = 0;
	if (n >= 16) {
		for (; i + 16 <= n; i += 16)
			for (int64_t l = 0; l < 16; l++)
				s[l] += x[i + l];
		for (int64_t half = 8; half > 0; half /= 2)
			for (int64_t l = 0; l < half; l++)
				s[l] += s[l + half];
		sum = s[0];
	}
	for (; i < n; i++)
		sum += x[i];
	return sum;
}

// largest returns the maximum of n numbers, NaN if one is.
INLINE T NAME(largest)(const T *x, int64_t n) {
	T m = x[0];
	int64_t i = 1;
	if (n >= LANES) {
		V v = LOAD(x);
		for (i = LANES; i + LANES <= n; i += LANES) {
			V u = LOAD(x + i);
			v = NAME(choose)((u > v) | (u != u), u, v);
		}
		m = v[0];
		for (int64_t l = 1; l < LANES; l++)
			m = (v[l] > m) | (v[l] != v[l]) ? v[l] : m;
	}
	for (; i < n; i++)
		m = (x[i] > m) | (x[i] != x[i]) ? x[i] : m;
	return m;
}

// sum_exp returns the sum of the exponentials of n numbers.
INLINE double NAME(sum_exp)(const T *x, int64_t n) {
	T e[PIECE];
	double sum = 0;
	for (int64_t i = 0; i < n; i += PIECE) {
		int64_t some = n - i < PIECE ? n - i : PIECE;
		NAME(vexp_all)(some, x + i, e);
		sum += NAME(sum)(e, some);
	}
	return sum;
}

// rows computes lines that are contiguous. Exponentials of short ones are computed together.
static void NAME(softmax_rows)(int logarithm, int64_t rows, int64_t n, const T *x, T *y) {
	const int64_t together = n < PIECE ? PIECE / n : 1;
	for (int64_t r = 0; r < rows; r += together) {
		int64_t some = rows - r < together ? rows - r : together;
		T *first = y + r * n, *end = first + some * n;
		for (T *line = first; line < end; line += n, x += n) {
			T m = NAME(largest)(x, n);
			for (int64_t j = 0; j < n; j++)
				line[j] = x[j] - m;
		}
		if (!logarithm)
			NAME(vexp_all)(some * n, first, first);
		for (T *line = first; line < end; line += n) {
			if (logarithm) {
				double log_sum = log(NAME(sum_exp)(line, n));
				for (int64_t j = 0; j < n; j++)
					line[j] = (T)(line[j] - log_sum);
			} else {
				double scale = 1 / NAME(sum)(line, n);
				for (int64_t j = 0; j < n; j++)
					line[j] = (T)(line[j] * scale);
			}
		}
	}
}

// columns computes lines that lie beside each other.
static void NAME(softmax_columns)(int logarithm, int64_t n, int64_t inner, const T *x, T *y) {
	for (int64_t first = 0; first < inner; first += COLUMN_BLOCK) {
		int64_t width = inner - first < COLUMN_BLOCK ? inner - first : COLUMN_BLOCK;
		T m[COLUMN_BLOCK], e[COLUMN_BLOCK];
		double sum[COLUMN_BLOCK];
		for (int64_t i = 0; i < width; i++) {
			m[i] = x[first + i];
			sum[i] = 0;
		}
		for (int64_t j = 1; j < n; j++)
			for (int64_t i = 0; i < width; i++) {
				T v = x[j * inner + first + i];
				m[i] = (v > m[i]) | (v != v) ? v : m[i];
			}
		for (int64_t j = 0; j < n; j++) {
			const T *from = x + j * inner + first;
			T *to = y + j * inner + first;
			for (int64_t i = 0; i < width; i++)
				to[i] = from[i] - m[i];
			T *exponential = logarithm ? e : to;
			NAME(vexp_all)(width, to, exponential);
			for (int64_t i = 0; i < width; i++)
				sum[i] += exponential[i];
		}
		for (int64_t i = 0; i < width; i++)
			sum[i] = logarithm ? log(sum[i]) : 1 / sum[i];
		for (int64_t j = 0; j < n; j++) {
			T *to = y + j * inner + first;
			for (int64_t i = 0; i < width; i++)
				to[i] = (T)(logarithm ? to[i] - sum[i] : to[i] * sum[i]);
		}
	}
}

// softmax computes exp(x − max)/Σ exp(x − max) or its logarithm. x and y may be the same.
void NAME(softmax)(int logarithm, int64_t outer, int64_t n, int64_t inner, const T *x, T *y) {
	if (inner == 1)
		NAME(softmax_rows)(logarithm, outer, n, x, y);
	else
		for (int64_t o = 0; o < outer; o++)
			NAME(softmax_columns)(logarithm, n, inner, x + o * n * inner, y + o * n * inner);
}
