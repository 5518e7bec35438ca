package compose

func init() {
	Register("backward", "the newest batch acts first, from the base: n steps for iterate n", func() Arrangement { return &Backward{} })
}

// Backward applies the newest batch first (Dherin et al., arXiv:2502.01557): iterate n is T_{b+1} ∘ … ∘ T_n applied to its base
// b. Up to iterate Start it is forward. From there on the base is Start, or, with a window, the last of Start, Start+ResetEvery,
// Start+2·ResetEvery, … that is less than n.
type Backward struct {
	Start      int `toml:"start" doc:"the last forward iterate, from which backward starts" range:"[0,inf)"`
	ResetEvery int `toml:"reset_every" doc:"window in iterates, counted from start, after which the newest iterate becomes the base (0: never)" range:"[0,inf)"`
}

// Compose returns the word [n … b+1] from b.
func (a Backward) Compose(n int) Composition {
	base := a.Start
	switch {
	case n <= a.Start:
		base = n - 1
	case a.ResetEvery > 0:
		base += (n - 1 - a.Start) / a.ResetEvery * a.ResetEvery
	}
	word := make([]int, 0, n-base)
	for k := n; k > base; k-- {
		word = append(word, k)
	}
	return Composition{Base: base, Words: [][]int{word}}
}
