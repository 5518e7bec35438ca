package compose

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/defect"
)

// executor hands the nodes of all jobs to workers and emits them. Work goes on in a window only: the first nodes that are not
// emitted.
type executor struct {
	jobs    []Job
	options Options
	nodes   []*node // in the order in which they are emitted; a base stands before what starts from it
	end     int     // behind the last node that is computed
	trials  map[int]*trials
	window  int
	stop    context.CancelFunc

	mu       sync.Mutex
	changed  sync.Cond  // whenever a worker has come back from work without the lock
	next     int        // position of the first node that is not emitted
	oldest   int        // position before which nothing is needed any more
	results  int        // emitted so far, those of the run that is resumed included
	reached  Checkpoint // after the last result
	spent    []spent    // for each job, on the nodes emitted since its last result
	live     int64      // bytes of the nodes in memory
	emitting bool
	err      error
}

type spent struct {
	work Work
	time time.Duration
}

func newExecutor(ctx context.Context, jobs []Job, o Options) (*executor, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	e := &executor{jobs: slices.Clone(jobs), options: o, spent: make([]spent, len(jobs)), trials: map[int]*trials{}}
	e.changed.L = &e.mu
	e.window = 2 * o.Workers * len(jobs)
	plans := make([][]*node, len(jobs))
	for i := range e.jobs {
		if err := e.plan(ctx, i, plans); err != nil {
			return nil, fmt.Errorf("%s: %w", jobs[i].Name, err)
		}
	}
	slices.SortStableFunc(e.nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(a.due, b.due), cmp.Compare(a.job, b.job))
	})
	for i, n := range e.nodes {
		n.position, n.last = i, i
		n.registerLast()
	}
	if e.end = slices.IndexFunc(e.nodes, func(n *node) bool { return n.beyond }); e.end < 0 {
		e.end = len(e.nodes)
	}
	weigh(e.nodes[:e.end])
	return e, e.resume(o.Resume)
}

// plan makes the plan of a job: that of an earlier one, such as the same arrangement with another seed, if it is alike.
func (e *executor) plan(ctx context.Context, job int, plans [][]*node) (err error) {
	j := &e.jobs[job]
	var nodes []*node
	if like := slices.IndexFunc(e.jobs[:job], func(k Job) bool { return j.alike(&k) }); like >= 0 {
		j.chain, nodes = e.jobs[like].chain, planAlike(plans[like])
	} else {
		j.chain = len(j.Averages) > 0 && IsChain(j.Arrangement, j.last())
		nodes, err = plan(ctx, j)
		if err != nil && ctx.Err() == nil && len(j.Beyond) > 0 { // perhaps they have no composition: then the run cannot be made longer
			j.Beyond = nil
			nodes, err = plan(ctx, j)
		}
	}
	plans[job] = nodes
	for _, n := range nodes {
		n.job = job
	}
	e.nodes = append(e.nodes, nodes...)
	if len(e.nodes) > maxNodes {
		return fmt.Errorf("the run has more than %d iterates to compute, the most that are planned (evaluate fewer of them, or take fewer seeds)", maxNodes)
	}
	if adaptive, is := IsAdaptive(j.Arrangement, j.last()); is && err == nil {
		if e.options.Score == nil {
			err = errors.New("an adaptive arrangement needs evaluations that can be compared")
		}
		e.trials[job] = &trials{adaptive: adaptive, nodes: nodes}
	}
	return err
}

// registerLast tells the nodes that this one needs until when they are needed.
func (n *node) registerLast() {
	for _, m := range n.needs() {
		m.last = max(m.last, n.position)
	}
}

// task is a word of a node that is to be applied, or, if word is negative, a node to evaluate.
type task struct {
	node *node
	word int
	skip bool // what the node starts from diverged

	base  *float64 // how what a trial is compared with evaluates, nil if nobody looked yet
	alone bool     // the wanted iterate before diverged
}

const evaluate = -1

