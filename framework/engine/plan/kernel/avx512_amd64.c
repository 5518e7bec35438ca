#ifndef __clang__
#pragma GCC optimize("no-math-errno", "no-trapping-math")
#endif
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
#define SET avx512
#define BYTES 64
#include "compile.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
