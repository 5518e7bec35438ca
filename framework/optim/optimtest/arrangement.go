package optimtest

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// phases asks for the phases of many counts, in two orders and of two optimizers. The suite's other rules hold every phase's step.
func phases(l *lab) {
	const counts = 1000
	one, other := l.construct(), l.construct()
	if _, is := one.(optim.Phased); !is {
		return
	}
	var named []int
	for count := range int64(counts) {
		phase, err := optim.PhaseOf(one, count)
		if err != nil {
			l.fail("%w", err)
			return
		}
		named = append(named, phase)
	}
	for count := int64(counts - 1); count >= 0; count-- {
		for _, o := range []optim.Optimizer{one, other} {
			if phase, err := optim.PhaseOf(o, count); err != nil || phase != named[count] {
				l.fail("Phase(%d) is %d and then %d: it must be a function of the count and the options, or states could not be replayed", count, named[count], phase)
			}
		}
	}
}

// arrangements computes iterates on one worker and on several, which apply words in an order of their own, and compares them with words
// that are applied directly.
func arrangements(l *lab) {
	const last = 6
	t := l.trial(l.construct(), everyRank, array.Float64)
	for name, a := range map[string]compose.Arrangement{
		"forward": compose.Forward{}, "backward": compose.Backward{}, "backward with resets": compose.Backward{Start: 1, ResetEvery: 2},
		"the average of all orders": compose.OrderAverage{Window: 3, Method: compose.Exact},
		"an average of two words":   compose.Words{Words: [][]int{{1, 2, 1}, {1, 1, 2}}},
	} {
		alone, together := t.iterates(a, last, 1), t.iterates(a, last, 3)
		for i, c := range alone {
			l.same(together[i], c, name+" must give the same iterates on any number of workers. "+hidden)
			if made := a.Compose(i + 1); len(made.Words) == 1 && made.Base == 0 {
				l.same(t.after(made.Words[0]...), c, name+" must give what its words do. "+hidden)
			}
		}
	}
}

// iterates returns the iterates 1 to last of an arrangement.
func (t *trial) iterates(a compose.Arrangement, last, workers int) []*optim.State {
	if t.err != nil {
		return nil
	}
	machines := make([]*trial, workers)
	for i := range machines {
		machines[i] = t.open()
	}
	job := compose.Job{Arrangement: a, Initial: t.start, Maps: func(worker int) (compose.Maps, error) { return maps{machines[worker]}, nil }}
	for n := 1; n <= last; n++ {
		job.Iterates = append(job.Iterates, n)
	}
	var states []*optim.State
	keep := func(_ context.Context, _ int, v compose.Visited) (any, error) { return v.State.Clone(), nil }
	emit := func(r compose.Result, _ func() compose.Checkpoint) error {
		state, is := r.Value.(*optim.State)
		if !is {
			state = t.start // it diverged
		}
		states = append(states, state)
		return nil
	}
	if _, err := compose.Run(context.Background(), []compose.Job{job}, compose.Options{Workers: workers, Visit: keep, Emit: emit}); err != nil {
		t.fail("%w", err)
	}
	return states
}

// maps are the steps of a trial.
type maps struct{ *trial }

func (m maps) Apply(ctx context.Context, s *optim.State, word []int) error {
	return m.machine.Apply(ctx, s, m.problem, word)
}

// engines compares two ways to run one program.
func engines(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	word := []int{1, 2, 3, 4, 5, 4, 3}
	l.near(t.on(plan.Engine{}).after(word...), t.after(word...), t.start,
		"a plan must come to the tape's numbers but for rounding: it may be that a sign decides where numbers are nothing but rounding. "+hidden)
}
