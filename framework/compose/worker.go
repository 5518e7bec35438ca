package compose

import (
	"context"
	"errors"
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

// evaluation is what evaluating a node finds.
type evaluation struct {
	values   []Evaluated // the iterate, then the averages
	averages []Memory
	score    *float64 // of the iterate
	base     *float64 // the score of what a trial started from
}

// evaluate visits a node's state, its averages where they are not that state, and what a trial is compared with.
func (w *worker) evaluate(ctx context.Context, n *node, base *float64) (e evaluation, err error) {
	job := &w.jobs[n.job]
	e.averages = n.point.Averages
	if !job.chain && n.wanted {
		e.averages = job.takeWanted(n)
	}
	visited := Visited{Job: n.job, Iterate: n.iterate, Average: -1, State: n.point.State}
	if job.Successive {
		visited.Previous = job.Initial
		if n.previous != nil {
			visited.Previous = n.previous.point.State
		}
	}
	value, err := w.visit(ctx, visited)
	if err != nil {
		return e, err
	}
	e.values = append(e.values, value)
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
			if n.point.State != nil {
				v.State.Count = n.point.State.Count
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
func (j *Job) takeWanted(n *node) []Memory {
	if len(j.Averages) == 0 {
		return nil
	}
	var before []Memory
	if n.previous != nil {
		before = n.previous.averages
	}
	x := lost(j.Initial.Data)
	if n.point.State != nil {
		x = n.point.State.Data
	}
	return j.take(before, n.iterate, x)
}

func (w *worker) visit(ctx context.Context, v Visited) (Evaluated, error) {
	if v.State == nil || !v.State.Finite() { // a sum can overflow where no iterate did
		return Evaluated{Diverged: true}, nil
	}
	if w.options.Visit == nil {
		return Evaluated{}, nil
	}
	value, err := w.options.Visit(ctx, w.index, v)
	return Evaluated{Value: value}, err
}

func (w *worker) score(e Evaluated) *float64 {
	score := w.options.Score(e.Value)
	return &score
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
	progress func(units int)
}

// path goes from where a node starts to the node, along the word of that index. It ends early where a state is not finite.
func (w *walker) path(ctx context.Context, job *Job, n *node, index int) (Point, error) {
	p := n.start(job)
	var word []int
	for i, leg := range n.path {
		c := n.by.Compose(leg.iterate)
		group := c.Group != nil && len(c.Words[0]) > 1
		if !group {
			word = append(word, c.Words[index][leg.skip:]...)
		}
		takesIn := job.chain && job.takesIn(leg.iterate)
		if !group && !takesIn && i < len(n.path)-1 {
			continue // so that words are long
		}
		if err := w.apply(ctx, p.State, word); err != nil {
			return p, err
		}
		word = word[:0]
		if group {
			if err := w.group(ctx, p.State, c.Words[0], *c.Group); err != nil {
				return p, err
			}
		}
		if !p.State.Finite() {
			return p, nil
		}
		if takesIn {
			p.Averages = job.take(p.Averages, leg.iterate, p.State.Data)
		}
	}
	return p, nil
}

// group makes one update of the batches of a word.
func (w *walker) group(ctx context.Context, s *optim.State, word []int, g Group) error {
	maps, can := w.maps.(Groups)
	if !can {
		return errors.New("these steps cannot be taken as one update of a group of batches")
	}
	if !s.Finite() {
		return nil
	}
	err := w.unit(ctx, func() error { return maps.ApplyGroup(ctx, s, word, g) })
	if w.progress != nil && err == nil {
		w.progress(int(Composition{Words: [][]int{word}, Group: &g}.work(0).Units()) - 1)
	}
	return err
}

// bracket makes an iterate with a bracket from an earlier one on the same base, or from the base.
func (w *walker) bracket(ctx context.Context, job *Job, n *node) (Point, error) {
	maps, can := w.maps.(Derivatives)
	if !can {
		return Point{}, errors.New("the derivatives of these steps are not known")
	}
	base := job.Initial
	if n.base != nil {
		base = n.base.point.State
	}
	p := n.start(job)
	leg := n.path[0]
	b := newBracket(base)
	if leg.skip > 0 {
		b = bracketOf(p.Bracket, p.State)
	}
	c := n.by.Compose(leg.iterate)
	word, rate := c.Words[0], c.Bracket.Rate
	if rate == 0 {
		var err error
		if rate, err = maps.Rate(base); err != nil {
			return p, err
		}
	}
	if err := w.apply(ctx, b.end, word[leg.skip:]); err != nil {
		return p, err
	}
	if err := b.extend(ctx, w, maps, base, word[:leg.skip], word[leg.skip:]); err != nil {
		return p, err
	}
	p.State, p.Bracket = b.iterate(rate), b.memory()
	if job.chain && job.takesIn(n.iterate) {
		p.Averages = job.take(p.Averages, n.iterate, p.State.Data)
	}
	return p, nil
}

// unit does work of one gradient or Hessian-vector product.
func (w *walker) unit(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	if w.progress != nil {
		w.progress(1)
	}
	return nil
}

// apply applies a word in pieces, so that cancelling, progress and divergence show soon. It ends early when s is not finite.
func (w *walker) apply(ctx context.Context, s *optim.State, word []int) error {
	for len(word) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		piece := word[:min(w.piece, len(word))]
		start := time.Now()
		if err := w.maps.Apply(ctx, s, piece); err != nil {
			return err
		}
		took := time.Since(start)
		if w.progress != nil {
			w.progress(len(piece))
		}
		if !s.Finite() {
			return nil
		}
		switch {
		case took < shortPiece && len(piece) == w.piece:
			w.piece *= 2
		case took > longPiece:
			w.piece = max(1, w.piece/2)
		}
		word = word[len(piece):]
	}
	return nil
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
