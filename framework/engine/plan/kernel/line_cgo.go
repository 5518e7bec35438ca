//go:build cgo

package kernel

/*
#cgo noescape backstitch_softmax_f32
#cgo nocallback backstitch_softmax_f32
#cgo noescape backstitch_softmax_f64
#cgo nocallback backstitch_softmax_f64
#cgo noescape backstitch_gather_f32
#cgo nocallback backstitch_gather_f32
#cgo noescape backstitch_gather_f64
#cgo nocallback backstitch_gather_f64
#cgo noescape backstitch_scatter_f32
#cgo nocallback backstitch_scatter_f32
#cgo noescape backstitch_scatter_f64
#cgo nocallback backstitch_scatter_f64
#cgo noescape backstitch_pool_f32
#cgo nocallback backstitch_pool_f32
#cgo noescape backstitch_pool_f64
#cgo nocallback backstitch_pool_f64
#include "kernels.h"
*/
import "C"

func softmax[E Float](logarithm bool, x, y []E, outer, n, inner int) {
	if single[E]() {
		C.backstitch_softmax_f32(truth(logarithm), C.int64_t(outer), C.int64_t(n), C.int64_t(inner), f32(x), f32(y))
	} else {
		C.backstitch_softmax_f64(truth(logarithm), C.int64_t(outer), C.int64_t(n), C.int64_t(inner), f64(x), f64(y))
	}
}

// walked is a shape with strides.
func walked(shape, strides []int) (axes C.int64_t, s, t [MaxAxes]C.int64_t) {
	for i := range shape {
		s[i], t[i] = C.int64_t(shape[i]), C.int64_t(strides[i])
	}
	return C.int64_t(len(shape)), s, t
}

func gather[E Float](dst, src []E, first int, shape, strides []int) {
	src = src[first:]
	axes, s, t := walked(shape, strides)
	if single[E]() {
		C.backstitch_gather_f32(axes, &s[0], &t[0], f32(src), f32(dst))
	} else {
		C.backstitch_gather_f64(axes, &s[0], &t[0], f64(src), f64(dst))
	}
}

func scatter[E Float](dst []E, first int, src []E, shape, strides []int) {
	dst = dst[first:]
	axes, s, t := walked(shape, strides)
	if single[E]() {
		C.backstitch_scatter_f32(axes, &s[0], &t[0], f32(src), f32(dst))
	} else {
		C.backstitch_scatter_f64(axes, &s[0], &t[0], f64(src), f64(dst))
	}
}

func pool[E Float](mode int, p *Pool, a, b, y []E, lo, hi int) {
	c := C.struct_backstitch_pool{h: C.int64_t(p.H), w: C.int64_t(p.W), kh: C.int64_t(p.KH), kw: C.int64_t(p.KW), oh: C.int64_t(p.OH), ow: C.int64_t(p.OW),
		stride_h: C.int64_t(p.StrideH), stride_w: C.int64_t(p.StrideW), pad_h: C.int64_t(p.PadH), pad_w: C.int64_t(p.PadW),
		dilation_h: C.int64_t(p.DilationH), dilation_w: C.int64_t(p.DilationW)}
	if single[E]() {
		C.backstitch_pool_f32(C.int(mode), &c, f32(a), f32(b), f32(y), C.int64_t(lo), C.int64_t(hi))
	} else {
		C.backstitch_pool_f64(C.int(mode), &c, f64(a), f64(b), f64(y), C.int64_t(lo), C.int64_t(hi))
	}
}
