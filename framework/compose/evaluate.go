package compose

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// evaluation is what evaluating a node finds.
type evaluation struct {
	values   []Evaluated // the iterate, then the averages
	averages []Memory
	score    *float64 // of the iterate
	base     *float64 // the score of what a trial started from
	ended    bool     // it diverged, or its value says so
}

// evaluate visits a node's state, its averages where they are not that state, and what a trial is compared with.
func (w *worker) evaluate(ctx context.Context, t task) (e evaluation, err error) {
	n, base := t.node, t.base
	job := &w.jobs[n.job]
	state := n.point.State
	if t.skip {
		state = nil
	}
	e.averages = n.point.Averages
	if !job.chain && n.wanted {
		e.averages = job.takeWanted(n, state)
	}
	visited := Visited{Job: n.job, Iterate: n.iterate, Average: -1, State: state}
	if job.Successive {
		visited.Previous = job.Initial
		if t.alone {
			visited.Previous = nil
		} else if n.previous != nil {
			visited.Previous = n.previous.point.State
		}
	}
	value, err := w.visit(ctx, visited)
	if err != nil {
		return e, err
	}
	e.values = append(e.values, value)
	e.ended = value.Diverged || w.options.Diverges != nil && w.options.Diverges(value.Value)
	if w.options.Score != nil && !value.Diverged {
		e.score = w.score(value)
	}
	if e.base = base; n.trial && base == nil && !value.Diverged {
		value, err := w.visit(ctx, n.origin(job))
		if err != nil {
			return e, err
		}
		e.base = w.score(value)
	}
	for i, a := range job.Averages {
		if !n.wanted || n.iterate <= a.From {
			e.values = append(e.values, e.values[0])
			continue
		}
		v := Visited{Job: n.job, Iterate: n.iterate, Average: i}
		if len(e.averages) > i && e.averages[i] != nil {
			v.State = job.Initial.Clone()
			a.mean(e.averages[i], job.taken(a, n.iterate), v.State.Data)
			if state != nil {
				v.State.Count = state.Count
			}
		}
		if value, err = w.visit(ctx, v); err != nil {
			return e, err
		}
		e.values = append(e.values, value)
	}
	return e, nil
}

// origin is what a trial is compared with.
func (n *node) origin(job *Job) Visited {
	if n.base == nil {
		return Visited{Job: n.job, Average: -1, State: job.Initial}
	}
	return Visited{Job: n.job, Iterate: n.base.iterate, Average: -1, State: n.base.point.State}
}

// takeWanted returns the averages of the wanted iterates up to a node's.
func (j *Job) takeWanted(n *node, state *optim.State) []Memory {
	if len(j.Averages) == 0 {
		return nil
	}
	var before []Memory
	if n.previous != nil {
		before = n.previous.averages
	}
	if state == nil {
		return j.take(before, n.iterate, lost(j.Initial.Data))
	}
	return j.take(before, n.iterate, state.Data)
}

func (w *worker) visit(ctx context.Context, v Visited) (Evaluated, error) {
	if v.State == nil || !v.State.Finite() { // a sum can overflow where no iterate did
		return Evaluated{Diverged: true}, nil
	}
	var e Evaluated
	if w.options.Keep {
		e.State = v.State
	}
	if w.options.Visit == nil {
		return e, nil
	}
	var err error
	e.Value, err = w.options.Visit(ctx, w.index, v)
	return e, err
}

func (w *worker) score(e Evaluated) *float64 {
	score := w.options.Score(e.Value)
	return &score
}
