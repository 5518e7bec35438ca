package compose

import (
	"errors"
	"slices"
)

func init() {
	Register("backward", "the newest batch acts first, from the base: n steps for iterate n", func() Arrangement { return &Backward{ResetWhen: Always} })
}

// When a window ends.
const (
	Always   = "always"
	Improves = "improves"
)

// Backward applies the newest batch first (Dherin et al., arXiv:2502.01557): iterate n is T_{b+1} ∘ … ∘ T_n applied to its base
// b. Up to iterate Start it is forward. From there on the base is Start, or, with a window, the last of Start, Start+ResetEvery,
// Start+2·ResetEvery, … that is less than n. If these are reset only when they improve, each is a trial: it becomes the base if it
// evaluates better than the base that it started from.
type Backward struct {
	Start      int     `toml:"start" doc:"the last forward iterate, from which backward starts" range:"[0,inf)"`
	ResetEvery int     `toml:"reset_every" doc:"window in iterates, counted from start, after which the newest iterate becomes the base (0: never)" range:"[0,inf)"`
	ResetWhen  string  `toml:"reset_when" doc:"always, or only where the newest iterate evaluates better than the base: then the cost is an upper bound" oneof:"always improves"`
	Merge      float64 `toml:"merge" doc:"distance of two trajectories, in the number that differs most, within which they go on as one: approximate, with a measured error (0: never)" range:"[0,inf)"`
}

// Validate refuses trials without a window, and trials that would be approximate.
func (a *Backward) Validate() error {
	if a.ResetWhen == Improves && a.Merge > 0 {
		return errors.New("merge makes iterates approximate, and reset_when = \"improves\" compares them: a run has one of both")
	}
	if a.ResetWhen == Improves && a.ResetEvery == 0 {
		return errors.New("reset_when = \"improves\" needs reset_every, which says which iterates are tried")
	}
	return nil
}

// Compose returns the word [n … b+1] from b.
func (a Backward) Compose(n int) Composition {
	base := a.Start
	switch {
	case n <= a.Start:
		base = n - 1
	case a.ResetEvery > 0 && a.ResetWhen != Improves:
		base += (n - 1 - a.Start) / a.ResetEvery * a.ResetEvery
	}
	c := newestFirst(base, n)
	if n > a.Start {
		c.Merge = a.Merge
	}
	return c
}

func newestFirst(base, n int) Composition {
	word := make([]int, 0, n-base)
	for k := n; k > base; k-- {
		word = append(word, k)
	}
	return Composition{Base: base, Words: [][]int{word}}
}

// Trial reports whether iterate n may become the base because it improves.
func (a Backward) Trial(n int) bool {
	return a.ResetWhen == Improves && a.ResetEvery > 0 && n > a.Start && (n-a.Start)%a.ResetEvery == 0
}

// Accepted returns the arrangement whose bases are Start and the accepted trials.
func (a Backward) Accepted(trials []int) Arrangement { return backwardFrom{a, trials} }

// backwardFrom is Backward with known resets.
type backwardFrom struct {
	Backward
	resets []int
}

// Compose returns the word [n … b+1] from the last reset b before n.
func (a backwardFrom) Compose(n int) Composition {
	for _, reset := range slices.Backward(a.resets) {
		if reset < n {
			return newestFirst(reset, n)
		}
	}
	return a.Backward.Compose(n)
}
