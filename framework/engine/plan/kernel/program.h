// Elementwise programs: all instructions run over one block of elements after the other.

// walk is a position in a tensor that is accessed with strides, while an iteration space is passed through.
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

// expand reads n elements from at on, in the order of the iteration space.
static void NAME(expand)(const struct backstitch_program *p, const int64_t *strides, int64_t at, int64_t n, const T *x, T *to) {
	struct NAME(walk) w;
	NAME(start)(p, strides, at, &w);
	int64_t stride = strides[p->axes - 1];
	while (n > 0) {
		const T *from = x + w.place;
		int64_t length = NAME(run)(p, strides, n, &w);
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
	for (; i + 4 * LANES <= n; i += 4 * LANES) {
		s += LOAD(x + i);
		t += LOAD(x + i + LANES);
		u += LOAD(x + i + 2 * LANES);
		v += LOAD(x + i + 3 * LANES);
	}
	for (; i + LANES <= n; i += LANES)
		s += LOAD(x + i);
	double sum = NAME(reduce)((s + t) + (u + v));
	for (; i < n; i++)
		sum += x[i];
	return sum;
}

// collect adds n elements from at on to the sums that they belong to.
static void NAME(collect)(const struct backstitch_program *p, const int64_t *strides, int64_t at, int64_t n, const T *x, int scalar, double *sums) {
	struct NAME(walk) w;
	NAME(start)(p, strides, at, &w);
	int64_t stride = strides[p->axes - 1];
	while (n > 0) {
		double *to = sums + w.place;
		int64_t length = NAME(run)(p, strides, n, &w);
		if (scalar)
			for (int64_t i = 0; i < length; i++)
				to[i * stride] += x[0];
		else if (stride == 0)
			*to += NAME(total)(x, length);
		else
			for (int64_t i = 0; i < length; i++)
				to[i * stride] += x[i];
		if (!scalar)
			x += length;
		n -= length;
	}
}

// Loops over one operand, two, and three, of which a scalar is read once. An output may be an input's own memory, element for element, or
// has nothing to do with it: the order of the elements does not matter.
#ifdef __clang__
#define LOOP _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)
#else
#define LOOP _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
#endif
#define ONE(expression)                     \
	LOOP {       \
		T x = a[i];                         \
		y[i] = expression;                  \
	}                                       \
	break;
#define TWO(expression)                     \
	if (i0->flags & SCALAR_B) {             \
		T v = b[0];                         \
		LOOP {   \
			T u = a[i];                     \
			y[i] = expression;              \
		}                                   \
	} else if (i0->flags & SCALAR_A) {      \
		T u = a[0];                         \
		LOOP {   \
			T v = b[i];                     \
			y[i] = expression;              \
		}                                   \
	} else                                  \
		LOOP {   \
			T u = a[i], v = b[i];           \
			y[i] = expression;              \
		}                                   \
	break;
#define THREE(expression)                   \
	if (i0->flags & SCALAR_B) {             \
		T v = b[0];                         \
		LOOP {   \
			T u = a[i], w = c[i];           \
			y[i] = expression;              \
		}                                   \
	} else                                  \
		LOOP {   \
			T u = a[i], v = b[i], w = c[i]; \
			y[i] = expression;              \
		}                                   \
	break;

INLINE T NAME(modulo)(T u, T v) {
	T r = F(fmod)(u, v);
	return (r < 0 && v > 0) || (r > 0 && v < 0) ? r + v : r;
}

static void NAME(instruction)(const struct backstitch_instruction *restrict i0, int64_t n, const T *a, const T *b, const T *c, T *y) {
	const T p = (T)i0->p, q = (T)i0->q;
	switch (i0->op) {
	case BACKSTITCH_Copy:
		ONE(x)
	case BACKSTITCH_Fill:
		LOOP
			y[i] = p;
		break;
	case BACKSTITCH_Affine:
		ONE(p * x + q)
	case BACKSTITCH_Clamp:
		LOOP {
			T x = a[i] < p ? p : a[i];
			y[i] = x > q ? q : x;
		}
		break;
	case BACKSTITCH_Within:
		LOOP
			y[i] = (a[i] >= p) & (a[i] <= q) ? (T)1 : (T)0;
		break;
#define BINARY(name, expression) \
	case BACKSTITCH_##name:      \
		TWO(expression)
	BINARY(Add, u + v)
	BINARY(Sub, u - v)
	BINARY(Mul, u * v)
	BINARY(Div, u / v)
	BINARY(Pow, F(pow)(u, v))
	BINARY(Max, (u > v) | (u != u) ? u : v)
	BINARY(Min, (u < v) | (u != u) ? u : v)
	BINARY(Mod, NAME(modulo)(u, v))
	BINARY(Fmod, F(fmod)(u, v))
	BINARY(Less, u < v ? (T)1 : (T)0)
	BINARY(Equal, u == v ? (T)1 : (T)0)
#undef BINARY
	case BACKSTITCH_MulAdd:
		THREE(u * v + w)
	case BACKSTITCH_MulSub:
		THREE(w - u * v)
	case BACKSTITCH_Where:
		THREE(u != 0 ? v : w)
#define UNARY(name, expression) \
	case BACKSTITCH_##name:     \
		ONE(expression)
	UNARY(Sqrt, F(sqrt)(x))
	UNARY(Abs, F(fabs)(x))
	UNARY(Sign, x > 0 ? (T)1 : x < 0 ? (T)-1 : x)
	UNARY(Step, x > 0 ? (T)1 : x <= 0 ? (T)0 : x)
	UNARY(Relu, x <= 0 ? (T)0 : x)
	UNARY(Sin, F(sin)(x))
	UNARY(Cos, F(cos)(x))
	UNARY(Tan, F(tan)(x))
	UNARY(Asin, F(asin)(x))
	UNARY(Acos, F(acos)(x))
	UNARY(Atan, F(atan)(x))
	UNARY(Sinh, F(sinh)(x))
	UNARY(Cosh, F(cosh)(x))
	UNARY(Asinh, F(asinh)(x))
	UNARY(Acosh, F(acosh)(x))
	UNARY(Atanh, F(atanh)(x))
	UNARY(Floor, F(floor)(x))
	UNARY(Ceil, F(ceil)(x))
	UNARY(Round, F(rint)(x))
	UNARY(Trunc, F(trunc)(x))
	UNARY(IsNaN, x != x ? (T)1 : (T)0)
	UNARY(IsInf, F(fabs)(x) == (T)INFINITY ? (T)1 : (T)0)
#undef UNARY
#define FUNCTION(name, function)      \
	case BACKSTITCH_##name:           \
		NAME(function##_all)(n, a, y); \
		break;
	FUNCTION(Exp, vexp)
	FUNCTION(Log, vlog)
	FUNCTION(Tanh, vtanh)
	FUNCTION(Sigmoid, vsigmoid)
	FUNCTION(Softplus, vsoftplus)
	FUNCTION(Erf, verf)
#undef FUNCTION
	}
}
#undef LOOP
#undef ONE
#undef TWO
#undef THREE

// program computes elements lo to hi. The memory of inputs, outputs and sums comes in this order.
void NAME(program)(const struct backstitch_program *p, int64_t lo, int64_t hi, const uintptr_t *memory, T *scratch) {
	T *registers[BACKSTITCH_REGISTERS];
	T *scalars = scratch, *buffers = scratch + p->scalars;
	int64_t block = p->block;
	for (int64_t r = 0; r < p->registers; r++) {
		const struct backstitch_home *h = p->homes + r;
		if (h->kind == BACKSTITCH_Buffer)
			registers[r] = buffers + h->index * block;
		else if (h->kind == BACKSTITCH_Scalar)
			registers[r] = scalars + h->index;
		else if (h->kind == BACKSTITCH_ScalarInput)
			registers[r] = (T *)memory[h->index];
	}
	const struct backstitch_instruction *code = p->code, *end = p->code + p->instructions;
	for (; code < end && code->flags & SCALAR_RESULT; code++)
		NAME(instruction)(code, 1, registers[code->a], registers[code->b], registers[code->c], registers[code->out]);
	for (int64_t r = 0; r < p->registers; r++) // scalars that are needed as a block
		if (p->homes[r].splat >= 0)
			for (int64_t i = 0; i < block; i++)
				buffers[p->homes[r].splat * block + i] = registers[r][0];
	for (int64_t at = lo; at < hi; at += block) {
		int64_t n = hi - at < block ? hi - at : block;
		for (int64_t r = 0; r < p->registers; r++) {
			const struct backstitch_home *h = p->homes + r;
			if (h->kind == BACKSTITCH_Memory)
				registers[r] = (T *)memory[h->index] + at;
			else if (h->kind == BACKSTITCH_Expanded) {
				registers[r] = buffers + h->buffer * block;
				NAME(expand)(p, h->strides, at, n, (const T *)memory[h->index], registers[r]);
			}
		}
		for (const struct backstitch_instruction *i = code; i < end; i++) {
			const T *operands[3] = {registers[i->a], registers[i->b], registers[i->c]};
			if (i->flags & SPLAT_A)
				operands[0] = buffers + p->homes[i->a].splat * block;
			if (i->flags & SPLAT_B)
				operands[1] = buffers + p->homes[i->b].splat * block;
			if (i->flags & SPLAT_C)
				operands[2] = buffers + p->homes[i->c].splat * block;
			NAME(instruction)(i, n, operands[0], operands[1], operands[2], registers[i->out]);
		}
		for (int64_t s = 0; s < p->sums; s++) {
			const struct backstitch_result *r = p->results + p->outputs + s;
			int kind = p->homes[r->reg].kind;
			NAME(collect)(p, r->strides, at, n, registers[r->reg], kind == BACKSTITCH_Scalar || kind == BACKSTITCH_ScalarInput,
				(double *)memory[p->inputs + p->outputs + s]);
		}
		for (int64_t o = 0; o < p->outputs; o++) {
			const struct backstitch_result *r = p->results + o;
			T *to = (T *)memory[p->inputs + o] + at;
			const T *from = registers[r->reg];
			if (p->homes[r->reg].kind == BACKSTITCH_Scalar || p->homes[r->reg].kind == BACKSTITCH_ScalarInput)
				for (int64_t i = 0; i < n; i++)
					to[i] = from[0];
			else if (to != from)
				memcpy(to, from, n * sizeof(T));
		}
	}
}
