package compose

import (
	"context"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// worker applies words and evaluates states. Of the executor it reads what never changes, and the nodes that it was handed.
type worker struct {
	index   int
	jobs    []Job
	options Options
	walkers []*walker // for each job, nil until there is work on it
}

func newWorker(e *executor, index int) *worker {
	return &worker{index: index, jobs: e.jobs, options: e.options, walkers: make([]*walker, len(e.jobs))}
}

// outcome is where a word of a node led.
type outcome struct {
	diverged   bool
	point      Point // of the node; without a state while other words of the node are missing
	averaged   int   // words of the node in the average so far
	trail      []*optim.State
	letters    int // applied, where the node may merge
	merged     bool
	mergeError *float64
	time       time.Duration
}

// walk applies a word of a node to a copy of what the node starts from.
func (w *worker) walk(ctx context.Context, t task) (outcome, error) {
	n, index := t.node, t.word
	if t.skip {
		return outcome{diverged: true}, nil
	}
	start := time.Now()
	walker, err := w.walker(n.job)
	if err != nil {
		return outcome{}, err
	}
	job := &w.jobs[n.job]
	var o outcome
	switch {
	case n.bracket:
		o.point, err = walker.bracket(ctx, job, n)
	case n.leader != nil || n.milestones != nil:
		o, err = walker.along(ctx, job, n)
	default:
		o.point, err = walker.path(ctx, job, n, index)
	}
	if err != nil {
		return o, err
	}
	o.diverged = !o.point.State.Finite()
	if n.words > 1 && !o.diverged {
		o.averaged, o.point.State, err = n.mean.add(index, o.point.State, n.words)
		o.diverged = o.point.State != nil && !o.point.State.Finite()
	}
	o.time = time.Since(start)
	return o, err
}

func (w *worker) walker(job int) (*walker, error) {
	if w.walkers[job] == nil {
		maps, err := w.jobs[job].Maps(w.index)
		if err != nil {
			return nil, err
		}
		w.walkers[job] = &walker{maps: maps, piece: 1, progress: w.options.Progress}
	}
	return w.walkers[job], nil
}
