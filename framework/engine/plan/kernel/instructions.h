// Instructions of elementwise programs, over a block of elements. Operands that are one number are read once. The result may be an operand's
// own memory, element for element, or has nothing to do with it: the order of the elements does not matter.
#undef LOOP
#undef ONE
#undef TWO
#undef THREE
#ifdef __clang__
#define LOOP _Pragma("clang loop vectorize(assume_safety)") for (int64_t i = 0; i < n; i++)
#else
#define LOOP _Pragma("GCC ivdep") for (int64_t i = 0; i < n; i++)
#endif

// y = f(x)
#define ONE(name, expression)   \
	case BACKSTITCH_##name:     \
		LOOP {                  \
			T x = a[i];         \
			y[i] = expression;  \
		}                       \
		break;

// y = f(u, v)
#define TWO(name, expression)                \
	case BACKSTITCH_##name:                  \
		if (in->flags & BACKSTITCH_ScalarB) {  \
			const T v = b[0];                \
			LOOP {                           \
				T u = a[i];                  \
				y[i] = expression;           \
			}                                \
		} else if (in->flags & BACKSTITCH_ScalarA) { \
			const T u = a[0];                \
			LOOP {                           \
				T v = b[i];                  \
				y[i] = expression;           \
			}                                \
		} else                               \
			LOOP {                           \
				T u = a[i], v = b[i];        \
				y[i] = expression;           \
			}                                \
		break;

// y = f(u, v, w), where u is never one number
#define THREE(name, expression)                           \
	case BACKSTITCH_##name:                               \
		if (in->flags == (BACKSTITCH_ScalarB | BACKSTITCH_ScalarC)) { \
			const T v = b[0], w = c[0];                   \
			LOOP {                                        \
				T u = a[i];                               \
				y[i] = expression;                        \
			}                                             \
		} else if (in->flags & BACKSTITCH_ScalarB) {        \
			const T v = b[0];                             \
			LOOP {                                        \
				T u = a[i], w = c[i];                     \
				y[i] = expression;                        \
			}                                             \
		} else if (in->flags & BACKSTITCH_ScalarC) {        \
			const T w = c[0];                             \
			LOOP {                                        \
				T u = a[i], v = b[i];                     \
				y[i] = expression;                        \
			}                                             \
		} else                                            \
			LOOP {                                        \
				T u = a[i], v = b[i], w = c[i];           \
				y[i] = expression;                        \
			}                                             \
		break;

#define FUNCTION(name, function)       \
	case BACKSTITCH_##name:            \
		NAME(function##_all)(n, a, y); \
		break;

// Not even errno depends on it, so that it may be computed for a vector.
__attribute__((const)) T F(sqrt)(T);

INLINE T NAME(modulo)(T u, T v) {
	T r = F(fmod)(u, v);
	return (r < 0 && v > 0) || (r > 0 && v < 0) ? r + v : r;
}

static void NAME(instruction)(const struct backstitch_instruction *restrict in, int64_t n, const T *a, const T *b, const T *c, T *y) {
	const T p = (T)in->p, q = (T)in->q;
	switch (in->op) {
	case BACKSTITCH_Fill:
		LOOP
			y[i] = p;
		break;
	case BACKSTITCH_Splat: {
		const T x = a[0];
		LOOP
			y[i] = x;
		break;
	}
	case BACKSTITCH_Clamp:
		LOOP {
			T x = a[i] <= p ? p : a[i];
			y[i] = x > q ? q : x;
		}
		break;
	ONE(Copy, x)
	ONE(Affine, p * x + q)
	ONE(Within, (x > p) & (x < q) ? (T)1 : (T)0)
	THREE(Where, u != 0 ? v : w)
	TWO(Add, u + v)
	TWO(Sub, u - v)
	TWO(Mul, u * v)
	TWO(Div, u / v)
	TWO(Pow, F(pow)(u, v))
	TWO(Max, (u > v) | (u != u) ? u : (u == 0) & (v == 0) ? u + v : v) // of zeros, the positive one
	TWO(Min, (u < v) | (u != u) ? u : (u == 0) & (v == 0) ? -(-u - v) : v)
	TWO(Mod, NAME(modulo)(u, v))
	TWO(Fmod, F(fmod)(u, v))
	TWO(Less, u < v ? (T)1 : (T)0)
	TWO(Equal, u == v ? (T)1 : (T)0)
	THREE(MulAdd, u * v + w)
	THREE(MulSub, w - u * v)
	FUNCTION(Exp, vexp)
	FUNCTION(Log, vlog)
	ONE(Sqrt, F(sqrt)(x))
	ONE(Abs, F(fabs)(x))
	ONE(Sign, x > 0 ? (T)1 : x < 0 ? (T)-1 : x)
	ONE(Step, x > 0 ? (T)1 : x <= 0 ? (T)0 : x)
	ONE(Relu, x <= 0 ? (T)0 : x)
	FUNCTION(Tanh, vtanh)
	FUNCTION(Sigmoid, vsigmoid)
	FUNCTION(Softplus, vsoftplus)
	FUNCTION(Erf, verf)
	ONE(Sin, F(sin)(x))
	ONE(Cos, F(cos)(x))
	ONE(Tan, F(tan)(x))
	ONE(Asin, F(asin)(x))
	ONE(Acos, F(acos)(x))
	ONE(Atan, F(atan)(x))
	ONE(Sinh, F(sinh)(x))
	ONE(Cosh, F(cosh)(x))
	ONE(Asinh, F(asinh)(x))
	ONE(Acosh, F(acosh)(x))
	ONE(Atanh, F(atanh)(x))
	ONE(Floor, F(floor)(x))
	ONE(Ceil, F(ceil)(x))
	ONE(Round, F(rint)(x))
	ONE(Trunc, F(trunc)(x))
	ONE(IsNaN, x != x ? (T)1 : (T)0)
	ONE(IsInf, F(fabs)(x) == (T)INFINITY ? (T)1 : (T)0)
	}
}
