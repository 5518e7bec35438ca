// Gradients of convolutions in their weights: for every filter, channel and tap, a sum over the positions of all images.

// The numbers of channels that are worked on, and of positions that are summed, at a time, at most, as in conv_cgo.go.
#undef CHANNELS
#undef CORRELATED
#define CHANNELS 48
#define CORRELATED 1024

// sums computes them for some filters as a product of matrices, of which what channels read is packed.
static void NAME(sums)(int64_t rows, int64_t columns, int64_t positions, const T *g, int64_t filter, const int32_t *to, const T *x,
	const int32_t *at, const int32_t *from, int add, T *dw, int64_t ld, T *scratch) {
	T *right = scratch, *lines = right + DEPTH * COLUMNS;
	int32_t packed_at[DEPTH];
	NAME(steps)(packed_at, COLUMNS);
	for (int64_t q = 0; q < positions; q += DEPTH, add = 1) {
		int64_t depth = positions - q < DEPTH ? positions - q : DEPTH;
		int64_t run = NAME(run_of)(from + q, depth);
		for (int64_t j = 0; j < columns; j += COLUMNS) {
			int64_t wide = columns - j < COLUMNS ? columns - j : COLUMNS;
			for (int64_t c = 0; c < wide; c++)
				NAME(take)(x + at[j + c], from + q, depth, run, lines + c * DEPTH);
			NAME(transpose)(wide, depth, lines, DEPTH, right, COLUMNS);
			const struct NAME(operands) o = {depth, filter, to + q, right, right + LANES, packed_at};
			for (int64_t i = 0; i < rows; i += ROWS) {
				int64_t some = rows - i < ROWS ? rows - i : ROWS;
				T *c = dw + i * ld + j;
				if (wide == COLUMNS)
					NAME(tile)(some, g + i * filter, &o, add, c, c + LANES, ld);
				else
					NAME(partial)(some, wide, g + i * filter, &o, add, c, ld);
			}
		}
	}
}

// pack_gradients packs up to COLUMNS filters of a gradient for each position.
static void NAME(pack_gradients)(int64_t wide, int64_t positions, const T *g, int64_t filter, const int32_t *to, T *packed, T *scratch) {
	if (wide < COLUMNS)
		memset(packed, 0, positions * COLUMNS * sizeof(T));
	for (int64_t q = 0; q < positions; q += DEPTH, packed += DEPTH * COLUMNS) {
		int64_t depth = positions - q < DEPTH ? positions - q : DEPTH;
		if (NAME(in_a_row)(to + q, depth)) {
			NAME(transpose)(wide, depth, g + to[q], filter, packed, COLUMNS);
			continue;
		}
		int64_t run = NAME(run_of)(to + q, depth);
		for (int64_t f = 0; f < wide; f++)
			NAME(take)(g + f * filter, to + q, depth, run, scratch + f * DEPTH);
		NAME(transpose)(wide, depth, scratch, DEPTH, packed, COLUMNS);
	}
}

// deliver_sums stores some sums, which are a column for each filter, in the filters' rows, or adds them to these.
static void NAME(deliver_sums)(int64_t wide, int64_t columns, const T *sums, int add, T *dw, int64_t ld, T *scratch) {
	for (int64_t j = 0; j < columns; j += LANES) {
		int64_t some = columns - j < LANES ? columns - j : LANES;
		NAME(transpose)(some, wide, sums + j * COLUMNS, COLUMNS, scratch, LANES);
		for (int64_t f = 0; f < wide; f++) {
			T *row = dw + f * ld + j, *from = scratch + f * LANES;
			if (some == LANES)
				STORE(row, add ? LOAD(row) + LOAD(from) : LOAD(from));
			else
				for (int64_t i = 0; i < some; i++)
					row[i] = add ? row[i] + from[i] : from[i];
		}
	}
}

