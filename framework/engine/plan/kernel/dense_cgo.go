//go:build cgo

package kernel

/*
#cgo noescape backstitch_dot_f32
#cgo nocallback backstitch_dot_f32
#cgo noescape backstitch_dot_f64
#cgo nocallback backstitch_dot_f64
#cgo noescape backstitch_combine_f32
#cgo nocallback backstitch_combine_f32
#cgo noescape backstitch_combine_f64
#cgo nocallback backstitch_combine_f64
#cgo noescape backstitch_outer_f32
#cgo nocallback backstitch_outer_f32
#cgo noescape backstitch_outer_f64
#cgo nocallback backstitch_outer_f64
#cgo noescape backstitch_descend_f32
#cgo nocallback backstitch_descend_f32
#cgo noescape backstitch_descend_f64
#cgo nocallback backstitch_descend_f64
#cgo noescape backstitch_retreat_f32
#cgo nocallback backstitch_retreat_f32
#cgo noescape backstitch_retreat_f64
#cgo nocallback backstitch_retreat_f64
#include "kernels.h"
*/
import "C"

func dot[E Float](m, n, k int, a, b, c []E, ldc int, scratch []E) {
	if single[E]() {
		C.backstitch_dot_f32(C.int64_t(m), C.int64_t(n), C.int64_t(k), f32(a), f32(b), f32(c), C.int64_t(ldc), f32(scratch))
	} else {
		C.backstitch_dot_f64(C.int64_t(m), C.int64_t(n), C.int64_t(k), f64(a), f64(b), f64(c), C.int64_t(ldc), f64(scratch))
	}
}

func combine[E Float](sum bool, m, n, k int, a []E, lda int, b, c []E, ldc int) {
	if single[E]() {
		C.backstitch_combine_f32(truth(sum), C.int64_t(m), C.int64_t(n), C.int64_t(k), f32(a), C.int64_t(lda), f32(b), f32(c), C.int64_t(ldc))
	} else {
		C.backstitch_combine_f64(truth(sum), C.int64_t(m), C.int64_t(n), C.int64_t(k), f64(a), C.int64_t(lda), f64(b), f64(c), C.int64_t(ldc))
	}
}

func outer[E Float](lo, hi, n, k int, a []E, lda int, b []E, ldb int, c []E) {
	if single[E]() {
		C.backstitch_outer_f32(C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), f32(a), C.int64_t(lda), f32(b), C.int64_t(ldb), f32(c))
	} else {
		C.backstitch_outer_f64(C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), f64(a), C.int64_t(lda), f64(b), C.int64_t(ldb), f64(c))
	}
}

func descend[E Float](lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c []E) {
	if single[E]() {
		C.backstitch_descend_f32(C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), C.float(rate), f32(a), C.int64_t(lda), f32(b), C.int64_t(ldb), f32(c))
	} else {
		C.backstitch_descend_f64(C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), C.double(rate), f64(a), C.int64_t(lda), f64(b), C.int64_t(ldb), f64(c))
	}
}

func retreat[E Float](sum bool, lo, hi, n, k int, rate E, a []E, lda int, b []E, ldb int, c, d []E, ldd int) {
	if single[E]() {
		C.backstitch_retreat_f32(truth(sum), C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), C.float(rate), f32(a), C.int64_t(lda), f32(b), C.int64_t(ldb), f32(c), f32(d), C.int64_t(ldd))
	} else {
		C.backstitch_retreat_f64(truth(sum), C.int64_t(lo), C.int64_t(hi), C.int64_t(n), C.int64_t(k), C.double(rate), f64(a), C.int64_t(lda), f64(b), C.int64_t(ldb), f64(c), f64(d), C.int64_t(ldd))
	}
}
