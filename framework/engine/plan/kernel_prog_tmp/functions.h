// Functions of one number for a whole vector. In single precision they are polynomials without branches; in double precision the
// C library is called for each lane.

#if SINGLE
typedef int32_t NAME(bits) __attribute__((vector_size(BYTES)));
#else
typedef int64_t NAME(bits) __attribute__((vector_size(BYTES)));
#endif
#undef BITS
#define BITS NAME(bits)

// choose is a where the mask is set, else b.
INLINE V NAME(choose)(BITS mask, V a, V b) { return (V)((mask & (BITS)a) | (~mask & (BITS)b)); }

INLINE V NAME(vabs)(V x) { return NAME(choose)(x < 0, -x, x + 0); }

#if SINGLE

// exp is 2ᵏ·exp(r) for |r| ≤ log(2)/2.
INLINE V NAME(vexp)(V x) {
	V y = NAME(choose)(x > 89.0f, SPLAT(89.0f), x);
	y = NAME(choose)(y < -104.0f, SPLAT(-104.0f), y);
	const float shift = 12582912.0f; // 1.5·2²³: adding it rounds to an integer
	V k = (y * 1.44269504089f + shift) - shift;
	V r = y - k * 0.693359375f;
	r = r - k * -2.12194440e-4f;
	V p = SPLAT(1.9875691500e-4f);
	p = p * r + 1.3981999507e-3f;
	p = p * r + 8.3334519073e-3f;
	p = p * r + 4.1665795894e-2f;
	p = p * r + 1.6666665459e-1f;
	p = p * r + 5.0000001201e-1f;
	p = p * (r * r) + r + 1.0f;
	BITS n = __builtin_convertvector(NAME(choose)(k == k, k, SPLAT(0)), BITS);
	BITS half = n >> 1; // in two factors, since 2ᵏ itself may not be a normal number
	V a = (V)((half + 127) << 23), b = (V)((n - half + 127) << 23);
	return p * a * b;
}

// log is that of the mantissa, between √½ and √2, and a multiple of log 2.
INLINE V NAME(vlog)(V x) {
	BITS tiny = x < 1.17549435e-38f;
	V y = NAME(choose)(tiny, x * 8388608.0f, x);
	BITS bits = (BITS)y;
	BITS e = ((bits >> 23) & 255) - 126;
	V m = (V)((bits & 0x007fffff) | 0x3f000000);
	BITS small = m < 0.707106781186547524f;
	e = e + small; // a set mask is −1
	m = NAME(choose)(small, m + m, m) - 1.0f;
	V k = __builtin_convertvector(e, V) - NAME(choose)(tiny, SPLAT(23.0f), SPLAT(0));
	V z = m * m;
	V p = SPLAT(7.0376836292e-2f);
	p = p * m - 1.1514610310e-1f;
	p = p * m + 1.1676998740e-1f;
	p = p * m - 1.2420140846e-1f;
	p = p * m + 1.4249322787e-1f;
	p = p * m - 1.6668057665e-1f;
	p = p * m + 2.0000714765e-1f;
	p = p * m - 2.4999993993e-1f;
	p = p * m + 3.3333331174e-1f;
	p = p * m * z + k * -2.12194440e-4f - 0.5f * z;
	V r = m + p + k * 0.693359375f;
	r = NAME(choose)(x == 0, SPLAT(-INFINITY), r);
	r = NAME(choose)(x == INFINITY, x, r);
	return NAME(choose)((x < 0) | (x != x), SPLAT(NAN), r);
}

INLINE V NAME(vtanh)(V x) {
	V a = NAME(vabs)(x), z = x * x;
	V p = SPLAT(-5.70498872745e-3f);
	p = p * z + 2.06390887954e-2f;
	p = p * z - 5.37397155531e-2f;
	p = p * z + 1.33314422036e-1f;
	p = p * z - 3.33332819422e-1f;
	p = p * z * x + x;
	V q = 1.0f - 2.0f / (NAME(vexp)(a + a) + 1.0f);
	q = NAME(choose)(x < 0, -q, q);
	return NAME(choose)(a < 0.625f, p, q);
}

INLINE V NAME(vsigmoid)(V x) {
	V e = NAME(vexp)(-NAME(vabs)(x));
	V r = 1.0f / (1.0f + e);
	return NAME(choose)(x < 0, e * r, r);
}

// softplus is max(x, 0) + log(1 + e) for e = exp(−|x|); the quotient makes up for what 1 + e loses.
INLINE V NAME(vsoftplus)(V x) {
	V e = NAME(vexp)(-NAME(vabs)(x));
	V u = 1.0f + e;
	V l = NAME(choose)(u == 1.0f, e, NAME(vlog)(u) * (e / (u - 1.0f)));
	return NAME(choose)(x > 0, x, x - x) + l;
}

INLINE V NAME(verf)(V x) {
	V t = NAME(vabs)(x), s = x * x;
	V r = -1.72853470e-5f * t + 3.83197126e-4f;
	V u = -3.88396438e-3f * t + 2.42546219e-2f;
	r = r * s + u;
	r = r * t - 1.06777877e-1f;
	r = r * t - 6.34846687e-1f;
	r = r * t - 1.28717512e-1f;
	r = 1.0f - NAME(vexp)(r * t - t);
	r = NAME(choose)(x < 0, -r, r);
	V q = SPLAT(-5.96761703e-4f);
	q = q * s + 4.99119423e-3f;
	q = q * s - 2.67681349e-2f;
	q = q * s + 1.12819925e-1f;
	q = q * s - 3.76125336e-1f;
	q = q * s + 1.28379166e-1f;
	q = q * x + x;
	return NAME(choose)(t > 0.921875f, r, q);
}

#define EACH(name, call)
#else
#define EACH(name, call)                                   \
	INLINE V NAME(name)(V v) {                             \
		for (int64_t i = 0; i < LANES; i++) {              \
			T x = v[i];                                    \
			v[i] = call;                                   \
		}                                                  \
		return v;                                          \
	}
#endif
EACH(vexp, exp(x))
EACH(vlog, log(x))
EACH(vtanh, tanh(x))
EACH(vsigmoid, x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)))
EACH(vsoftplus, (x > 0 ? x : x - x) + log1p(exp(-fabs(x))))
EACH(verf, erf(x))
#undef EACH

// MAP applies a function of vectors to n numbers. The last vector is filled up, so that a number's result does not depend on where it
// stands.
#define MAP(function)                                                 \
	INLINE void NAME(function##_all)(int64_t n, const T *x, T *y) {   \
		int64_t i = 0;                                                \
		for (; i + LANES <= n; i += LANES)                            \
			STORE(y + i, NAME(function)(LOAD(x + i)));                \
		if (i < n) {                                                  \
			V v = SPLAT(0);                                           \
			memcpy(&v, x + i, (n - i) * sizeof(T));                   \
			v = NAME(function)(v);                                    \
			memcpy(y + i, &v, (n - i) * sizeof(T));                   \
		}                                                             \
	}
MAP(vexp)
MAP(vlog)
MAP(vtanh)
MAP(vsigmoid)
MAP(vsoftplus)
MAP(verf)
#undef MAP

// F is a function of the C library in the precision of T.
#undef F
#if SINGLE
#define F(name) name##f
#else
#define F(name) name
#endif
