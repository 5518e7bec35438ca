// Softmax, pooling and copies.

// softmax computes, along the middle axis of (outer, n, inner), exp(x − max)/sum or its logarithm. Sums are in double precision.
void NAME(softmax)(int logarithm, int64_t outer, int64_t n, int64_t inner, const T *x, T *y) {
	for (int64_t o = 0; o < outer; o++, x += n * inner, y += n * inner)
		for (int64_t i = 0; i < inner; i++) {
			T largest = x[i];
			for (int64_t j = 1; j < n; j++) {
				T v = x[j * inner + i];
				largest = (v > largest) | (v != v) ? v : largest;
			}
			double sum = 0;
			for (int64_t j = 0; j < n; j += LANES) {
				int64_t some = n - j < LANES ? n - j : LANES;
				V v = SPLAT(0);
				for (int64_t l = 0; l < some; l++)
					v[l] = x[(j + l) * inner + i] - largest;
				v = NAME(vexp)(v);
				for (int64_t l = 0; l < some; l++) {
					sum += v[l];
					if (!logarithm)
						y[(j + l) * inner + i] = v[l];
				}
			}
			double scale = logarithm ? log(sum) : 1 / sum;
			for (int64_t j = 0; j < n; j++) {
				int64_t at = j * inner + i;
				y[at] = logarithm ? (T)(((double)x[at] - largest) - scale) : (T)(y[at] * scale);
			}
		}
}

// walk_lines calls body for every line along the last axis: place is where the strides lead for its first element, line where it begins in
// row-major order.
#define WALK_LINES(body)                                                          \
	int64_t index[BACKSTITCH_AXES] = {0}, place = 0, line = 0;                    \
	const int64_t length = axes ? shape[axes - 1] : 1;                            \
	const int64_t stride = axes ? strides[axes - 1] : 0;                          \
	for (;;) {                                                                    \
		body;                                                                     \
		line += length;                                                           \
		int64_t axis = axes - 2;                                                  \
		for (; axis >= 0; axis--) {                                               \
			place += strides[axis];                                               \
			if (++index[axis] < shape[axis])                                      \
				break;                                                            \
			place -= shape[axis] * strides[axis];                                 \
			index[axis] = 0;                                                      \
		}                                                                         \
		if (axis < 0)                                                             \
			break;                                                                \
	}

// gather fills y, in row-major order of the shape, from where the strides lead in x.
void NAME(gather)(int64_t axes, const int64_t *shape, const int64_t *strides, const T *x, T *y) {
	if (axes == 2 && strides[0] == 1 && strides[1] > 1) { // a transpose, in blocks of lines of the cache
		for (int64_t i = 0; i < shape[0]; i += 16)
			for (int64_t j = 0; j < shape[1]; j++)
				for (int64_t k = i; k < i + 16 && k < shape[0]; k++)
					y[k * shape[1] + j] = x[k + j * strides[1]];
		return;
	}
	WALK_LINES({
		const T *from = x + place;
		T *to = y + line;
		if (stride == 1)
			memcpy(to, from, length * sizeof(T));
		else
			for (int64_t i = 0; i < length; i++)
				to[i] = from[i * stride];
	})
}

// scatter moves x, in row-major order of the shape, to where the strides lead in y.
void NAME(scatter)(int64_t axes, const int64_t *shape, const int64_t *strides, const T *x, T *y) {
	WALK_LINES({
		const T *from = x + line;
		T *to = y + place;
		if (stride == 1)
			memcpy(to, from, length * sizeof(T));
		else
			for (int64_t i = 0; i < length; i++)
				to[i * stride] = from[i];
	})
}
#undef WALK_LINES

// taps are the elements of a window along an axis that are inside: from first to last with the dilation.
INLINE void NAME(inside)(int64_t at, int64_t dilation, int64_t kernel, int64_t size, int64_t *first, int64_t *last) {
	int64_t skipped = at < 0 ? (-at + dilation - 1) / dilation : 0;
	*first = at + skipped * dilation;
	*last = at + (kernel - 1) * dilation;
	if (*last >= size)
		*last -= (*last - size + dilation) / dilation * dilation;
}

// pool works on the planes from lo to hi: it selects from b where a has the maximum of each window, adds b there, sums a in each window, or
// adds a to all elements of its window. The first of equal maxima counts, and a NaN wins.
INLINE void NAME(pool_mode)(int mode, const struct backstitch_pool *p, const T *a, const T *b, T *y, int64_t lo, int64_t hi) {
	const int64_t area = p->h * p->w, positions = p->oh * p->ow;
	for (int64_t plane = lo; plane < hi; plane++) {
		T *large = y + plane * area, *small = y + plane * positions;
		if (mode == BACKSTITCH_ScatterMax || mode == BACKSTITCH_Spread)
			memset(large, 0, area * sizeof(T));
		for (int64_t i = 0; i < p->oh; i++)
			for (int64_t j = 0; j < p->ow; j++) {
				int64_t top, bottom, left, right, q = plane * positions + i * p->ow + j;
				NAME(inside)(i * p->stride_h - p->pad_h, p->dilation_h, p->kh, p->h, &top, &bottom);
				NAME(inside)(j * p->stride_w - p->pad_w, p->dilation_w, p->kw, p->w, &left, &right);
				const T *x = a + plane * area;
				int64_t best = top * p->w + left;
				double sum = 0;
				for (int64_t r = top; r <= bottom; r += p->dilation_h)
					for (int64_t c = left; c <= right; c += p->dilation_w) {
						int64_t at = r * p->w + c;
						if (mode == BACKSTITCH_Sum)
							sum += x[at];
						else if (mode == BACKSTITCH_Spread)
							large[at] += a[q];
						else if (x[at] > x[best] || x[at] != x[at])
							best = at;
					}
				if (mode == BACKSTITCH_Select)
					small[i * p->ow + j] = b[plane * area + best];
				else if (mode == BACKSTITCH_ScatterMax)
					large[best] += b[q];
				else if (mode == BACKSTITCH_Sum)
					small[i * p->ow + j] = (T)sum;
			}
	}
}

void NAME(pool)(int mode, const struct backstitch_pool *p, const T *a, const T *b, T *y, int64_t lo, int64_t hi) {
	switch (mode) {
	case BACKSTITCH_Select:
		NAME(pool_mode)(BACKSTITCH_Select, p, a, b, y, lo, hi);
		break;
	case BACKSTITCH_ScatterMax:
		NAME(pool_mode)(BACKSTITCH_ScatterMax, p, a, b, y, lo, hi);
		break;
	case BACKSTITCH_Sum:
		NAME(pool_mode)(BACKSTITCH_Sum, p, a, b, y, lo, hi);
		break;
	default:
		NAME(pool_mode)(BACKSTITCH_Spread, p, a, b, y, lo, hi);
	}
}
