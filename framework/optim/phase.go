package optim

import "fmt"

// Phased is an optimizer with periodic work, such as an estimate that is made anew every ten steps. It writes one graph for each phase, and
// how many steps were applied to a state says which of them is the next. All phases have the same slots: one that does not change a
// slot asks for it nevertheless.
type Phased interface {
	Optimizer
	// Phases returns how many phases there are, at least one. Step is called for each, and learns from [Step.Phase] for which.
	Phases() int
	// Phase returns the phase, counted from 0, of a step on a state to which count steps were applied. It is a function of the count and the
	// plugin's options.
	Phase(count int64) int
}

// Periodic makes a plugin that embeds it [Phased]: the first step and every UpdateEvery-th after it renews what the others reuse.
type Periodic struct {
	UpdateEvery int `toml:"update_every" doc:"steps from one estimate to the next" range:"[1,inf)"`
}

// The phases of periodic work.
const (
	Renew = iota
	Reuse
)

// Phases returns one phase if every step renews, else two.
func (p Periodic) Phases() int { return min(p.UpdateEvery, 2) }

// Phase returns Renew for the counts that UpdateEvery divides.
func (p Periodic) Phase(count int64) int {
	if count%int64(p.UpdateEvery) == 0 {
		return Renew
	}
	return Reuse
}

// Phases returns how many graphs an optimizer writes: one, unless it is [Phased].
func Phases(o Optimizer) (int, error) {
	phased, is := o.(Phased)
	if !is {
		return 1, nil
	}
	n := phased.Phases()
	if n < 1 {
		return 0, fmt.Errorf("optim: %T has %d phases, want one at least", o, n)
	}
	return n, nil
}

// PhaseOf returns the phase of a step on a state to which count steps were applied.
func PhaseOf(o Optimizer, count int64) (int, error) {
	phased, is := o.(Phased)
	if !is {
		return 0, nil
	}
	phase, n := phased.Phase(count), phased.Phases()
	if phase < 0 || phase >= n {
		return 0, fmt.Errorf("optim: %T names phase %d at the count %d, but its phases are 0 to %d", o, phase, count, n-1)
	}
	return phase, nil
}

// Phase returns which phase of a [Phased] optimizer is being written, and 0 for any other.
func (s *Step) Phase() int { return s.phase }
