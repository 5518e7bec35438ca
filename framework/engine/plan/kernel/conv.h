// Convolutions. The input's planes are copied with zeros around them, so that every tap of every position is a number at a fixed distance:
// then a convolution is a product of matrices whose second one is read from the planes. With strides, columns that positions next to each
// other read are next to each other in the copies. Where positions that follow one another read numbers that do, rows of that matrix are
// read in place; else panels of it are packed.

// window is where the taps of a convolution read, in the padded planes of some images.
struct NAME(window) {
	int64_t top, left, height, width; // of a padded plane: where it begins in the input's plane, and its size
	int64_t run;                      // columns of a plane that are one stride apart, which are stored one after the other
	int64_t image;                    // distance of images
	int padded;                       // whether the planes are copies
};

INLINE struct NAME(window) NAME(windows)(const struct backstitch_conv *v) {
	int64_t top = v->dh[0], bottom = top, left = v->dw[0], right = left;
	for (int64_t t = 1; t < v->taps; t++) {
		top = v->dh[t] < top ? v->dh[t] : top;
		bottom = v->dh[t] > bottom ? v->dh[t] : bottom;
		left = v->dw[t] < left ? v->dw[t] : left;
		right = v->dw[t] > right ? v->dw[t] : right;
	}
	bottom += (v->rows - 1) * v->step_h;
	right += (v->columns - 1) * v->step_w;
	if (v->step_w == 1 && top >= 0 && left >= 0 && bottom < v->h && right < v->w)
		return (struct NAME(window)){0, 0, v->h, v->w, v->w, v->groups * v->channels * v->h * v->w, 0};
	int64_t height = bottom - top + 1, run = (right - left + v->step_w) / v->step_w, width = run * v->step_w;
	return (struct NAME(window)){top, left, height, width, run, v->channels * height * width, 1};
}

// every copies n elements that are a step apart.
INLINE void NAME(every)(int64_t step, int64_t n, const T *x, T *to) {
	int64_t i = 0;
#if BYTES == 64 && SINGLE
	if (step == 2)
		for (; i + 16 <= n; i += 16) {
			V a = LOAD(x + 2 * i), b = LOAD(x + 2 * i + 15); // what follows the last element may not be ours
			STORE(to + i, __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 17, 19, 21, 23, 25, 27, 29, 31));
		}
#endif
	for (; i < n; i++)
		to[i] = x[i * step];
}

// pad_row copies a row of a plane, with zeros outside.
INLINE void NAME(pad_row)(const struct backstitch_conv *v, const struct NAME(window) *p, const T *x, T *to) {
	for (int64_t first = 0; first < v->step_w; first++, to += p->run) {
		int64_t lo = 0, hi = p->run, column = p->left + first; // lo to hi are inside
		if (column < 0)
			lo = (-column + v->step_w - 1) / v->step_w;
		if (column + (hi - 1) * v->step_w >= v->w)
			hi = (v->w - column + v->step_w - 1) / v->step_w;
		lo = lo > p->run ? p->run : lo;
		hi = hi < lo ? lo : hi;
		for (int64_t i = 0; i < lo; i++)
			to[i] = 0;
		if (v->step_w == 1)
			memcpy(to + lo, x + column + lo, (hi - lo) * sizeof(T));
		else
			NAME(every)(v->step_w, hi - lo, x + column + lo * v->step_w, to + lo);
		for (int64_t i = hi; i < p->run; i++)
			to[i] = 0;
	}
}

// pad copies the planes of some channels of one group, of some images, with zeros outside.
static void NAME(pad)(const struct backstitch_conv *v, const struct NAME(window) *p, const T *x, int64_t images, int64_t channel, int64_t channels, T *planes) {
	int one_row = 1; // every step_h-th row is read, if the taps are in one
	for (int64_t t = 0; t < v->taps; t++)
		one_row &= v->dh[t] == v->dh[0];
	for (int64_t n = 0; n < images; n++)
		for (int64_t c = channel; c < channel + channels; c++) {
			const T *plane = x + (n * v->groups * v->channels + c) * v->h * v->w;
			T *to = planes + n * p->image + c * p->height * p->width;
			for (int64_t r = 0; r < p->height; r++, to += p->width) {
				int64_t row = r + p->top;
				if (one_row && r % v->step_h)
					continue;
				if (row < 0 || row >= v->h)
					memset(to, 0, p->width * sizeof(T));
				else
					NAME(pad_row)(v, p, plane + row * v->w, to);
			}
		}
}

