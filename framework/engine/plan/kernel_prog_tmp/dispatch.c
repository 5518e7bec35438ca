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

static int level;

void backstitch_use(int l) { level = l; }

#if defined(__x86_64__)
#define DEFINE(name, suffix, parameters, arguments)    \
	void name##_portable_##suffix parameters;          \
	void name##_avx2_##suffix parameters;              \
	void name##_avx512_##suffix parameters;            \
	void backstitch_##name##_##suffix parameters {     \
		if (level == 2)                                \
			name##_avx512_##suffix arguments;          \
		else if (level == 1)                           \
			name##_avx2_##suffix arguments;            \
		else                                           \
			name##_portable_##suffix arguments;        \
	}
#else
#define DEFINE(name, suffix, parameters, arguments)    \
	void name##_portable_##suffix parameters;          \
	void backstitch_##name##_##suffix parameters { name##_portable_##suffix arguments; }
#endif

#define T float
#define KERNEL(name, parameters, arguments) DEFINE(name, f32, parameters, arguments)
#include "kernels.def"
#undef KERNEL
#undef T
#define T double
#define KERNEL(name, parameters, arguments) DEFINE(name, f64, parameters, arguments)
#include "kernels.def"
