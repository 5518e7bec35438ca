#include "kernels.h"

#if defined(__x86_64__)
int backstitch_level(void) {
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma"))
		return 2;
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
int backstitch_level(void) { return 0; }
#endif

// Single precision takes subnormal numbers as zero, in operands and in results: processors compute with them a hundred times slower, and
// moving averages of gradients that vanish, as of the weights of a picture's empty border, end in them. What a thread did before
// is put back.
#if defined(__x86_64__)
#include <xmmintrin.h>
enum { FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x40 };
typedef unsigned fp_mode;
static inline fp_mode enter_f32(void) {
	fp_mode m = _mm_getcsr();
	_mm_setcsr(m | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO);
	return m;
}
static inline void leave_f32(fp_mode m) { _mm_setcsr(m); }
#elif defined(__aarch64__)
typedef uint64_t fp_mode;
static inline fp_mode enter_f32(void) {
	fp_mode m;
	__asm__ volatile("mrs %0, fpcr" : "=r"(m));
	__asm__ volatile("msr fpcr, %0" : : "r"(m | 1 << 24));
	return m;
}
static inline void leave_f32(fp_mode m) { __asm__ volatile("msr fpcr, %0" : : "r"(m)); }
#else
typedef int fp_mode;
static inline fp_mode enter_f32(void) { return 0; }
static inline void leave_f32(fp_mode m) { (void)m; }
#endif
static inline fp_mode enter_f64(void) { return 0; }
static inline void leave_f64(fp_mode m) { (void)m; }

static int level;

void backstitch_use(int l) { level = l; }

#if defined(__x86_64__)
#define DEFINE(name, suffix, parameters, arguments)    \
	void name##_portable_##suffix parameters;          \
	void name##_avx2_##suffix parameters;              \
	void name##_avx512_##suffix parameters;            \
	void backstitch_##name##_##suffix parameters {     \
		fp_mode before = enter_##suffix();             \
		if (level == 2)                                \
			name##_avx512_##suffix arguments;          \
		else if (level == 1)                           \
			name##_avx2_##suffix arguments;            \
		else                                           \
			name##_portable_##suffix arguments;        \
		leave_##suffix(before);                        \
	}
#else
#define DEFINE(name, suffix, parameters, arguments)    \
	void name##_portable_##suffix parameters;          \
	void backstitch_##name##_##suffix parameters {     \
		fp_mode before = enter_##suffix();             \
		name##_portable_##suffix arguments;            \
		leave_##suffix(before);                        \
	}
#endif

#define T float
#define KERNEL(name, parameters, arguments) DEFINE(name, f32, parameters, arguments)
#include "kernels.def"
#undef KERNEL
#undef T
#define T double
#define KERNEL(name, parameters, arguments) DEFINE(name, f64, parameters, arguments)
#include "kernels.def"
