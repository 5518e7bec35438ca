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
	"fmt"
	"runtime"
	"unsafe"
)

// Compiled is a program that can run. It does not change and may be shared.
type Compiled[E Float] struct {
	c       C.struct_backstitch_program
	buffers int
}

// What a processor's first cache holds, half of which is for buffers, and the lengths of blocks.
const (
	cacheBytes    = 32 << 10
	shortestBlock = 64
	longestBlock  = 1024
)

// Compile prepares a valid program.
func Compile[E Float](p Program) *Compiled[E] {
	if len(p.Inputs)+len(p.Outputs)+len(p.Sums) > MaxOperands || len(p.Inputs)+len(p.Code) > MaxRegisters || len(p.Shape) > MaxAxes {
		panic(fmt.Sprintf("kernel: a program of %d inputs, %d instructions and %d axes is too long", len(p.Inputs), len(p.Code), len(p.Shape)))
	}
	c := &Compiled[E]{}
	c.c.axes = C.int64_t(max(1, len(p.Shape)))
	c.c.shape[0] = 1
	for i, n := range p.Shape {
		c.c.shape[i] = C.int64_t(n)
	}
	c.c.inputs, c.c.outputs, c.c.sums = C.int64_t(len(p.Inputs)), C.int64_t(len(p.Outputs)), C.int64_t(len(p.Sums))
	c.c.registers, c.c.instructions = C.int64_t(len(p.Inputs)+len(p.Code)), C.int64_t(len(p.Code))
	a := allocator{program: &p, c: &c.c, last: map[int]int{}, scalar: map[int]bool{}}
	a.allocate()
	c.buffers = a.buffers
	var x E
	block := cacheBytes / 2 / int(unsafe.Sizeof(x)) / max(1, c.buffers) / shortestBlock * shortestBlock
	c.c.block = C.int64_t(min(max(block, shortestBlock), longestBlock))
	return c
}

// Scratch returns how many elements of working memory Run needs.
func (c *Compiled[E]) Scratch() int { return int(c.c.scalars) + c.buffers*int(c.c.block) }

// Run computes elements lo to hi, and adds to the sums.
func (c *Compiled[E]) Run(lo, hi int, in, out []Operand[E], sums [][]float64, scratch []E) {
	if lo >= hi {
		return
	}
	var memory [MaxOperands]C.uintptr_t
	n := 0
	for _, list := range [2][]Operand[E]{in, out} {
		for _, o := range list {
			memory[n] = C.uintptr_t(address(o.Data)) - C.uintptr_t(o.From)*C.uintptr_t(unsafe.Sizeof(*new(E)))
			n++
		}
	}
	for _, s := range sums {
		memory[n] = C.uintptr_t(address(s))
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

func address[E any](x []E) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(x))) }

// allocator finds a home for every register.
type allocator struct {
	program *Program
	c       *C.struct_backstitch_program
	last    map[int]int // the last instruction that reads a register; behind all if it is a result
	scalar  map[int]bool
	buffers int
	free    []int
}

func (a *allocator) allocate() {
	a.order()
	a.findLast()
	scalars := 0
	for i, access := range a.program.Inputs {
		a.input(i, access)
	}
	for i := range a.program.Code {
		c := &a.program.Code[i]
		a.c.code[i] = C.struct_backstitch_instruction{op: C.int32_t(c.Op), out: C.int32_t(c.Out), p: C.double(c.P), q: C.double(c.Q),
			a: C.int32_t(c.A), b: C.int32_t(c.B), c: C.int32_t(c.C)}
		home := &a.c.homes[c.Out]
		home.splat = -1
		if a.scalar[c.Out] {
			a.c.code[i].flags = C.SCALAR_RESULT
			home.kind, home.index = C.BACKSTITCH_Scalar, C.int32_t(scalars)
			scalars++
			continue
		}
		a.c.code[i].flags = a.flags(&a.c.code[i])
		a.result(i, c.Out)
		a.release(i)
	}
	a.c.scalars = C.int64_t((scalars + 15) / 16 * 16)
	for i, o := range a.program.Outputs {
		a.c.results[i].reg = C.int64_t(o.Register)
	}
	for i, s := range a.program.Sums {
		r := &a.c.results[len(a.program.Outputs)+i]
		r.reg = C.int64_t(s.Register)
		copyStrides(&r.strides, a.program.Shape, s.Into)
	}
}

// order puts what is the same for all elements first.
func (a *allocator) order() {
	for i, access := range a.program.Inputs {
		a.scalar[i] = access != nil && allZero(access)
	}
	var first, rest []Instruction
	for _, c := range a.program.Code {
		same := true
		for _, r := range c.operands() {
			same = same && a.scalar[r]
		}
		if a.scalar[c.Out] = same; same {
			first = append(first, c)
		} else {
			rest = append(rest, c)
		}
	}
	a.program.Code = append(first, rest...)
}

