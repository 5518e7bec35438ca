// Vectors of T. LANES is how many elements one has.
#undef LANES
#undef V
#undef LOAD
#undef STORE
#undef SPLAT
#define LANES ((int64_t)(BYTES / sizeof(T)))
#define V NAME(vector)
#define LOAD(p) ((V)*(const NAME(unaligned) *)(p))
#define STORE(p, v) (*(NAME(unaligned) *)(p) = (v))
#define SPLAT(x) ((T)(x) - (V){0}) // x + 0 would not be x for -0, and would be computed

// HOLD makes a compiler keep what it has loaded in a register, where it would rather load it again for each product: processors can load
// only as many vectors as they can multiply.
#undef HOLD
#if BYTES > 16 && defined(__x86_64__)
#define HOLD(v) __asm__("" : "+v"(v))
#else
#define HOLD(v)
#endif

typedef T V __attribute__((vector_size(BYTES)));
typedef INTEGER NAME(integer);
typedef INTEGER NAME(integers) __attribute__((vector_size(BYTES)));
typedef T NAME(unaligned) __attribute__((vector_size(BYTES), aligned(sizeof(T)), may_alias));

// reduce returns the sum of the lanes, in the order of a binary tree.
INLINE T NAME(reduce)(V v) {
	T x[BYTES / sizeof(T)];
	memcpy(x, &v, sizeof v);
	for (int64_t half = LANES / 2; half > 0; half /= 2)
		for (int64_t i = 0; i < half; i++)
			x[i] += x[i + half];
	return x[0];
}