// work is a worker's life: take what may be done first, do it, and emit what can be emitted.
func (e *executor) work(ctx context.Context, w *worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for t := e.take(); t.node != nil; t = e.take() {
		n := t.node
		if t.word != evaluate {
			var o outcome
			if !e.unlocked(ctx, n, func() (err error) { o, err = w.walk(ctx, t); return err }) {
				return
			}
			e.arrive(n, o)
		} else {
			var found evaluation
			if !e.unlocked(ctx, n, func() (err error) { found, err = w.evaluate(ctx, t); return err }) {
				return
			}
			e.finish(ctx, n, found)
		}
		e.emit(ctx)
	}
}

// unlocked calls f without the lock and reports whether it succeeded; if not, the run is over. The workers that it wakes go on
// when the caller, who holds the lock again, has recorded what f did.
func (e *executor) unlocked(ctx context.Context, n *node, f func() error) bool {
	e.mu.Unlock()
	err := defect.Guard(f)
	e.mu.Lock()
	if err != nil {
		e.fail(ctx, fmt.Errorf("%s: iterate %d: %w", e.jobs[n.job].Name, n.iterate, err))
	}
	e.changed.Broadcast()
	return err == nil
}

// fail ends the run.
func (e *executor) fail(ctx context.Context, err error) {
	if e.err == nil {
		e.err = ctx.Err() // what fails after the context is cancelled fails because of that
		if e.err == nil {
			e.err = fmt.Errorf("compose: %w", err)
		}
		e.stop()
	}
}

// take waits for something to do: first of all evaluations, which free memory; then words in the order of the nodes; and once the
// last node is in sight, words of the longest chains, so that workers end at about the same time. It returns no node when there
// will be none.
func (e *executor) take() task {
	for e.err == nil && e.next < e.end {
		end := min(e.next+e.window, e.end)
		var chosen *node
		for _, n := range e.nodes[e.next:end] {
			if e.mayBeEvaluated(n) {
				n.evaluating = true
				n.mark()
				return task{node: n, word: evaluate, skip: n.lost, base: *e.scoreOfBase(n), alone: n.previous != nil && n.previous.ended}
			}
			if e.mayStart(n) && (chosen == nil || end == e.end && n.weight > chosen.weight) {
				chosen = n
			}
		}
		if chosen != nil {
			return e.hand(chosen)
		}
		e.changed.Wait()
	}
	return task{}
}

// mayBeEvaluated reports whether a node, and what it is evaluated together or compared with, are there. Where iterates decide what comes
// next, it must be known of all before whether they diverged.
func (e *executor) mayBeEvaluated(n *node) bool {
	return n.computed && !n.evaluating && !n.finished &&
		(n.previous == nil || n.previous.finished) && (!n.trial || n.base == nil || n.base.finished) &&
		(e.trials[n.job] == nil || e.known(n.from))
}

// known reports whether a node, and those that it comes from, are evaluated or never will be.
func (e *executor) known(n *node) bool {
	return n == nil || n.position < e.next || n.finished && (n.wanted || n.trial || e.known(n.from))
}

// hand gives the next word of a node away.
func (e *executor) hand(n *node) task {
	if n.handed == 0 {
		n.mean = new(mean)
		e.live += e.size(n)
	}
	n.handed++
	n.running++
	return task{node: n, word: n.handed - 1, skip: n.skipped()}
}

// mayStart reports whether the next word of a node may start. Memory never holds up the node that is emitted next, so the run
// never stands still.
func (e *executor) mayStart(n *node) bool {
	return !n.open && n.handed < n.words &&
		n.handed-n.averaged < e.options.Workers &&
		(n.from == nil || n.from.computed) && (n.base == nil || n.base.computed) && (n.leader == nil || n.leader.computed) &&
		(n.handed > 0 || n.position == e.next || e.options.Memory <= 0 || e.live+e.size(n) <= e.options.Memory)
}

