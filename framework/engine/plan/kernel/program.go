package kernel

// A Program computes elementwise: for every element of an iteration space, in row-major order, it reads one number through each
// input, runs its instructions on registers, and stores or sums registers. It runs block by block, so that registers stay in cache and every
// tensor is read and written once, however many instructions there are. The fewer axes the space has, the faster it runs: those that
// all inputs and sums pass through as if they were one should be joined.
type Program struct {
	Shape   []int         // the iteration space; no axes for one element
	Inputs  []Access      // input i is in register i
	Code    []Instruction // each register is written once, by an input or an instruction, before it is read
	Outputs []Output
	Sums    []Sum
}

// Access says where in a tensor an element of the iteration space is: at the sum of its indices times the strides. Strides are
// zero along axes that are repeated. A nil Access is the iteration space's own row-major order.
type Access []int

// Instruction computes a register from up to three others and up to two numbers. Registers are numbered from 0, without gaps: inputs, then
// results of instructions.
type Instruction struct {
	Op      Code
	Out     int
	A, B, C int
	P, Q    float64
}

// Output stores what an instruction computes, in row-major order. Alias is the input of the same memory, or −1. It is the only one of that
// memory, accessed in row-major order; an element is read before it is overwritten.
type Output struct{ Register, Alias int }

// Sum adds a register to the elements of sums that Into leads to, which overlap: its strides are zero along axes that are summed.
type Sum struct {
	Register int
	Into     Access
}

// Code is what an instruction computes.
type Code int32

// The instructions. Functions are those of package ops of the same name, with the same values at kinks and for NaN.
const (
	Copy   Code = iota // a
	Fill               // P
	Affine             // P·a + Q
	Clamp              // a limited to P…Q; NaN stays; where P > Q it is Q
	Within             // 1 where P < a < Q, else 0
	Where              // b where a is not zero (NaN is not), else c

	Add // a + b
	Sub
	Mul
	Div
	Pow
	Max // NaN if one is
	Min
	Mod  // the remainder with the divisor's sign
	Fmod // with the dividend's
	Less // 1 or 0
	Equal

	MulAdd // a·b + c
	MulSub // c − a·b

	Exp
	Log
	Sqrt
	Abs
	Sign // NaN stays, zero keeps its sign
	Step // 1 where a > 0, 0 where a ≤ 0, NaN stays
	Relu // 0 where a ≤ 0, else a, NaN included
	Tanh
	Sigmoid
	Softplus // log(1 + eᵃ)
	Erf
	Sin
	Cos
	Tan
	Asin
	Acos
	Atan
	Sinh
	Cosh
	Asinh
	Acosh
	Atanh
	Floor
	Ceil
	Round // halves to even
	Trunc
	IsNaN
	IsInf
	codes // how many there are
)

// Limits of a program.
const (
	MaxOperands  = 64  // inputs, outputs and sums
	MaxRegisters = 160 // inputs and instructions
	MaxAxes      = 8
)

// Operand is a tensor that a program reads or writes. From is the element of the iteration space at which Data begins, which may be
// another than 0 in row-major order only.
type Operand[E Float] struct {
	Data []E
	From int
}

// check panics at a program that no caller should make.
func (p *Program) check() {
	if len(p.Inputs)+len(p.Outputs)+len(p.Sums) > MaxOperands || len(p.Inputs)+len(p.Code) > MaxRegisters || len(p.Shape) > MaxAxes {
		panic("kernel: a program has too many operands, registers or axes")
	}
}
