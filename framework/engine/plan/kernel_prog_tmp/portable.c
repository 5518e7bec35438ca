#ifndef __clang__
#pragma GCC optimize("no-math-errno", "no-trapping-math")
#endif
#define SET portable
#define BYTES 16
#include "compile.h"
