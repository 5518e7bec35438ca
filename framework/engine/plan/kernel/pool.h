// Pooling: windows slide over planes. Along a row, as many positions as a vector has lanes are worked on at a time: in registers where all
// of their windows are inside the plane. Where rows are short, every window is visited by itself.

#define SHORT_ROW 4

#if SINGLE
typedef int32_t NAME(place);
#else
typedef int64_t NAME(place);
#endif

// taps are those positions on a row, from first to behind, at which an element of the window is at first + position·step of the plane.
struct NAME(taps) {
	int64_t first, behind, from;
};

INLINE int64_t NAME(divide_up)(int64_t a, int64_t b) { return a > 0 ? (a + b - 1) / b : 0; }

// taps returns the positions from j to end at which the window's column k is inside. Mostly it is at all, and nothing need be divided.
INLINE struct NAME(taps) NAME(taps_of)(const struct backstitch_pool *p, int64_t row, int64_t k, int64_t j, int64_t end) {
	const int64_t offset = k * p->dilation_w - p->pad_w, stride = p->stride_w;
	struct NAME(taps) t = {j, end, row * p->w + offset};
	if (j * stride + offset < 0)
		t.first = NAME(divide_up)(-offset, stride);
	if ((end - 1) * stride + offset >= p->w)
		t.behind = NAME(divide_up)(p->w - offset, stride);
	return t;
}

// VISIT calls body for every element of the windows of n positions from j on of row i, in row-major order: it is inside for positions
// j + first to j + behind, of which position j + l has it at from + l·stride.
#define VISIT(body)                                                                          \
	for (int64_t a = 0; a < p->kh; a++) {                                                    \
		int64_t row = i * p->stride_h - p->pad_h + a * p->dilation_h;                        \
		if (row >= 0 && row < p->h)                                                          \
			for (int64_t b = 0; b < p->kw; b++) {                                            \
				struct NAME(taps) t = NAME(taps_of)(p, row, b, j, j + n);                    \
				const int64_t first = t.first - j, behind = t.behind - j;                    \
				const int64_t stride = p->stride_w, from = t.from + j * stride;              \
				body                                                                         \
			}                                                                                \
	}

// EVERY_SECOND are elements 0, 2, 4 … of memory, from vectors at 0 and LANES − 1: nothing behind the last one is read.
#undef EVERY_SECOND
#if BYTES == 64 && SINGLE
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31)
#elif BYTES == 64 || (BYTES == 32 && SINGLE)
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 4, 6, 9, 11, 13, 15)
#elif BYTES == 32 || SINGLE
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 2, 5, 7)
#else
#define EVERY_SECOND(a, b) __builtin_shufflevector(a, b, 0, 3)
#endif

// every_stride returns elements 0, stride, 2·stride … for a stride of 1 or 2.
INLINE V NAME(every_stride)(const T *x, int64_t stride) {
	return stride == 1 ? LOAD(x) : EVERY_SECOND(LOAD(x), LOAD(x + LANES - 1));
}

// within reports whether the windows of a vector of positions from j on are inside of the plane's columns, and every_stride reads them.
INLINE int NAME(within)(const struct backstitch_pool *p, int64_t j) {
	const int64_t first = j * p->stride_w - p->pad_w;
	return p->stride_w <= 2 && first >= 0 && first + (LANES - 1) * p->stride_w + (p->kw - 1) * p->dilation_w < p->w;
}

// VECTORS calls body with what a vector of positions from j on of row i reads, element after element of the windows.
#define VECTORS(body)                                                                                     \
	for (int64_t a = 0; a < p->kh; a++) {                                                                 \
		int64_t row = i * p->stride_h - p->pad_h + a * p->dilation_h;                                     \
		if (row >= 0 && row < p->h)                                                                       \
			for (int64_t b = 0; b < p->kw; b++) {                                                         \
				const int64_t from = row * p->w + j * p->stride_w - p->pad_w + b * p->dilation_w;         \
				V v = NAME(every_stride)(x + from, p->stride_w);                                          \
				body                                                                                      \
			}                                                                                             \
	}

// maxima_vector finds, for a vector of positions, the places of the maxima and what is there.
INLINE void NAME(maxima_vector)(const struct backstitch_pool *p, int64_t i, int64_t j, const T *x, T *best, NAME(place) *place) {
	V most = SPLAT(0);
	BITS at = (BITS){0} - 1, lanes;
	for (int64_t l = 0; l < LANES; l++)
		lanes[l] = l * p->stride_w;
	VECTORS({
		BITS take = (at < 0) | (v > most) | (v != v);
		most = NAME(choose)(take, v, most);
		at = (take & (lanes + (NAME(place))from)) | (~take & at);
	})
	memcpy(best, &most, sizeof most);
	memcpy(place, &at, sizeof at);
}

INLINE void NAME(sum_vector)(const struct backstitch_pool *p, int64_t i, int64_t j, const T *x, T *to) {
	double sum[BYTES / sizeof(T)] = {0};
	VECTORS({
		for (int64_t l = 0; l < LANES; l++)
			sum[l] += v[l];
	})
	for (int64_t l = 0; l < LANES; l++)
		to[l] = (T)sum[l];
}
#undef VECTORS

