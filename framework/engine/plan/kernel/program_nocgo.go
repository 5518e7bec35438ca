//go:build !cgo

package kernel

// Compiled is a program that can run.
type Compiled[E Float] struct{ program Program }

// Compile prepares a valid program.
func Compile[E Float](p Program) *Compiled[E] { return &Compiled[E]{p} }

// Scratch returns how many elements of working memory Run needs.
func (c *Compiled[E]) Scratch() int { return 0 }

// Run computes elements lo to hi, and adds to the sums.
func (c *Compiled[E]) Run(lo, hi int, in, out []Operand[E], sums [][]float64, _ []E) {
	runInGo(&c.program, lo, hi, in, out, sums)
}
