package compose

func init() {
	Register("lie", "approximate backward: forward plus the Lie bracket of its steps; n Hessian-vector products for iterate n, of little use with ReLU", func() Arrangement { return &Lie{} })
}

// Lie approximates backward for plain gradient descent (Dherin et al., arXiv:2502.01557, Appendix C): iterate n is the forward one
// plus a second-order term at the base, see [Bracket]. Up to iterate Start, and in windows, it is as [Backward].
//
// It is no shortcut: iterate n takes n Hessian-vector products, of which each costs about two and a half gradients, and the error is
// of third order in the learning rate only where the loss has a third derivative. On ReLU networks it is of use only for steps
// so small that they cross no kink.
type Lie struct {
	Start      int     `toml:"start" doc:"the last forward iterate, from which the approximation starts" range:"[0,inf)"`
	ResetEvery int     `toml:"reset_every" doc:"window in iterates, counted from start, after which the newest iterate becomes the base (0: never)" range:"[0,inf)"`
	Rate       float64 `toml:"rate" doc:"the learning rate in the second-order term (0: the optimizer's, which must have a single one)" range:"[0,inf)"`
}

// Compose returns the word [b+1 … n] with its bracket.
func (a Lie) Compose(n int) Composition {
	base := Backward{Start: a.Start, ResetEvery: a.ResetEvery}.Compose(n).Base
	c := Composition{Base: base, Words: [][]int{oldestFirst(base, n)}}
	if n > a.Start {
		c.Bracket = &Bracket{Rate: a.Rate}
	}
	return c
}
