// Package compose says from which earlier iterate and in which order the steps T_1, T_2, … make iterate n, and computes it.
//
// An arrangement is combinatorics: it names bases and words, and never sees a number. The executor applies words to states on
// several workers, computes what iterates share once, and hands the results over in an order that does not depend on the
// workers. What a step is, how a state is evaluated, and where results are kept are the caller's business: the package knows
// states and maps on them, no model, no graph, no engine, and no file.
package compose

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Composition says how an iterate is made: start from iterate Base, apply each word to a copy of its state, and average the end
// states. Iterate 0 is the initial state θ_0.
type Composition struct {
	Base  int
	Words [][]int // numbers of batches in the order of application: [3 2 1] applies T_3 first
}

// Check returns an error unless the composition can make iterate n: 0 ≤ Base < n, and at least one word, all of one length, not
// empty, over the batches Base+1 to n.
func (c Composition) Check(n int) error {
	if c.Base < 0 || c.Base >= n {
		return fmt.Errorf("iterate %d cannot start from iterate %d (a base is one of 0 to %d)", n, c.Base, n-1)
	}
	if len(c.Words) == 0 {
		return fmt.Errorf("iterate %d has no words (at least one says which steps lead to it from iterate %d)", n, c.Base)
	}
	for _, word := range c.Words {
		if len(word) == 0 {
			return fmt.Errorf("iterate %d has an empty word (a word applies at least one step)", n)
		}
		if len(word) != len(c.Words[0]) {
			return fmt.Errorf("iterate %d has words of %d and of %d steps (only words of one length have an average)", n, len(c.Words[0]), len(word))
		}
		for _, k := range word {
			if k <= c.Base || k > n {
				return fmt.Errorf("iterate %d cannot use batch %d (from iterate %d it may use batches %d to %d)", n, k, c.Base, c.Base+1, n)
			}
		}
	}
	return nil
}

// Arrangement says how every iterate is made.
type Arrangement interface {
	// Compose returns the composition of iterate n ≥ 1. It is a pure function of n and of the arrangement's options: it is
	// called more than once for the same n, from several goroutines.
	Compose(n int) Composition
}

var arrangements = plugin.NewRegistry[Arrangement]("arrangement")

// Register adds an arrangement. The constructor returns one with its default options; doc is one line for listings. It panics if
// the name is empty or taken.
func Register(name, doc string, construct func() Arrangement) {
	arrangements.Register(name, doc, construct)
}

// New returns the arrangement with its default options. The error for an unknown name is a *plugin.UnknownError.
func New(name string) (Arrangement, error) { return arrangements.New(name) }

// Names returns the names of all arrangements in alphabetical order.
func Names() []string { return arrangements.Names() }

// Doc returns the line that the arrangement was registered with.
func Doc(name string) string { return arrangements.Doc(name) }

// Cost returns the number of gradient steps that computing these iterates takes, given in ascending order. Iterates that others
// start from count once. The error says which composition is not possible.
func Cost(a Arrangement, iterates []int) (int64, error) {
	nodes, err := plan(a, iterates)
	var steps int64
	for _, n := range nodes {
		steps += int64(n.steps)
	}
	return steps, err
}
