// Gradients of convolutions in their weights: for every filter, channel and tap, a sum over the positions of all images.

// sums computes them for some filters as a product of packed matrices.
static void NAME(sums)(int64_t rows, int64_t columns, int64_t positions, const T *g, int64_t filter, const int32_t *to, const T *x,
	const int32_t *at, const int32_t *from, int add, T *dw, int64_t ld, T *scratch) {
	const int64_t padded_rows = (rows + ROWS - 1) / ROWS * ROWS;
	T *left = scratch, *right = left + padded_rows * DEPTH, *lines = right + DEPTH * COLUMNS;
	int32_t packed_at[DEPTH];
	NAME(steps)(packed_at);
	for (int64_t q = 0; q < positions; q += DEPTH, add = 1) {
		int64_t depth = positions - q < DEPTH ? positions - q : DEPTH;
		int64_t run = NAME(run_of)(to + q, depth);
		for (int64_t i = 0; i < rows; i += ROWS) {
			int64_t some = rows - i < ROWS ? rows - i : ROWS;
			for (int64_t r = 0; r < some; r++)
				NAME(take)(g + (i + r) * filter, to + q, depth, run, lines + r * DEPTH);
			NAME(transpose)(some, depth, lines, DEPTH, left + i * depth, ROWS);
		}
		run = NAME(run_of)(from + q, depth);
		for (int64_t j = 0; j < columns; j += COLUMNS) {
			int64_t wide = columns - j < COLUMNS ? columns - j : COLUMNS;
			for (int64_t c = 0; c < wide; c++)
				NAME(take)(x + at[j + c], from + q, depth, run, lines + c * DEPTH);
			NAME(transpose)(wide, depth, lines, DEPTH, right, COLUMNS);
			for (int64_t i = 0; i < rows; i += ROWS) {
				int64_t some = rows - i < ROWS ? rows - i : ROWS;
				T *c = dw + i * ld + j;
				if (wide == COLUMNS)
					NAME(tile)(some, depth, left + i * depth, right, right + LANES, packed_at, add, c, c + LANES, ld);
				else
					NAME(partial)(some, wide, depth, left + i * depth, right, packed_at, add, c, ld);
			}
		}
	}
}

// correlate computes a tile of the gradient in the weights: the rows from lo to hi, which are filters of all groups, and some columns,
// which are channels and taps. Rows of dw are ld apart.
void NAME(correlate)(const struct backstitch_conv *v, const T *x, const T *g, T *dw, int64_t ld, int64_t lo, int64_t hi, int64_t column, int64_t columns,
	T *scratch) {
	const struct NAME(window) p = NAME(windows)(v);
	const int64_t positions = v->rows * v->columns, image = v->groups * v->filters * v->plane;
	T *planes = scratch;
	int32_t *from = (int32_t *)(planes + (p.padded ? v->together * p.image : 0)), *to = from + v->together * positions + COLUMNS;
	int32_t *at = to + v->together * positions + COLUMNS;
	T *rest = (T *)(at + (v->channels * v->taps + 15) / 16 * 16);
	NAME(distances)(v, &p, at);
	NAME(positions)(v, &p, v->together, image, from, to);
	for (int64_t group = lo / v->filters; group * v->filters < hi; group++) {
		int64_t first = group * v->filters > lo ? group * v->filters : lo;
		int64_t rows = (group + 1) * v->filters < hi ? (group + 1) * v->filters - first : hi - first;
		T *out = dw + (first - lo) * ld;
		for (int64_t n = 0; n < v->batch; n += v->together) {
			int64_t images = v->batch - n < v->together ? v->batch - n : v->together;
			const T *b = x + (n * v->groups + group) * v->channels * v->h * v->w;
			if (p.padded) {
				NAME(pad)(v, &p, b, images, planes);
				b = planes;
			}
			const T *a = g + n * image + first * v->plane;
			NAME(sums)(rows, columns, images * positions, a, v->plane, to, b, at + column, from, n > 0, out, ld, rest);
		}
	}
}
