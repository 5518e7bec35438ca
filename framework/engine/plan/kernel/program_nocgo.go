//go:build !cgo

package kernel

// Compiled is a program that can run. It does not change and may be shared.
type Compiled[E Float] struct{ program Program }

// Compile prepares a valid program.
func Compile[E Float](p Program) *Compiled[E] {
	p.check()
	return &Compiled[E]{p}
}

// Scratch returns how many elements of working memory Run needs.
func (c *Compiled[E]) Scratch() int { return len(c.program.Inputs) + len(c.program.Code) }

// Run computes elements lo to hi, and adds to the sums. The outputs do not depend on how the elements are divided among calls.
func (c *Compiled[E]) Run(lo, hi int, in, out []Operand[E], sums [][]float64, scratch []E) {
	interpret(&c.program, lo, hi, scratch,
		func(i, at int) E { return in[i].Data[at-in[i].From] },
		func(o, at int, v E) { out[o].Data[at-out[o].From] = v },
		func(s, at int, v E) { sums[s][at] += float64(v) })
}
