// Functions of one number for a whole vector, without branches. In double precision the C library is called for each lane for some.

#if SINGLE
typedef int32_t NAME(bits) __attribute__((vector_size(BYTES)));
#else
typedef int64_t NAME(bits) __attribute__((vector_size(BYTES)));
#endif
#undef BITS
#define BITS NAME(bits)

// choose is a where the mask is set, else b.
INLINE V NAME(choose)(BITS mask, V a, V b) { return (V)((mask & (BITS)a) | (~mask & (BITS)b)); }

// SIGN is the sign's bit.
#undef SIGN
#define SIGN ((BITS)SPLAT(-0.0))

INLINE V NAME(vabs)(V x) { return (V)((BITS)x & ~SIGN); }

// with_sign is a, which is not negative, with the sign of x.
INLINE V NAME(with_sign)(V a, V x) { return (V)((BITS)a | ((BITS)x & SIGN)); }

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

INLINE V NAME(small_tanh)(V x) {
	V z = x * x;
	V p = SPLAT(-5.70498872745e-3f);
	p = p * z + 2.06390887954e-2f;
	p = p * z - 5.37397155531e-2f;
	p = p * z + 1.33314422036e-1f;
	p = p * z - 3.33332819422e-1f;
	return p * z * x + x;
}

// small_log1p is log(1 + x) for 0 ≤ x ≤ 1: twice the inverse hyperbolic tangent of x/(2 + x).
INLINE V NAME(small_log1p)(V x) {
	V s = x / (x + 2.0f), z = s * s, p = SPLAT(1.0f / 15);
	for (int i = 13; i >= 3; i -= 2)
		p = p * z + 1.0f / i;
	return (s + s) * z * p + (s + s);
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

#else

// exp is 2ᵏ·exp(r) for |r| ≤ log(2)/2. What is added to round to an integer leaves it in the low bits.
INLINE V NAME(vexp)(V x) {
	V y = NAME(choose)(x > 710.0, SPLAT(710.0), x);
	y = NAME(choose)(y < -746.0, SPLAT(-746.0), y);
	const double shift = 6755399441055744.0; // 1.5·2⁵²
	V t = y * 1.44269504088896338700 + shift, k = t - shift, u = k * 0.5 + shift;
	V r = y - k * 6.93147180369123816490e-01;
	r = r - k * 1.90821492927058770002e-10;
	V p = SPLAT(1.0 / 6227020800);
	p = p * r + 1.0 / 479001600;
	p = p * r + 1.0 / 39916800;
	p = p * r + 1.0 / 3628800;
	p = p * r + 1.0 / 362880;
	p = p * r + 1.0 / 40320;
	p = p * r + 1.0 / 5040;
	p = p * r + 1.0 / 720;
	p = p * r + 1.0 / 120;
	p = p * r + 1.0 / 24;
	p = p * r + 1.0 / 6;
	p = p * r + 0.5;
	p = p * (r * r) + r + 1.0;
	BITS n = (BITS)t - (BITS)SPLAT(shift), half = (BITS)u - (BITS)SPLAT(shift); // 2ᵏ in two factors, as it may not be a normal number
	V a = (V)((half + 1023) << 52), b = (V)((n - half + 1023) << 52);
	return p * a * b;
}

INLINE V NAME(small_tanh)(V x) {
	V z = x * x;
	V p = (-9.64399179425052238628e-1 * z - 9.92877231001918586564e1) * z - 1.61468768441708447952e3;
	V q = ((z + 1.12811678491632931402e2) * z + 2.23548839060100448583e3) * z + 4.84406305325125486048e3;
	return x + x * z * (p / q);
}

// small_log1p is log(1 + x) for 0 ≤ x ≤ 1: twice the inverse hyperbolic tangent of x/(2 + x).
INLINE V NAME(small_log1p)(V x) {
	V s = x / (x + 2.0), z = s * s, p = SPLAT(1.0 / 35);
	for (int i = 33; i >= 3; i -= 2)
		p = p * z + 1.0 / i;
	return (s + s) * z * p + (s + s);
}

#define EACH(name, call)                                   \
	INLINE V NAME(name)(V v) {                             \
		for (int64_t i = 0; i < LANES; i++) {              \
			T x = v[i];                                    \
			v[i] = call;                                   \
		}                                                  \
		return v;                                          \
	}
EACH(vlog, log(x))
EACH(verf, erf(x))
#undef EACH
#endif

// What follows is the same in both precisions.

INLINE V NAME(vtanh)(V x) {
	V a = NAME(vabs)(x);
	V large = (T)1 - (T)2 / (NAME(vexp)(a + a) + (T)1);
	return NAME(with_sign)(NAME(choose)(a < (T)0.625, NAME(small_tanh)(a), large), x);
}

INLINE V NAME(vsigmoid)(V x) {
	V e = NAME(vexp)(-NAME(vabs)(x));
	return NAME(choose)(x < 0, e, SPLAT(1)) / (e + (T)1);
}

INLINE V NAME(vsoftplus)(V x) {
	V e = NAME(vexp)(-NAME(vabs)(x));
	return NAME(choose)(x <= 0, SPLAT(0), x) + NAME(small_log1p)(e);
}

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
