//go:build cgo

package kernel

/*
#cgo noescape backstitch_program_f32
#cgo nocallback backstitch_program_f32
#cgo noescape backstitch_program_f64
#cgo nocallback backstitch_program_f64
#include "kernels.h"
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// Compiled is a program that can run. It does not change and may be shared.
type Compiled[E Float] struct {
	c       C.struct_backstitch_program
	buffers int
}

// Scratch returns how many elements of working memory Run needs.
func (c *Compiled[E]) Scratch() int { return int(c.c.scalars) + c.buffers*int(c.c.block) }

// Run computes elements lo to hi, and adds to the sums. The outputs do not depend on how the elements are divided among calls.
func (c *Compiled[E]) Run(lo, hi int, in, out []Operand[E], sums [][]float64, scratch []E) {
	if lo >= hi {
		return
	}
	var memory [MaxOperands]C.uintptr_t
	n := 0
	for _, list := range [2][]Operand[E]{in, out} {
		for i := range list {
			memory[n] = C.uintptr_t(address(list[i].Data)) - C.uintptr_t(list[i].From)*C.uintptr_t(unsafe.Sizeof(*new(E)))
			n++
		}
	}
	for i := range sums {
		memory[n] = C.uintptr_t(address(sums[i]))
		n++
	}
	if single[E]() {
		C.backstitch_program_f32(&c.c, C.int64_t(lo), C.int64_t(hi), &memory[0], f32(scratch))
	} else {
		C.backstitch_program_f64(&c.c, C.int64_t(lo), C.int64_t(hi), &memory[0], f64(scratch))
	}
	// The addresses above do not keep what they lead to.
	runtime.KeepAlive(in)
	runtime.KeepAlive(out)
	runtime.KeepAlive(sums)
}

// address returns where x begins, which does not change: it is not on a stack, which moves when it grows.
func address[E any](x []E) uintptr {
	if onHeap.never {
		onHeap.x = x
	}
	return uintptr(unsafe.Pointer(unsafe.SliceData(x)))
}

// onHeap makes the compiler put on the heap whatever could be assigned to it.
var onHeap struct {
	never bool
	x     any
}
