// Included once for each instruction set, which is named by SET and has vectors of BYTES bytes.
#include "kernels.h"
#include <math.h>
#include <string.h>

#define JOIN_(a, b, c) a##_##b##_##c
#define JOIN(a, b, c) JOIN_(a, b, c)
#define NAME(name) JOIN(name, SET, SUFFIX)
#define INLINE static inline __attribute__((always_inline))

#define T float
#define INTEGER int32_t
#define SUFFIX f32
#define SINGLE 1
#include "vector.h"
#include "dense.h"
#include "functions.h"
#include "gemm.h"
#include "conv.h"
#include "correlate.h"
#include "program.h"
#include "line.h"
#undef SINGLE
#undef SUFFIX
#undef INTEGER
#undef T

#define T double
#define INTEGER int64_t
#define SUFFIX f64
#define SINGLE 0
#include "vector.h"
#include "dense.h"
#include "functions.h"
#include "gemm.h"
#include "conv.h"
#include "correlate.h"
#include "program.h"
#include "line.h"
#undef SINGLE
#undef SUFFIX
#undef INTEGER
#undef T