// maxima finds, for n positions from j on of row i, the places of the maxima and what is there: the first of equal ones, or a NaN.
INLINE void NAME(maxima)(const struct backstitch_pool *p, int64_t i, int64_t j, int64_t n, const T *x, T *restrict best, NAME(place) *restrict place) {
	for (int64_t l = 0; l < n; l++) {
		best[l] = 0;
		place[l] = -1;
	}
	VISIT({
		for (int64_t l = first; l < behind; l++) {
			T v = x[from + l * stride];
			int take = (place[l] < 0) | (v > best[l]) | (v != v);
			best[l] = take ? v : best[l];
			place[l] = take ? (NAME(place))(from + l * stride) : place[l];
		}
	})
}

// pool_piece works on n positions from j on of row i, at most a vector of them.
static void NAME(pool_piece)(int mode, const struct backstitch_pool *p, int64_t i, int64_t j, int64_t n, const T *x, const T *g, T *y) {
	T best[BYTES / sizeof(T)];
	NAME(place) place[BYTES / sizeof(T)];
	double sum[BYTES / sizeof(T)] = {0};
	const int64_t q = i * p->ow + j;
	const int vector = n == LANES && NAME(within)(p, j);
	switch (mode) {
	case BACKSTITCH_Select:
	case BACKSTITCH_ScatterMax:
		if (vector)
			NAME(maxima_vector)(p, i, j, x, best, place);
		else
			NAME(maxima)(p, i, j, n, x, best, place);
		if (mode == BACKSTITCH_ScatterMax)
			for (int64_t l = 0; l < n; l++)
				y[place[l]] += g[q + l];
		else if (x == g)
			memcpy(y + q, best, n * sizeof(T));
		else
			for (int64_t l = 0; l < n; l++)
				y[q + l] = g[place[l]];
		break;
	case BACKSTITCH_Sum:
		if (vector) {
			NAME(sum_vector)(p, i, j, x, y + q);
			break;
		}
		VISIT({
			for (int64_t l = first; l < behind; l++)
				sum[l] += x[from + l * stride];
		})
		for (int64_t l = 0; l < n; l++)
			y[q + l] = (T)sum[l];
		break;
	default: {
		const T *restrict spread = g + q;
		T *restrict to = y;
		VISIT({
			if (stride == 1)
				for (int64_t l = first; l < behind; l++)
					to[from + l] += spread[l];
			else
				for (int64_t l = first; l < behind; l++)
					to[from + l * stride] += spread[l];
		})
	}
	}
}
#undef VISIT

// inside finds the elements of a window along an axis that are inside: from first to last with the dilation.
INLINE void NAME(inside)(int64_t at, int64_t dilation, int64_t kernel, int64_t size, int64_t *first, int64_t *last) {
	*first = at + NAME(divide_up)(-at, dilation) * dilation;
	*last = at + (kernel - 1) * dilation;
	if (*last >= size)
		*last -= (*last - size + dilation) / dilation * dilation;
}

static void NAME(pool_window)(int mode, const struct backstitch_pool *p, int64_t i, int64_t j, const T *restrict x, const T *g, T *y) {
	int64_t top, bottom, left, right;
	const int64_t q = i * p->ow + j;
	NAME(inside)(i * p->stride_h - p->pad_h, p->dilation_h, p->kh, p->h, &top, &bottom);
	NAME(inside)(j * p->stride_w - p->pad_w, p->dilation_w, p->kw, p->w, &left, &right);
	int64_t best = top * p->w + left;
	double sum = 0;
	for (int64_t r = top; r <= bottom; r += p->dilation_h) {
		const int64_t first = r * p->w + left, last = r * p->w + right;
		if (mode == BACKSTITCH_Sum && p->dilation_w == 1 && first <= last)
			sum += NAME(sum)(x + first, last + 1 - first);
		else if (mode == BACKSTITCH_Sum)
			for (int64_t at = first; at <= last; at += p->dilation_w)
				sum += x[at];
		else if (mode == BACKSTITCH_Spread) {
			const T v = g[q];
			if (p->dilation_w == 1)
				for (int64_t at = first; at <= last; at++)
					y[at] += v;
			else
				for (int64_t at = first; at <= last; at += p->dilation_w)
					y[at] += v;
		} else
			for (int64_t at = first; at <= last; at += p->dilation_w)
				if (x[at] > x[best] || x[at] != x[at])
					best = at;
	}
	if (mode == BACKSTITCH_Select)
		y[q] = g[best];
	else if (mode == BACKSTITCH_ScatterMax)
		y[best] += g[q];
	else if (mode == BACKSTITCH_Sum)
		y[q] = (T)sum;
}

// pool works on the planes from lo to hi: it selects from b where a has the maximum of each window, adds b there, sums a in each window,
// or adds a to all elements of its window.
void NAME(pool)(int mode, const struct backstitch_pool *p, const T *a, const T *b, T *y, int64_t lo, int64_t hi) {
	const int64_t area = p->h * p->w, positions = p->oh * p->ow;
	const int spreads = mode == BACKSTITCH_ScatterMax || mode == BACKSTITCH_Spread;
	for (int64_t plane = lo; plane < hi; plane++) {
		const T *x = a + plane * area, *g = b + plane * (spreads ? positions : area);
		T *to = y + plane * (spreads ? area : positions);
		if (spreads)
			memset(to, 0, area * sizeof(T));
		for (int64_t i = 0; i < p->oh; i++)
			if (p->ow <= SHORT_ROW)
				for (int64_t j = 0; j < p->ow; j++)
					NAME(pool_window)(mode, p, i, j, x, g, to);
			else
				for (int64_t j = 0; j < p->ow; j += LANES)
					NAME(pool_piece)(mode, p, i, j, p->ow - j < LANES ? p->ow - j : LANES, x, g, to);
	}
}
#undef SHORT_ROW
