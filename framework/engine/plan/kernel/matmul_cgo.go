//go:build cgo

package kernel

/*
#cgo noescape backstitch_matmul_f32
#cgo nocallback backstitch_matmul_f32
#cgo noescape backstitch_matmul_f64
#cgo nocallback backstitch_matmul_f64
#include "kernels.h"
*/
import "C"

// depth is how many terms of a sum are packed at a time: see gemm.h.
const depth = 256

// Scratch returns how many elements of working memory MatMulRows needs for that many rows.
func (p MatMul) Scratch(rows int) int { return (rows+mostRows)*depth + depth*mostColumns }

func matMulRows[E Float](p MatMul, a, b, c []E, lo, hi int, scratch []E) {
	ta, tb, m, n, k := truth(p.TransA), truth(p.TransB), C.int64_t(p.M), C.int64_t(p.N), C.int64_t(p.K)
	if single[E]() {
		C.backstitch_matmul_f32(ta, tb, m, n, k, f32(a), f32(b), f32(c), C.int64_t(lo), C.int64_t(hi), f32(scratch))
	} else {
		C.backstitch_matmul_f64(ta, tb, m, n, k, f64(a), f64(b), f64(c), C.int64_t(lo), C.int64_t(hi), f64(scratch))
	}
}

func truth(b bool) C.int {
	if b {
		return 1
	}
	return 0
}
