//go:build cgo

package kernel

// #include "kernels.h"
import "C"

import "unsafe"

// Compile prepares a valid program.
func Compile[E Float](p Program) *Compiled[E] {
	p.check()
	c := &Compiled[E]{}
	compiler := compiler{program: &p, c: &c.c, ranks: map[int]rank{}, last: map[int]int{}, splats: map[int]C.int32_t{}}
	compiler.compile(int(unsafe.Sizeof(*new(E))))
	c.buffers = compiler.buffers
	return c
}

// What a processor's first cache holds, half of which is for the blocks of a program, and their lengths.
const (
	cacheBytes    = 32 << 10
	shortestBlock = 64
	longestBlock  = 1024
)

// shortestLine is how long the last axis must be for blocks to end with it. What is repeated along it is one number then, and what is
// contiguous is read in place; but where lines are short, instructions over many lines at a time are faster.
const shortestLine = 128

// rank says what a register is the same for.
type rank int

const (
	forAll     rank = iota // elements of the iteration space
	forLine                // elements along the last axis
	forElement             // nothing
)

// compiler finds a home for every register, and puts the instructions in phases.
type compiler struct {
	program *Program
	c       *C.struct_backstitch_program
	lines   bool // whether blocks end where the last axis does
	ranks   map[int]rank
	last    map[int]int // the last instruction for elements that reads a register; behind all if it is a result
	splats  map[int]C.int32_t
	phases  [3][]C.struct_backstitch_instruction
	scalars int
	buffers int
	free    []C.int32_t
}

func (a *compiler) compile(elementBytes int) {
	a.shape()
	a.c.registers = C.int64_t(len(a.program.Inputs) + len(a.program.Code))
	for i, access := range a.program.Inputs {
		a.input(i, access)
	}
	elements := a.sort()
	a.findLast(elements)
	for i := range elements {
		a.element(i, &elements[i])
	}
	a.results()
	a.emit()
	a.c.scalars = C.int64_t((a.scalars + 15) / 16 * 16)
	block := cacheBytes / 2 / elementBytes / max(1, a.buffers+int(a.c.moving)) / shortestBlock * shortestBlock
	block = min(max(block, shortestBlock), longestBlock)
	a.c.block = C.int64_t(block)
	if a.lines {
		line := int(a.c.shape[a.c.axes-1])
		parts := (line + block - 1) / block
		chunk := (line + parts - 1) / parts // of about equal length
		a.c.chunk = C.int64_t((chunk + shortestBlock - 1) / shortestBlock * shortestBlock)
	}
}

func (a *compiler) shape() {
	a.c.axes = C.int64_t(max(1, len(a.program.Shape)))
	a.c.shape[0] = 1
	for i, n := range a.program.Shape {
		a.c.shape[i] = C.int64_t(n)
	}
	walked := len(a.program.Sums) > 0
	for _, access := range a.program.Inputs {
		walked = walked || access != nil && !allZero(access)
	}
	a.lines = walked && a.c.shape[a.c.axes-1] >= shortestLine
}

func (a *compiler) input(i int, access Access) {
	home := &a.c.homes[i]
	home.index = C.int32_t(i)
	a.strides(i, access)
	a.ranks[i] = forElement
	switch {
	case access == nil:
		home.kind = C.BACKSTITCH_Memory
	case allZero(access):
		home.kind = C.BACKSTITCH_Number
		a.ranks[i] = forAll
		return
	case a.lines && access[len(access)-1] == 0:
		home.kind = C.BACKSTITCH_Place
		a.ranks[i] = forLine
	case a.lines && access[len(access)-1] == 1:
		home.kind = C.BACKSTITCH_Line
	default:
		home.kind, home.buffer = C.BACKSTITCH_Filled, a.buffer()
	}
	a.moves(i)
}

func (a *compiler) moves(register int) {
	a.c.moves[a.c.moving] = C.int32_t(register)
	a.c.moving++
}

// strides sets those of an operand.
func (a *compiler) strides(operand int, access Access) {
	for i, s := range access {
		a.c.strides[operand][i] = C.int64_t(s)
	}
	if access == nil {
		stride := 1
		for i := len(a.program.Shape) - 1; i >= 0; i-- {
			a.c.strides[operand][i] = C.int64_t(stride)
			stride *= a.program.Shape[i]
		}
	}
}

// sort emits the instructions whose results are the same for many elements, and returns the others.
func (a *compiler) sort() (elements []Instruction) {
	for _, c := range a.program.Code {
		rank := forAll
		for _, r := range c.operands() {
			rank = max(rank, a.ranks[r])
		}
		a.ranks[c.Out] = rank
		if rank == forElement {
			elements = append(elements, c)
			continue
		}
		home := &a.c.homes[c.Out]
		home.kind, home.buffer = C.BACKSTITCH_Scalar, C.int32_t(a.scalars)
		a.scalars++
		a.phases[rank] = append(a.phases[rank], translate(&c))
	}
	return elements
}

func translate(c *Instruction) C.struct_backstitch_instruction {
	return C.struct_backstitch_instruction{op: C.int32_t(c.Op), out: C.int32_t(c.Out), p: C.double(c.P), q: C.double(c.Q),
		a: C.int32_t(c.A), b: C.int32_t(c.B), c: C.int32_t(c.C)}
}

