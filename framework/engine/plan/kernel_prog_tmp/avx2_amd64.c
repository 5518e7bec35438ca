#ifndef __clang__
#pragma GCC optimize("no-math-errno", "no-trapping-math")
#endif
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif
#define SET avx2
#define BYTES 32
#include "compile.h"
#ifdef __clang__
#pragma clang attribute pop
#endif
