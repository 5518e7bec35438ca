// Elementwise programs: all instructions run over one block of elements after the other.
#include "instructions.h"

// walk is a position in a tensor that is accessed with strides, while the iteration space is passed through.
struct NAME(walk) {
	int64_t index[BACKSTITCH_AXES], place;
};

INLINE void NAME(start)(const struct backstitch_program *p, const int64_t *strides, int64_t at, struct NAME(walk) *w) {
	w->place = 0;
	for (int64_t axis = p->axes - 1; axis >= 0; axis--) {
		w->index[axis] = at % p->shape[axis];
		at /= p->shape[axis];
		w->place += w->index[axis] * strides[axis];
	}
}

// run returns how many of n elements can be reached along the last axis, and moves behind them.
INLINE int64_t NAME(run)(const struct backstitch_program *p, const int64_t *strides, int64_t n, struct NAME(walk) *w) {
	int64_t axis = p->axes - 1;
	int64_t length = p->shape[axis] - w->index[axis];
	if (length > n)
		length = n;
	w->index[axis] += length;
	w->place += length * strides[axis];
	while (axis >= 0 && w->index[axis] == p->shape[axis]) {
		w->place -= p->shape[axis] * strides[axis];
		w->index[axis] = 0;
		if (--axis >= 0) {
			w->index[axis]++;
			w->place += strides[axis];
		}
	}
	return length;
}

// spread reads the next n elements, in the order of the iteration space.
static void NAME(spread)(const struct backstitch_program *p, const int64_t *strides, int64_t n, struct NAME(walk) *w, const T *x, T *restrict to) {
	const int64_t stride = strides[p->axes - 1];
	while (n > 0) {
		const T *from = x + w->place;
		int64_t length = NAME(run)(p, strides, n, w);
		if (stride == 0) {
			T v = *from;
			for (int64_t i = 0; i < length; i++)
				to[i] = v;
		} else if (stride == 1)
			for (int64_t i = 0; i < length; i++)
				to[i] = from[i];
		else
			for (int64_t i = 0; i < length; i++)
				to[i] = from[i * stride];
		to += length;
		n -= length;
	}
}

INLINE double NAME(total)(const T *x, int64_t n) {
	V s = SPLAT(0), t = s, u = s, v = s;
	int64_t i = 0;
	if (n >= LANES) {
		for (; i + 4 * LANES <= n; i += 4 * LANES) {
			s += LOAD(x + i);
			t += LOAD(x + i + LANES);
			u += LOAD(x + i + 2 * LANES);
			v += LOAD(x + i + 3 * LANES);
		}
		for (; i + LANES <= n; i += LANES)
			s += LOAD(x + i);
		s = (s + t) + (u + v);
	}
	double sum = i ? NAME(reduce)(s) : 0;
	for (; i < n; i++)
		sum += x[i];
	return sum;
}

// collect adds the next n elements to the sums that they belong to.
static void NAME(collect)(const struct backstitch_program *p, const int64_t *strides, int64_t n, struct NAME(walk) *w, const T *x, int scalar,
	double *restrict sums) {
	const int64_t stride = strides[p->axes - 1];
	while (n > 0) {
		double *to = sums + w->place;
		int64_t length = NAME(run)(p, strides, n, w);
		if (scalar && stride == 0)
			*to += (double)length * *x;
		else if (scalar)
			for (int64_t i = 0; i < length; i++)
				to[i * stride] += *x;
		else if (stride == 0)
			*to += NAME(total)(x, length);
		else if (stride == 1)
			for (int64_t i = 0; i < length; i++)
				to[i] += x[i];
		else
			for (int64_t i = 0; i < length; i++)
				to[i * stride] += x[i];
		if (!scalar)
			x += length;
		n -= length;
	}
}

// machine is a program that runs.
struct NAME(machine) {
	const struct backstitch_program *p;
	const uintptr_t *memory;
	T *scalars, *buffers;
	T *registers[BACKSTITCH_REGISTERS];
	struct NAME(walk) walks[BACKSTITCH_OPERANDS];
};

