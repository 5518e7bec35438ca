package compose

import "fmt"

// trials are what an adaptive job has decided so far.
type trials struct {
	adaptive Adaptive
	nodes    []*node // of the job, in their order
	accepted []int
	initial  *float64 // how the initial state evaluates, if anybody looked
}

// acceptedBefore lists the accepted trials before a position.
func (t *trials) acceptedBefore(position int) (list []Trial) {
	for _, n := range t.nodes {
		if n.accepted && n.position < position {
			list = append(list, Trial{n.job, n.iterate})
		}
	}
	return list
}

// decide records whether a trial becomes a base, and settles the iterates up to the next trial.
func (e *executor) decide(trial *node, accepted bool) error {
	t := e.trials[trial.job]
	if trial.accepted = accepted; accepted {
		t.accepted = append(t.accepted, trial.iterate)
	}
	by := t.adaptive.Accepted(t.accepted)
	for _, n := range t.nodes {
		if n.iterate <= trial.iterate {
			continue
		}
		if err := t.settle(n, by); err != nil {
			return fmt.Errorf("%s: %w", e.jobs[n.job].Name, err)
		}
		n.registerLast()
		if n.trial {
			break
		}
	}
	return nil
}

// settle says how a node behind a trial is computed.
func (t *trials) settle(n *node, by Arrangement) error {
	c := by.Compose(n.iterate)
	if err := c.Check(n.iterate); err != nil {
		return err
	}
	if len(c.Words) > 1 || c.Bracket != nil {
		return fmt.Errorf("iterate %d stands behind a trial, and is not made by one word of steps", n.iterate)
	}
	if c.Base > 0 {
		for _, m := range t.nodes {
			if m.iterate == c.Base && !m.open {
				n.from = m
			}
		}
		if n.from == nil {
			return fmt.Errorf("iterate %d starts from iterate %d, which is no trial that was accepted, and not what the first trial starts from", n.iterate, c.Base)
		}
	}
	n.open, n.by, n.work = false, by, c.work(0)
	if n.trial {
		n.base = n.from
	}
	return nil
}
