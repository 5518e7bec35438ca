package compose

func init() {
	Register("forward", "the newest batch acts last: one step per iterate", func() Arrangement { return &Forward{} })
}

// Forward is the usual order: iterate n is T_n applied to iterate n-1.
type Forward struct{}

// Compose returns the word [n] from n-1.
func (Forward) Compose(n int) Composition { return Composition{Base: n - 1, Words: [][]int{{n}}} }