// settle finds the registers that stay where they are, and where those that move begin.
INLINE void NAME(settle)(struct NAME(machine) *m, int64_t at) {
	const struct backstitch_program *p = m->p;
	for (int64_t r = 0; r < p->registers; r++) {
		const struct backstitch_home *h = p->homes + r;
		switch (h->kind) {
		case BACKSTITCH_Filled:
			m->registers[r] = m->buffers + h->buffer * p->block;
			// fallthrough
		case BACKSTITCH_Line:
		case BACKSTITCH_Place:
			NAME(start)(p, p->strides[h->index], at, m->walks + h->index);
			break;
		case BACKSTITCH_Buffer:
			m->registers[r] = m->buffers + h->buffer * p->block;
			break;
		case BACKSTITCH_Scalar:
			m->registers[r] = m->scalars + h->buffer;
			break;
		case BACKSTITCH_Number:
			m->registers[r] = (T *)m->memory[h->index];
		}
	}
	for (int64_t s = 0; s < p->sums; s++)
		NAME(start)(p, p->strides[p->sum[s].index], at, m->walks + p->sum[s].index);
}

// announce has the beginning of the next block fetched: what processors fetch ahead by themselves ends with a page.
INLINE void NAME(announce)(const T *x) {
	for (int i = 0; i < 8; i++)
		__builtin_prefetch((const char *)x + 64 * i);
}

// move brings the registers that move to a block.
INLINE void NAME(move)(struct NAME(machine) *m, int64_t at, int64_t n) {
	const struct backstitch_program *p = m->p;
	for (int64_t i = 0; i < p->moving; i++) {
		int64_t r = p->moves[i];
		const struct backstitch_home *h = p->homes + r;
		struct NAME(walk) *w = m->walks + h->index;
		const int64_t *strides = p->strides[h->index];
		T *x = (T *)m->memory[h->index];
		if (h->kind == BACKSTITCH_Memory) {
			m->registers[r] = x + at;
			NAME(announce)(x + at + n);
		} else if (h->kind == BACKSTITCH_Filled)
			NAME(spread)(p, strides, n, w, x, m->registers[r]);
		else {
			m->registers[r] = x + w->place;
			NAME(run)(p, strides, n, w);
			if (h->kind == BACKSTITCH_Line)
				NAME(announce)(x + w->place);
		}
	}
}

// execute runs n instructions over a block, or over one number if they do not fill a block from it.
INLINE void NAME(execute)(struct NAME(machine) *m, const struct backstitch_instruction *code, int64_t n, int64_t numbers, int64_t block) {
	T *const *r = m->registers;
	for (const struct backstitch_instruction *end = code + n; code < end; code++)
		NAME(instruction)(code, numbers && code->op != BACKSTITCH_Splat ? 1 : block, r[code->a], r[code->b], r[code->c], r[code->out]);
}

// deliver takes a block's results to where they belong.
INLINE void NAME(deliver)(struct NAME(machine) *m, int64_t at, int64_t n) {
	const struct backstitch_program *p = m->p;
	for (int64_t s = 0; s < p->sums; s++) {
		const struct backstitch_result *to = p->sum + s;
		NAME(collect)(p, p->strides[to->index], n, m->walks + to->index, m->registers[to->reg], to->scalar, (double *)m->memory[to->index]);
	}
	for (int64_t c = 0; c < p->copies; c++)
		memcpy((T *)m->memory[p->copy[c].index] + at, m->registers[p->copy[c].reg], n * sizeof(T));
}

// program computes elements lo to hi.
void NAME(program)(const struct backstitch_program *p, int64_t lo, int64_t hi, const uintptr_t *memory, T *scratch) {
	struct NAME(machine) m;
	m.p = p;
	m.memory = memory;
	m.scalars = scratch;
	m.buffers = scratch + p->scalars;
	NAME(settle)(&m, lo);
	const struct backstitch_instruction *lines = p->code + p->phases[0], *elements = lines + p->phases[1];
	NAME(execute)(&m, p->code, p->phases[0], 1, p->block);
	const int64_t line = p->shape[p->axes - 1], longest = p->chunk ? p->chunk : p->block;
	int64_t column = p->chunk ? lo % line : 0;
	for (int64_t at = lo, n; at < hi; at += n) {
		n = hi - at < longest ? hi - at : longest;
		if (p->chunk && n > line - column)
			n = line - column;
		NAME(move)(&m, at, n);
		if (column == 0 || at == lo)
			NAME(execute)(&m, lines, p->phases[1], 1, p->chunk);
		NAME(execute)(&m, elements, p->phases[2], 0, n);
		NAME(deliver)(&m, at, n);
		column += n;
		if (column == line)
			column = 0;
	}
}
