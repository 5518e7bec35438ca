// Convolutions. The input's planes are copied with zeros around them, so that every tap of every position is a number at a fixed distance:
// then a convolution is a product of matrices whose second one is read from the planes. With strides, columns that positions next to each
// other read are next to each other in the copies. Where positions that follow one another read numbers that do, rows of that matrix are
// read in place; else panels of it are packed.

// window is where the taps of a convolution read, in the padded planes of some images.
struct NAME(window) {
	int64_t top, left, height, width; // of a padded plane: where it begins in the input's plane, and its size
	int64_t run, phases;              // columns of a plane that are one stride apart are stored one after the other, then the next ones
	int64_t skip, down;               // rows of the input between those of a plane, and rows of a plane between positions
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
	const int one_row = top == bottom, one_column = left == right; // that taps read; between strides, others are not copied
	bottom += (v->rows - 1) * v->step_h;
	right += (v->columns - 1) * v->step_w;
	if (v->step_w == 1 && top >= 0 && left >= 0 && bottom < v->h && right < v->w)
		return (struct NAME(window)){0, 0, v->h, v->w, v->w, 1, 1, v->step_h, v->groups * v->channels * v->h * v->w, 0};
	int64_t height = one_row ? v->rows : bottom - top + 1, run = (right - left + v->step_w) / v->step_w, phases = one_column ? 1 : v->step_w;
	return (struct NAME(window)){
		top, left, height, run * phases, run, phases, one_row ? v->step_h : 1, one_row ? 1 : v->step_h, v->channels * height * run * phases, 1};
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
	for (int64_t first = 0; first < p->phases; first++, to += p->run) {
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
	for (int64_t n = 0; n < images; n++)
		for (int64_t c = channel; c < channel + channels; c++) {
			const T *plane = x + (n * v->groups * v->channels + c) * v->h * v->w;
			T *to = planes + n * p->image + c * p->height * p->width;
			for (int64_t r = 0; r < p->height; r++, to += p->width) {
				int64_t row = r * p->skip + p->top;
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
				from[q] = n * p->image + i * p->down * p->width + j;
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
#define REREAD 128

// How many filters are worked on at a time: their weights for DEPTH terms stay in the cache.
#define FILTERS 480

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

// terms is a part of the sums over channels and taps.
struct NAME(terms) {
	int64_t depth;
	int add;                  // to what earlier parts have summed up
	const T *w;               // weights
	int64_t apart, tile;      // distance of filters that one tile reads, and of what tiles read
	const int32_t *in, *at;   // where the weights of a filter are, and what is multiplied with them for a position
	int pack;                 // what could be read in place
	T *packed;                // a panel
	const int32_t *packed_at; // its rows
};

// panel computes the outputs of some filters at up to COLUMNS positions, and fetches what the next panel reads if there is one.
static void NAME(panel)(const struct NAME(terms) *s, int64_t filter, int64_t filters, const T *b, int64_t columns, const int32_t *from, int next, T *y,
	const int32_t *to, int64_t plane) {
	struct NAME(operands) o = {s->depth, s->apart, s->in, b + from[0], b + from[LANES], s->at};
	const int pack = s->pack || !NAME(in_a_row)(from, LANES) || !NAME(in_a_row)(from + LANES, LANES);
	if (pack) {
		int64_t run = NAME(run_of)(from, COLUMNS);
		for (int64_t l = 0; l < s->depth; l++)
			NAME(take)(b + s->at[l], from, COLUMNS, run, s->packed + l * COLUMNS);
		o.first = s->packed;
		o.second = s->packed + LANES;
		o.at = s->packed_at;
	}
	const int whole = columns == COLUMNS && NAME(in_a_row)(to, LANES) && NAME(in_a_row)(to + LANES, LANES);
	const int64_t tiles = (filters + ROWS - 1) / ROWS, share = pack && next ? (s->depth + tiles - 1) / tiles : 0; // of what is fetched
	for (int64_t i = 0; i < tiles; i++) {
		const T *w = s->w + (filter / ROWS + i) * s->tile;
		int64_t some = filters - i * ROWS < ROWS ? filters - i * ROWS : ROWS, rest = s->depth - i * share;
		T *out = y + (filter + i * ROWS) * plane;
		if (share && rest > 0) {
			o.ahead = b + from[COLUMNS];
			o.places = s->at + i * share;
			o.number = rest < share ? rest : share;
		} else
			o.number = 0;
		if (whole) {
			NAME(tile)(some, w, &o, s->add, out + to[0], out + to[LANES], plane);
			continue;
		}
		T sums[ROWS * COLUMNS];
		NAME(tile)(some, w, &o, 0, sums, sums + LANES, COLUMNS);
		for (int64_t r = 0; r < some; r++)
			for (int64_t j = 0; j < columns; j++) {
				T *p = out + r * plane + to[j];
				*p = (s->add ? *p : 0) + sums[r * COLUMNS + j];
			}
	}
}

// panels computes the outputs of some filters at all positions of some images.
static void NAME(panels)(const struct NAME(terms) *s, int64_t filter, int64_t filters, const T *b, int64_t positions, const int32_t *from, T *y, const int32_t *to,
	int64_t plane) {
	for (int64_t q = 0; q < positions; q += COLUMNS) {
		int64_t columns = positions - q < COLUMNS ? positions - q : COLUMNS;
		int32_t edge[COLUMNS];
		if (columns == COLUMNS) {
			NAME(panel)(s, filter, filters, b, columns, from + q, q + COLUMNS < positions, y, to + q, plane);
			continue;
		}
		for (int64_t i = 0; i < COLUMNS; i++) // what lies behind may be an image that is not there
			edge[i] = from[q + (i < columns ? i : 0)];
		NAME(panel)(s, filter, filters, b, columns, edge, 0, y, to + q, plane);
	}
}

// convolve computes, for some images and in each group for the filters from row0 to row1, the sums over channels and taps.
void NAME(convolve)(const struct backstitch_conv *v, const T *x, const T *w, T *y, int64_t image0, int64_t image1, int64_t row0, int64_t row1, T *scratch) {
	const struct NAME(window) p = NAME(windows)(v);
	const int64_t rows = row1 - row0, depth = v->channels * v->taps, image = v->groups * v->filters * v->plane;
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
	struct NAME(terms) s = {.packed = packed, .packed_at = packed_at};
	// Rows of B that have nothing in common are often as far apart as they compete for the same few places of the cache.
	s.pack = rows > ROWS && v->taps < 4;
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
				s.depth = depth - l < DEPTH ? depth - l : DEPTH;
				s.add = l > 0;
				s.w = in_place ? weights : left + l * padded_rows;
				s.apart = in_place ? v->filter_stride : 1;
				s.tile = ROWS * (in_place ? v->filter_stride : s.depth);
				s.in = in + l;
				s.at = at + l;
				for (int64_t i = 0; i < rows; i += FILTERS)
					NAME(panels)(&s, i, rows - i < FILTERS ? rows - i : FILTERS, b, images * positions, from, out, to, v->plane);
			}
		}
	}
}