func (a *compiler) findLast(elements []Instruction) {
	for i := range elements {
		for _, r := range elements[i].operands() {
			a.last[r] = i
		}
	}
	for _, o := range a.program.Outputs {
		a.last[o.Register] = len(elements)
	}
	for _, s := range a.program.Sums {
		a.last[s.Register] = len(elements)
	}
}

// element emits instruction i of those for elements.
func (a *compiler) element(i int, in *Instruction) {
	c := translate(in)
	a.scalarOperands(in, &c)
	a.release(i, in.operands()) // before there is a home for the result, which may overwrite an operand
	a.home(i, in.Out)
	if _, read := a.last[in.Out]; !read {
		a.release(i, []int{in.Out})
	}
	a.phases[forElement] = append(a.phases[forElement], c)
}

// scalarOperands says which operands are one number. Where no loop reads such an operand, it is spread.
func (a *compiler) scalarOperands(in *Instruction, c *C.struct_backstitch_instruction) {
	operands := in.operands()
	scalar := func(i int) bool { return i < len(operands) && a.ranks[operands[i]] < forElement }
	if len(operands) == 3 && in.Op != Where && scalar(0) && !scalar(1) {
		operands[0], operands[1] = operands[1], operands[0] // of a product
		c.a, c.b = c.b, c.a
	}
	if len(operands) == 3 && scalar(0) {
		c.a = a.splat(operands[0])
	} else if scalar(0) {
		c.flags |= C.BACKSTITCH_ScalarA
	}
	if scalar(1) {
		c.flags |= C.BACKSTITCH_ScalarB
	}
	if scalar(2) {
		c.flags |= C.BACKSTITCH_ScalarC
	}
}

// splat returns a register that has a number for every element of a block. It is filled once.
func (a *compiler) splat(register int) C.int32_t {
	if s, made := a.splats[register]; made {
		return s
	}
	s := C.int32_t(a.c.registers)
	a.c.registers++
	a.c.homes[s].kind, a.c.homes[s].buffer = C.BACKSTITCH_Buffer, C.int32_t(a.buffers) // of its own
	a.buffers++
	phase := &a.phases[a.ranks[register]]
	*phase = append(*phase, C.struct_backstitch_instruction{op: C.BACKSTITCH_Splat, out: s, a: C.int32_t(register)})
	a.splats[register] = s
	return s
}

func (a *compiler) buffer() C.int32_t {
	if n := len(a.free); n > 0 {
		b := a.free[n-1]
		a.free = a.free[:n-1]
		return b
	}
	a.buffers++
	return C.int32_t(a.buffers - 1)
}

// release frees the buffers of the registers that instruction i is the last to use.
func (a *compiler) release(i int, registers []int) {
	seen := map[int]bool{}
	for _, r := range registers {
		home := &a.c.homes[r]
		last, read := a.last[r]
		if !seen[r] && (home.kind == C.BACKSTITCH_Buffer || home.kind == C.BACKSTITCH_Filled) && (last == i || !read) {
			a.free = append(a.free, home.buffer)
		}
		seen[r] = true
	}
}

// home finds one for what instruction i computes: an output's memory, if nothing is read later that it would overwrite.
func (a *compiler) home(i, register int) {
	home := &a.c.homes[register]
	for o, out := range a.program.Outputs {
		if out.Register == register && (out.Alias < 0 || a.lastRead(out.Alias) <= i) {
			home.kind, home.index = C.BACKSTITCH_Memory, a.output(o)
			a.moves(register)
			return
		}
	}
	home.kind, home.buffer = C.BACKSTITCH_Buffer, a.buffer()
}

// lastRead returns the last instruction that reads an input, if there is one.
func (a *compiler) lastRead(register int) int {
	if last, read := a.last[register]; read {
		return last
	}
	return -1
}

// output returns the number of output o among the operands.
func (a *compiler) output(o int) C.int32_t { return C.int32_t(len(a.program.Inputs) + o) }

// results says what is done at the end of a block.
func (a *compiler) results() {
	for i, s := range a.program.Sums {
		index := len(a.program.Inputs) + len(a.program.Outputs) + i
		a.strides(index, s.Into)
		a.c.sum[i].reg, a.c.sum[i].index = C.int32_t(s.Register), C.int32_t(index)
		if a.ranks[s.Register] < forElement {
			a.c.sum[i].scalar = 1
		}
		a.c.sums++
	}
	for o, out := range a.program.Outputs {
		register := C.int32_t(out.Register)
		if a.ranks[out.Register] < forElement {
			register = a.splat(out.Register)
		} else if home := a.c.homes[register]; home.kind == C.BACKSTITCH_Memory && home.index == a.output(o) {
			continue
		}
		a.c.copy[a.c.copies].reg, a.c.copy[a.c.copies].index = register, a.output(o)
		a.c.copies++
	}
}

// emit puts the phases one behind the other.
func (a *compiler) emit() {
	at := 0
	for i, phase := range a.phases {
		a.c.phases[i] = C.int64_t(len(phase))
		at += copy(a.c.code[at:], phase)
	}
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

func allZero(strides []int) bool {
	for _, s := range strides {
		if s != 0 {
			return false
		}
	}
	return true
}