// positions fills tables with where each position of some images reads its first tap, and where it stands in the output.
INLINE void NAME(positions)(const struct backstitch_conv *v, const struct NAME(window) *p, int64_t images, int64_t image, int32_t *from, int32_t *to) {
	int64_t q = 0;
	for (int64_t n = 0; n < images; n++)
		for (int64_t i = 0; i < v->rows; i++)
			for (int64_t j = 0; j < v->columns; j++, q++) {
				from[q] = n * p->image + i * v->step_h * p->width + j;
				to[q] = n * image + v->out_first + i * v->out_step_h + j * v->out_step_w;
			}
	for (int64_t i = 0; i < COLUMNS; i++, q++) { // the last panel is filled up
		from[q] = from[q - 1];
		to[q] = to[q - 1];
	}
}

INLINE void NAME(distances)(const struct backstitch_conv *v, const struct NAME(window) *p, int32_t *at) {
	for (int64_t c = 0; c < v->channels; c++)
		for (int64_t t = 0; t < v->taps; t++) {
			int64_t row = v->dh[t] - (p->padded ? p->top : 0), column = v->dw[t] - (p->padded ? p->left : 0);
			*at++ = (c * p->height + row) * p->width + column % v->step_w * p->run + column / v->step_w;
		}
}

// together reports whether some positions follow one another in memory.
INLINE int NAME(in_a_row)(const int32_t *q, int64_t n) {
	return q[n - 1] - q[0] == n - 1;
}

// run_of returns the largest power of two, up to a vector, such that all n positions are in runs of that length.
INLINE int64_t NAME(run_of)(const int32_t *q, int64_t n) {
	for (int64_t run = LANES; run > 1; run /= 2) {
		int all = n % run == 0;
		for (int64_t i = 0; all && i < n; i += run)
			all = NAME(in_a_row)(q + i, run);
		if (all)
			return run;
	}
	return 1;
}

// take copies the elements at n positions, which are in runs.
INLINE void NAME(take)(const T *x, const int32_t *q, int64_t n, int64_t run, T *restrict to) {
#define RUN(length)                                                   \
	if (run == length) {                                              \
		for (int64_t i = 0; i < n; i += length)                       \
			memcpy(to + i, x + q[i], length * sizeof(T));             \
		return;                                                       \
	}
	RUN(16) RUN(8) RUN(4)
#undef RUN
	for (int64_t i = 0; i < n; i++)
		to[i] = x[q[i]];
}

// The number of positions up to which weights are read where they are. If there are more, they are read so often that they should be packed.
#define REREAD 256

// pack_filters packs the weights of some filters, panel by panel, for each part of the sum.
static void NAME(pack_filters)(const struct backstitch_conv *v, const T *w, int64_t rows, T *to) {
	int64_t depth = v->channels * v->taps;
	int plain = v->channel_stride == v->taps;
	for (int64_t t = 0; plain && t < v->taps; t++)
		plain = v->weight[t] == t;
	for (int64_t l = 0; l < depth; l += DEPTH) {
		int64_t some = depth - l < DEPTH ? depth - l : DEPTH;
		if (plain) {
			NAME(pack_rows)(rows, some, w + l, v->filter_stride, to);
			to += (rows + ROWS - 1) / ROWS * ROWS * some;
			continue;
		}
		for (int64_t i = 0; i < rows; i += ROWS) {
			int64_t width = rows - i < ROWS ? rows - i : ROWS, c = l / v->taps, t = l % v->taps;
			for (int64_t k = 0; k < some; k++, to += ROWS) {
				const T *from = w + i * v->filter_stride + c * v->channel_stride + v->weight[t];
				if (width == ROWS)
					for (int r = 0; r < ROWS; r++)
						to[r] = from[r * v->filter_stride];
				else
					for (int64_t r = 0; r < width; r++)
						to[r] = from[r * v->filter_stride];
				if (++t == v->taps) {
					t = 0;
					c++;
				}
			}
		}
	}
}

