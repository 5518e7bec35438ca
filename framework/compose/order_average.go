package compose

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

func init() {
	Register("order_average", "the mean over the orders of a window's steps: exact, sampled, or by its second-order term", func() Arrangement {
		return &OrderAverage{Window: 4, Method: Exact, Orders: 2, Strength: 1}
	})
}

// The methods of an order average.
const (
	Exact       = "exact"
	Sampled     = "sampled"
	Regularizer = "regularizer"
	Sequential  = "sequential"
)

// What one iterate may be made of.
const (
	exactWindow = 6       // the longest window whose orders are all applied: it has 720
	groupWindow = 256     // the longest window that is one update: its graph has the model as many times
	maxLetters  = 1 << 20 // of all words together
)

// OrderAverage is the mean over the orders of the steps of a window of k batches (Dherin et al., arXiv:2502.01557, Appendix D.2):
// iterate n starts from the last multiple of k before it, so an iterate within a window, if it is wanted, averages the part that
// there is, for itself alone. One order and its reverse have that mean but for O(h³), so sampled orders come in such pairs. The
// regularizer replaces the mean by one update, see [Group]: with strength 0 it is the large batch of Appendix D.1, and sequential,
// which is forward, its small batches.
type OrderAverage struct {
	Window   int     `toml:"window" doc:"batches whose orders are averaged" range:"[1,1000000]"`
	Method   string  `toml:"method" doc:"exact: all orders of up to 6 batches; sampled: pairs of an order and its reverse; regularizer: one update with the second-order term; sequential: one order, small batches" oneof:"exact sampled regularizer sequential"`
	Orders   int     `toml:"orders" doc:"for sampled: orders, each with its reverse" range:"[1,1000000]"`
	Seed     uint64  `toml:"seed" doc:"for sampled: which orders"`
	Strength float64 `toml:"strength" doc:"for regularizer: multiplies the second-order term; 1: as derived, 0: the large batch" range:"(-inf,inf)"`
	Rate     float64 `toml:"rate" doc:"for regularizer: the learning rate in the second-order term (0: the optimizer's, which must have a single one)" range:"[0,inf)"`
}

// Validate refuses windows that have too many orders, or batches.
func (a *OrderAverage) Validate() error {
	switch most := max(1, maxLetters/(2*max(1, a.Window))); {
	case a.Method == Exact && a.Window > exactWindow:
		return fmt.Errorf("window = %d has too many orders to apply all of them: it is at most %d (or sample them: method = %q)", a.Window, exactWindow, Sampled)
	case a.Method == Regularizer && a.Window > groupWindow:
		return fmt.Errorf("window = %d is too much for one update: it is at most %d batches (or take a larger batch)", a.Window, groupWindow)
	case a.Method == Sampled && a.Orders > most:
		return fmt.Errorf("orders = %d of %d batches are too many for one iterate: orders is at most %d", a.Orders, a.Window, most)
	}
	return nil
}

// Compose returns the orders of the window's batches up to n.
func (a OrderAverage) Compose(n int) Composition {
	base := windowOf(n, a.Window)
	c := Composition{Base: base}
	first := oldestFirst(base, n)
	switch a.Method {
	case Exact:
		c.Words = orders(first)
	case Sampled:
		c.Words = a.sample(first)
	case Regularizer:
		c.Words, c.Group = [][]int{first}, &Group{Strength: a.Strength, Rate: a.Rate}
	default:
		c.Words = [][]int{first}
	}
	return c
}

// orders returns all orders of the letters, the given one first.
func orders(letters []int) [][]int {
	if len(letters) <= 1 {
		return [][]int{slices.Clone(letters)}
	}
	var all [][]int
	for i, first := range letters {
		rest := slices.Delete(slices.Clone(letters), i, i+1)
		for _, order := range orders(rest) {
			all = append(all, append([]int{first}, order...))
		}
	}
	return all
}

// sample returns random orders of a window's letters, each followed by its reverse. One letter has one order.
func (a OrderAverage) sample(letters []int) (words [][]int) {
	if len(letters) == 1 {
		return [][]int{letters}
	}
	r := rand.New(rand.NewPCG(a.Seed, uint64(letters[0])))
	for range a.Orders {
		order := slices.Clone(letters)
		r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		reverse := slices.Clone(order)
		slices.Reverse(reverse)
		words = append(words, order, reverse)
	}
	return words
}