// size returns the bytes that a node takes at most: its state, what averages and brackets remember, and, where words are averaged,
// an end state for each worker and their sum.
func (e *executor) size(n *node) int64 {
	j := &e.jobs[n.job]
	numbers := int64(j.Initial.Data.Len())
	state, vector := numbers*int64(j.Initial.Data.DType().Size()), numbers*int64(array.Float64.Size())
	size := state
	if n.words > 1 {
		size = state*int64(min(n.words, e.options.Workers)) + vector
	}
	if n.bracket {
		size += 3 * vector
	}
	size += state * int64(len(n.milestones))
	for _, a := range j.Averages {
		size += vector * int64(a.vectors()) // at most: nodes that follow each other share all but the newest
	}
	return size
}

// arrive records where a word of a node led.
func (e *executor) arrive(n *node, o outcome) {
	n.running--
	n.time += o.time
	n.averaged = max(n.averaged, o.averaged)
	switch {
	case o.diverged:
		n.diverged, n.handed = true, n.words
	case o.point.State != nil:
		n.point, n.trail = o.point, o.trail
		if n.leader != nil {
			n.merged, n.mergeError, n.work.Steps = o.merged, o.mergeError, int64(o.letters)
		}
	}
	if n.running > 0 || n.handed < n.words {
		return
	}
	if n.diverged {
		n.point = Point{Job: n.job, Iterate: n.iterate}
	}
	n.mean, n.computed = nil, true
	n.finished = !n.wanted && !n.trial
}

// scoreOfBase returns where it is kept how a trial's base evaluates, which is nil if nobody looked yet.
func (e *executor) scoreOfBase(n *node) **float64 {
	switch {
	case !n.trial:
		return new(*float64)
	case n.base == nil:
		return &e.trials[n.job].initial
	}
	return &n.base.score
}

// finish records an evaluation.
func (e *executor) finish(ctx context.Context, n *node, found evaluation) {
	n.evaluated, n.averages, n.score = found.values, found.averages, found.score
	n.finished = true
	n.ended = n.ended || found.ended
	if n.trial {
		*e.scoreOfBase(n) = found.base
		better := found.score != nil && *found.score < *found.base
		if err := e.decide(n, better); err != nil {
			e.fail(ctx, err)
			return
		}
	}
	if !e.options.Keep {
		e.release(n)
	}
}

// emit emits what is finished and stands first, unless another worker is at it.
func (e *executor) emit(ctx context.Context) {
	if e.emitting {
		return
	}
	e.emitting = true
	for e.err == nil && e.next < e.end && e.nodes[e.next].finished {
		n := e.nodes[e.next]
		n.mark()
		if n.lost { // though it may have been computed before that was known
			n.evaluated = slices.Repeat([]Evaluated{{Diverged: true}}, 1+len(e.jobs[n.job].Averages))
		}
		if !n.skipped() {
			e.spent[n.job].work = e.spent[n.job].work.Add(n.work)
			e.spent[n.job].time += n.time
		}
		if n.wanted {
			r := Result{Job: n.job, Iterate: n.iterate, Evaluated: n.evaluated[0], Averages: n.evaluated[1:], Accepted: n.accepted, Merged: n.merged, Error: n.mergeError,
				Work: e.spent[n.job].work, Time: e.spent[n.job].time}
			if e.options.Emit != nil && !e.unlocked(ctx, n, func() error { return e.options.Emit(r, e.received) }) {
				return // still emitting: nothing follows what was not received
			}
			e.results++
			e.spent[n.job] = spent{}
			e.reached = e.checkpoint()
		}
		n.evaluated = nil
		e.next++
		for _, m := range n.needs() {
			e.release(m)
		}
		e.release(n)
	}
	e.emitting = false
}

// release forgets the state of a node that nothing needs any more: no node from the next one on, if it is emitted, and none at
// all, if it is not.
func (e *executor) release(n *node) {
	if n.released || n.last >= max(e.next, n.position+1) {
		return
	}
	n.released = true
	n.point, n.averages, n.trail = Point{}, nil, nil
	e.live -= e.size(n)
}
