package compose

import (
	"context"
	"fmt"
	"runtime/debug"
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
	diverged bool
	point    Point // of the node; without a state while other words of the node are missing
	averaged int   // words of the node in the average so far
	time     time.Duration
}

// walk applies a word of a node to a copy of what the node starts from.
func (w *worker) walk(ctx context.Context, n *node, index int) (outcome, error) {
	if n.skipped() {
		return outcome{diverged: true}, nil
	}
	start := time.Now()
	walker, err := w.walker(n.job)
	if err != nil {
		return outcome{}, err
	}
	job := &w.jobs[n.job]
	p := n.start(job)
	var word []int
	for _, m := range n.path {
		word = append(word, job.Arrangement.Compose(m).Words[index]...)
		if m < n.iterate && !job.averages(m) {
			continue
		}
		finite, err := walker.apply(ctx, p.State, word)
		if err != nil || !finite {
			return outcome{diverged: !finite, time: time.Since(start)}, err
		}
		job.accumulate(p, m)
		word = word[:0]
	}
	o := outcome{point: p}
	if n.words > 1 {
		o.averaged, o.point.State, err = n.mean.add(index, p.State, n.words)
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

// evaluate visits a wanted node's state, and its averages where they are not that state.
func (w *worker) evaluate(ctx context.Context, n *node) ([]Evaluated, error) {
	job := &w.jobs[n.job]
	all := make([]Evaluated, 1+len(job.Averages))
	if n.diverged || !n.wanted {
		return all, nil
	}
	var err error
	if all[0], err = w.visit(ctx, n.job, n.point.State); err != nil {
		return nil, err
	}
	for i, a := range job.Averages {
		all[1+i] = all[0]
		if n.iterate <= a.From {
			continue
		}
		s := n.point.State.Clone()
		sum(n.point.Sums[i]).mean(n.iterate-a.From, s.Data)
		if all[1+i], err = w.visit(ctx, n.job, s); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (w *worker) visit(ctx context.Context, job int, s *optim.State) (Evaluated, error) {
	if !s.Finite() { // a sum can overflow where no iterate did
		return Evaluated{}, nil
	}
	if w.options.Visit == nil {
		return Evaluated{State: s}, nil
	}
	value, err := w.options.Visit(ctx, w.index, job, s)
	return Evaluated{s, value}, err
}

// A piece of a word is as many letters as take about this long.
const (
	shortPiece = 50 * time.Millisecond
	longPiece  = 100 * time.Millisecond
)

// walker applies words of one job on one worker.
type walker struct {
	maps     Maps
	piece    int // letters
	progress func(steps int)
}

// apply applies a word in pieces, so that cancelling, progress and divergence show soon. It ends early when s is not finite.
func (w *walker) apply(ctx context.Context, s *optim.State, word []int) (finite bool, err error) {
	for len(word) > 0 {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		piece := word[:min(w.piece, len(word))]
		start := time.Now()
		if err := w.maps.Apply(ctx, s, piece); err != nil {
			return true, err
		}
		took := time.Since(start)
		if w.progress != nil {
			w.progress(len(piece))
		}
		if !s.Finite() {
			return false, nil
		}
		switch {
		case took < shortPiece && len(piece) == w.piece:
			w.piece *= 2
		case took > longPiece:
			w.piece = max(1, w.piece/2)
		}
		word = word[len(piece):]
	}
	return true, nil
}

// guard calls f and turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}
