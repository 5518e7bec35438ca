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
// states. Iterate 0 is the initial state θ_0. A word is applied letter by letter, unless a second-order term says otherwise.
type Composition struct {
	Base  int
	Words [][]int // numbers of batches in the order of application: [3 2 1] applies T_3 first

	// Merge, if it is not 0, lets the one word be cut short where its trajectory comes that near to another iterate's, from the same
	// base, whose last letters are the same: the end is that of the other word then. Two states are as near as their numbers
	// that differ most. It is an approximation, whose error is measured.
	Merge float64

	Group   *Group   // nil, or how the one word is applied: as one update
	Bracket *Bracket // nil, or what is added to the end of the one word
}

// Group makes one update of a word of k batches (Dherin et al., arXiv:2502.01557, Appendix D.2): the optimizer's, for the gradient
// Σ_i g_i − Strength·(Rate/2)·Σ_{i≠j} H_i g_j, where g_i and H_i are the gradient and the Hessian of batch i at the base. For
// plain gradient descent and strength 1 that is the mean over all k! orders of the steps but for O(Rate³), and for strength 0 one
// step on the large batch, at k times the rate. For other optimizers it is a definition. A group of one batch is its step.
//
// A group counts as one applied step. Buffers become the mean of what the batches' steps would make of them.
type Group struct {
	Strength float64
	Rate     float64 // of the correction; 0: the optimizer's learning rate
}

// Bracket adds the Lie bracket of a word's steps to its end (Appendix C of the same paper, Definition C.3):
// Rate²·Σ_{i before j} (H_i g_j − H_j g_i) at the base. For plain gradient descent that is the end of the reversed word but for
// O(Rate³). It is refused where a state has an optimizer's slots: their change with the order is not in it.
type Bracket struct {
	Rate float64 // 0: the optimizer's learning rate
}

// Check returns an error unless the composition can make iterate n: 0 ≤ Base < n, and at least one word, all of one length, not
// empty, over the batches Base+1 to n; one word where it has a second-order term, of which it has one at most.
func (c Composition) Check(n int) error {
	if c.Base < 0 || c.Base >= n {
		return fmt.Errorf("iterate %d cannot start from iterate %d (a base is one of 0 to %d)", n, c.Base, n-1)
	}
	if len(c.Words) == 0 {
		return fmt.Errorf("iterate %d has no words (at least one says which steps lead to it from iterate %d)", n, c.Base)
	}
	if c.Merge != 0 && (!(c.Merge > 0) || len(c.Words) > 1 || c.Group != nil || c.Bracket != nil) {
		return fmt.Errorf("iterate %d merges within %v (a positive distance, for one word that is applied letter by letter)", n, c.Merge)
	}
	if second := c.Group != nil || c.Bracket != nil; second && (len(c.Words) > 1 || c.Group != nil && c.Bracket != nil) {
		return fmt.Errorf("iterate %d has %d words and a group or a bracket (which are made of one word, and not of each other)", n, len(c.Words))
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

// Adaptive is an arrangement whose bases depend on how iterates evaluate. Some iterates are trials: one that evaluates better than
// the base that it started from is accepted. Compose is what the arrangement does where no trial is: its cost is an upper bound.
type Adaptive interface {
	Arrangement
	// Trial reports whether iterate n is a trial. It starts from the base that the iterates before it have.
	Trial(n int) bool
	// Accepted returns the arrangement in which these trials, in ascending order, were accepted and no other one was. The base of
	// an iterate behind the first trial is a trial that was accepted, or what Compose says.
	Accepted(trials []int) Arrangement
}

// IsAdaptive returns the arrangement as an adaptive one that has a trial among the iterates up to the last.
func IsAdaptive(a Arrangement, last int) (Adaptive, bool) {
	adaptive, is := a.(Adaptive)
	for n := 1; is && n <= last; n++ {
		if adaptive.Trial(n) {
			return adaptive, true
		}
	}
	return nil, false
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
