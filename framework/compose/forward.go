package compose

func init() {
	Register("forward", "the newest batch acts last: one step per iterate", func() Arrangement { return &Forward{} })
}

// Forward is the usual order: iterate n is T_n applied to iterate n-1.
type Forward struct{}

// Compose returns the word [n] from n-1.
func (Forward) Compose(n int) Composition { return Composition{Base: n - 1, Words: [][]int{{n}}} }

// oldestFirst returns the letters after base up to n.
func oldestFirst(base, n int) []int {
	word := make([]int, 0, n-base)
	for k := base + 1; k <= n; k++ {
		word = append(word, k)
	}
	return word
}

// windowOf returns the base of the window, of that many batches, that iterate n stands in.
func windowOf(n, window int) (base int) { return (n - 1) / window * window }