func allZero(strides []int) bool {
	for _, s := range strides {
		if s != 0 {
			return false
		}
	}
	return true
}

// operands returns the registers that an instruction reads.
func (c *Instruction) operands() []int {
	switch {
	case c.Op == Fill:
		return nil
	case c.Op == Where || c.Op == MulAdd || c.Op == MulSub:
		return []int{c.A, c.B, c.C}
	case c.Op >= Add && c.Op <= Equal:
		return []int{c.A, c.B}
	}
	return []int{c.A}
}

func (a *allocator) findLast() {
	for i := range a.program.Code {
		for _, r := range a.program.Code[i].operands() {
			a.last[r] = i
		}
	}
	for _, o := range a.program.Outputs {
		a.last[o.Register] = len(a.program.Code)
	}
	for _, s := range a.program.Sums {
		a.last[s.Register] = len(a.program.Code)
	}
}

func (a *allocator) buffer() C.int32_t {
	if n := len(a.free); n > 0 {
		b := a.free[n-1]
		a.free = a.free[:n-1]
		return C.int32_t(b)
	}
	a.buffers++
	return C.int32_t(a.buffers - 1)
}

func (a *allocator) input(i int, access Access) {
	home := &a.c.homes[i]
	home.index, home.splat = C.int32_t(i), -1
	switch {
	case access == nil:
		home.kind = C.BACKSTITCH_Memory
	case a.scalar[i]:
		home.kind = C.BACKSTITCH_ScalarInput
	default:
		home.kind = C.BACKSTITCH_Expanded
		home.buffer = a.buffer() // kept for the whole block: it is filled before the first instruction
		copyStrides(&home.strides, a.program.Shape, access)
	}
}

func copyStrides(to *[MaxAxes]C.int64_t, shape []int, access Access) {
	for i := range access {
		to[i] = C.int64_t(access[i])
	}
	if access == nil {
		stride := 1
		for i := len(shape) - 1; i >= 0; i-- {
			to[i] = C.int64_t(stride)
			stride *= shape[i]
		}
	}
}

// flags says which operands of an instruction are the same for all elements. Where no loop reads such an operand, it is spread.
func (a *allocator) flags(c *C.struct_backstitch_instruction) C.int32_t {
	in := &Instruction{Op: Code(c.op), A: int(c.a), B: int(c.b), C: int(c.c)}
	operands := in.operands()
	switch {
	case len(operands) == 2 && a.scalar[in.B]:
		return C.SCALAR_B
	case len(operands) == 2 && a.scalar[in.A]:
		return C.SCALAR_A
	case len(operands) != 3:
		return 0
	}
	if in.Op != Where && a.scalar[in.A] && !a.scalar[in.B] {
		c.a, c.b = c.b, c.a
		in.A, in.B = in.B, in.A
	}
	flags := C.int32_t(0)
	if a.scalar[in.A] {
		flags |= C.SPLAT_A
		a.splat(in.A)
	}
	if a.scalar[in.B] {
		flags |= C.SCALAR_B
	}
	if a.scalar[in.C] {
		flags |= C.SPLAT_C
		a.splat(in.C)
	}
	return flags
}

// splat gives a number a buffer that is filled with it.
func (a *allocator) splat(r int) {
	if home := &a.c.homes[r]; home.splat < 0 {
		home.splat = C.int32_t(a.buffers) // of its own: it is filled once
		a.buffers++
	}
}

// result finds a home for what instruction i computes: the output's memory, if nothing is read later that it would overwrite.
func (a *allocator) result(i, register int) {
	home := &a.c.homes[register]
	for o, out := range a.program.Outputs {
		if out.Register == register && (out.Alias < 0 || a.last[out.Alias] <= i) && !a.sumsInput(out.Alias) {
			home.kind, home.index = C.BACKSTITCH_Memory, C.int32_t(len(a.program.Inputs)+o)
			return
		}
	}
	home.kind = C.BACKSTITCH_Buffer
	home.index = a.buffer()
}

// sumsInput reports whether an input is summed itself, which is done after the last instruction.
func (a *allocator) sumsInput(i int) bool { return i >= 0 && a.last[i] == len(a.program.Code) }

// release frees the buffers whose registers instruction i was the last to read.
func (a *allocator) release(i int) {
	c := &a.program.Code[i]
	seen := map[int]bool{}
	for _, r := range append(c.operands(), c.Out) {
		home := a.c.homes[r]
		last, read := a.last[r]
		if !seen[r] && home.kind == C.BACKSTITCH_Buffer && (last == i || !read) {
			a.free = append(a.free, int(home.index))
		}
		seen[r] = true
	}
}