// panel computes the outputs of some filters at the positions of one panel. Rows of weights that are read by one tile begin some distance
// apart, and what the next tile reads begins tile behind.
INLINE void NAME(panel)(int pack, int64_t rows, int64_t columns, int64_t depth, const T *w, int64_t apart, int64_t tile, const int32_t *in, const T *b, const int32_t *from,
	const int32_t *at, const int32_t *packed_at, T *packed, int add, T *y, const int32_t *to, int64_t plane) {
	const T *first = b + from[0], *second = b + from[LANES];
	if (pack || !NAME(in_a_row)(from, LANES) || !NAME(in_a_row)(from + LANES, LANES)) {
		int64_t run = NAME(run_of)(from, COLUMNS);
		for (int64_t l = 0; l < depth; l++)
			NAME(take)(b + at[l], from, COLUMNS, run, packed + l * COLUMNS);
		first = packed;
		second = packed + LANES;
		at = packed_at;
	}
	int whole = columns == COLUMNS && NAME(in_a_row)(to, LANES) && NAME(in_a_row)(to + LANES, LANES);
	for (int64_t i = 0; i < rows; i += ROWS, w += tile) {
		int64_t some = rows - i < ROWS ? rows - i : ROWS;
		T *out = y + i * plane;
		if (whole) {
			NAME(tile)(some, depth, w, apart, in, first, second, at, add, out + to[0], out + to[LANES], plane);
			continue;
		}
		T sums[ROWS * COLUMNS];
		NAME(tile)(some, depth, w, apart, in, first, second, at, 0, sums, sums + LANES, COLUMNS);
		for (int64_t r = 0; r < some; r++)
			for (int64_t j = 0; j < columns; j++) {
				T *p = out + r * plane + to[j];
				*p = (add ? *p : 0) + sums[r * COLUMNS + j];
			}
	}
}

// convolve computes, for some images and in each group for the filters from row0 to row1, the sums over channels and taps.
void NAME(convolve)(const struct backstitch_conv *v, const T *x, const T *w, T *y, int64_t image0, int64_t image1, int64_t row0, int64_t row1, T *scratch) {
	const struct NAME(window) p = NAME(windows)(v);
	const int64_t rows = row1 - row0, depth = v->channels * v->taps, image = v->groups * v->filters * v->plane;
	// Rows of B that have nothing in common are often as far apart as they compete for the same few places of the cache.
	const int pack = rows > ROWS && v->taps < 4;
	const int64_t padded_rows = (rows + ROWS - 1) / ROWS * ROWS, positions = v->rows * v->columns;
	const int in_place = (image1 - image0) * positions <= REREAD; // the weights are not packed
	T *packed = scratch, *planes = packed + DEPTH * COLUMNS;
	int32_t *from = (int32_t *)(planes + (p.padded ? v->together * p.image : 0)), *to = from + v->together * positions + COLUMNS;
	int32_t *at = to + v->together * positions + COLUMNS, *in = at + depth, packed_at[DEPTH];
	T *left = (T *)(at + (2 * depth + 15) / 16 * 16);
	NAME(steps)(packed_at, COLUMNS);
	NAME(distances)(v, &p, at);
	NAME(positions)(v, &p, v->together, image, from, to);
	for (int64_t l = 0; l < depth; l++)
		in[l] = in_place ? l / v->taps * v->channel_stride + v->weight[l % v->taps] : l % DEPTH * ROWS;
	for (int64_t g = 0; g < v->groups; g++) {
		const T *weights = w + g * v->group_stride + row0 * v->filter_stride;
		if (!in_place)
			NAME(pack_filters)(v, weights, rows, left);
		for (int64_t n = image0; n < image1; n += v->together) {
			int64_t images = image1 - n < v->together ? image1 - n : v->together;
			const T *b = x + (n * v->groups + g) * v->channels * v->h * v->w;
			if (p.padded) {
				NAME(pad)(v, &p, b, images, 0, v->channels, planes);
				b = planes;
			}
			T *out = y + n * image + (g * v->filters + row0) * v->plane;
			for (int64_t l = 0; l < depth; l += DEPTH) {
				int64_t some = depth - l < DEPTH ? depth - l : DEPTH;
				for (int64_t q = 0; q < images * positions; q += COLUMNS) {
					int64_t columns = images * positions - q < COLUMNS ? images * positions - q : COLUMNS;
					int32_t edge[COLUMNS];
					const int32_t *reads = from + q;
					if (columns < COLUMNS) { // what lies behind may be an image that is not there
						for (int64_t i = 0; i < COLUMNS; i++)
							edge[i] = from[q + (i < columns ? i : 0)];
						reads = edge;
					}
					if (in_place)
						NAME(panel)(pack, rows, columns, some, weights, v->filter_stride, ROWS * v->filter_stride, in + l, b, reads, at + l, packed_at, packed, l > 0, out, to + q, v->plane);
					else
						NAME(panel)(pack, rows, columns, some, left + l * padded_rows, 1, ROWS * some, in + l, b, reads, at + l, packed_at, packed, l > 0, out, to + q, v->plane);
				}
			}
		}
	}
}