// sums_of_taps computes them for up to COLUMNS filters and all channels that some columns are of: what channels read is not packed, and a
// sum stays in a register for DEPTH positions.
static void NAME(sums_of_taps)(int64_t column, int64_t columns, int64_t taps, int64_t wide, int64_t positions, const T *g, int64_t filter, const int32_t *to,
	const T *x, int64_t apart, const int32_t *at, const int32_t *from, int add, T *dw, int64_t ld, T *scratch) {
	T *sums = scratch, *packed = sums + CHANNELS * taps * COLUMNS, *rest = packed + positions * COLUMNS;
	const int64_t end = column + columns;
	int32_t packed_at[DEPTH];
	NAME(steps)(packed_at, COLUMNS);
	NAME(pack_gradients)(wide, positions, g, filter, to, packed, rest);
	for (int64_t channel = column / taps; channel * taps < end; channel += CHANNELS) {
		int64_t left = (end + taps - 1) / taps - channel, channels = left < CHANNELS ? left : CHANNELS, blocks = (channels + ROWS - 1) / ROWS;
		for (int64_t q = 0; q < positions; q += DEPTH) {
			const T *panel = packed + q * COLUMNS;
			int64_t depth = positions - q < DEPTH ? positions - q : DEPTH, number = 0;
			int32_t places[ROWS * DEPTH / COLUMNS]; // of what the next tile reads, if the next tap does not read it again
			for (int64_t r = 0; taps == 1 && NAME(in_a_row)(from + q, depth < COLUMNS ? depth : COLUMNS) && r < ROWS; r++)
				for (int64_t i = 0; i < depth; i += COLUMNS)
					places[number++] = r * apart + from[q + i];
			for (int64_t b = 0; b < blocks; b++) {
				int64_t c = channels * b / blocks, next = channels * (b + 1) / blocks;
				for (int64_t t = 0; t < taps; t++) {
					const T *a = x + channel * apart + at[t];
					const struct NAME(operands) o = {depth, apart, from + q, panel, panel + LANES, packed_at, a + next * apart, places, b < blocks - 1 ? number : 0};
					T *sum = sums + (c * taps + t) * COLUMNS;
					NAME(tile)(next - c, a + c * apart, &o, q > 0, sum, sum + LANES, taps * COLUMNS);
				}
			}
		}
		int64_t lo = channel * taps < column ? column : channel * taps, hi = (channel + channels) * taps < end ? (channel + channels) * taps : end;
		NAME(deliver_sums)(wide, hi - lo, sums + (lo - channel * taps) * COLUMNS, add, dw + lo - column, ld, rest);
	}
}

// correlate computes a tile of the gradient in the weights: the rows from lo to hi, which are filters of all groups, and some columns,
// which are channels and taps. Rows of dw are ld apart.
void NAME(correlate)(const struct backstitch_conv *v, const T *x, const T *g, T *dw, int64_t ld, int64_t lo, int64_t hi, int64_t column, int64_t columns,
	T *scratch) {
	const struct NAME(window) p = NAME(windows)(v);
	const int64_t positions = v->rows * v->columns, image = v->groups * v->filters * v->plane, apart = p.height * p.width;
	const int64_t channel = column / v->taps, channels = (column + columns + v->taps - 1) / v->taps - channel; // that are read
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
				NAME(pad)(v, &p, b, images, channel, channels, planes);
				b = planes;
			}
			const T *a = g + n * image + first * v->plane;
			if (v->filters < LANES) {
				NAME(sums)(rows, columns, images * positions, a, v->plane, to, b, at + column, from, n > 0, out, ld, rest);
				continue;
			}
			for (int64_t q = 0; q < images * positions; q += CORRELATED)
				for (int64_t f = 0; f < rows; f += COLUMNS)
					NAME(sums_of_taps)(column, columns, v->taps, rows - f < COLUMNS ? rows - f : COLUMNS,
						images * positions - q < CORRELATED ? images * positions - q : CORRELATED, a + f * v->plane, v->plane, to + q, b, apart, at, from + q,
						n > 0 || q > 0, out + f * ld, ld, rest);
		}
	}
}
