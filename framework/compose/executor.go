package compose

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// executor hands the nodes of all jobs to workers and emits them. Work goes on in a window only: the first nodes that are not
// emitted.
type executor struct {
	jobs    []Job
	options Options
	nodes   []*node // in the order in which they are emitted; a base stands before what starts from it
	window  int
	stop    context.CancelFunc

	mu       sync.Mutex
	changed  sync.Cond  // whenever a worker has come back from work without the lock
	next     int        // position of the first node that is not emitted
	results  int        // emitted so far, those of the run that is resumed included
	reached  Checkpoint // after the last result
	spent    []spent    // for each job, on the nodes emitted since its last result
	live     int64      // bytes of the nodes in memory
	emitting bool
	err      error
}

type spent struct {
	steps int
	time  time.Duration
}

func newExecutor(jobs []Job, o Options) (*executor, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	e := &executor{jobs: jobs, options: o, spent: make([]spent, len(jobs))}
	e.changed.L = &e.mu
	inGroup := map[int]int{}
	for i, j := range jobs {
		nodes, err := plan(j.Arrangement, j.Iterates)
		if err == nil && len(j.Averages) > 0 && len(j.Iterates) > 0 {
			err = CheckChain(j.Arrangement, j.Iterates[len(j.Iterates)-1])
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", j.Name, err)
		}
		for _, n := range nodes {
			n.job = i
		}
		e.nodes = append(e.nodes, nodes...)
		inGroup[j.Group]++
		e.window = max(e.window, 2*o.Workers*inGroup[j.Group])
	}
	slices.SortStableFunc(e.nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(jobs[a.job].Group, jobs[b.job].Group), cmp.Compare(a.due, b.due), cmp.Compare(a.job, b.job))
	})
	for i, n := range e.nodes {
		n.position, n.last = i, i
		if n.base != nil {
			n.base.last = i
		}
	}
	return e, e.resume(o.Resume)
}

// work is a worker's life: take the first word that may start, apply it, evaluate the iterate if that completes it, and emit
// what can be emitted.
func (e *executor) work(ctx context.Context, w *worker) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for n, word := e.take(); n != nil; n, word = e.take() {
		var o outcome
		if !e.unlocked(ctx, n, func() (err error) { o, err = w.walk(ctx, n, word); return err }) {
			return
		}
		if !e.arrive(n, o) {
			continue
		}
		if !e.unlocked(ctx, n, func() (err error) { n.evaluated, err = w.evaluate(ctx, n); return err }) {
			return
		}
		n.finished = true
		e.emit(ctx)
	}
}

// unlocked calls f without the lock and reports whether it succeeded; if not, the run is over. The workers that it wakes go on
// when the caller, who holds the lock again, has recorded what f did.
func (e *executor) unlocked(ctx context.Context, n *node, f func() error) bool {
	e.mu.Unlock()
	err := guard(f)
	e.mu.Lock()
	if err != nil && e.err == nil {
		e.err = ctx.Err() // what fails after the context is cancelled fails because of that
		if e.err == nil {
			e.err = fmt.Errorf("compose: %s: iterate %d: %w", e.jobs[n.job].Name, n.iterate, err)
		}
		e.stop()
	}
	e.changed.Broadcast()
	return err == nil
}

// take waits for the first word in the fixed order that may start. It returns no node when there will be none.
func (e *executor) take() (*node, int) {
	for e.err == nil && e.next < len(e.nodes) {
		for _, n := range e.nodes[e.next:min(e.next+e.window, len(e.nodes))] {
			if !e.mayStart(n) {
				continue
			}
			if n.handed == 0 {
				n.mean = new(mean)
				e.live += e.size(n)
			}
			n.handed++
			n.running++
			return n, n.handed - 1
		}
		e.changed.Wait()
	}
	return nil, 0
}

// mayStart reports whether the next word of a node may start. Memory never holds up the node that is emitted next, so the run
// never stands still.
func (e *executor) mayStart(n *node) bool {
	return n.handed < n.words &&
		n.handed-n.averaged < e.options.Workers &&
		(n.base == nil || n.base.computed) &&
		(n.handed > 0 || n.position == e.next || e.options.Memory <= 0 || e.live+e.size(n) <= e.options.Memory)
}

// size returns the bytes that a node takes at most: its state, the sums and the values of its averages, or, where words are
// averaged, one end state for each worker and their sum.
func (e *executor) size(n *node) int64 {
	j := e.jobs[n.job]
	state := int64(j.Initial.Data.Len() * j.Initial.Data.DType().Size())
	sum := int64(j.Initial.Data.Len() * array.Float64.Size())
	if n.words > 1 {
		return state*int64(min(n.words, e.options.Workers)) + sum
	}
	return state + (state+sum)*int64(len(j.Averages))
}

// arrive records where a word of a node led and reports whether the node is computed with it.
func (e *executor) arrive(n *node, o outcome) bool {
	n.running--
	n.time += o.time
	n.averaged = max(n.averaged, o.averaged)
	switch {
	case o.diverged:
		n.diverged, n.handed = true, n.words
	case o.point.State != nil:
		n.point = o.point
	}
	if n.running > 0 || n.handed < n.words {
		return false
	}
	if n.diverged {
		n.point = Point{Job: n.job, Iterate: n.iterate}
	}
	n.mean, n.computed = nil, true
	return true
}

// emit emits what is finished and stands first, unless another worker is at it.
func (e *executor) emit(ctx context.Context) {
	if e.emitting {
		return
	}
	e.emitting = true
	for e.next < len(e.nodes) && e.nodes[e.next].finished {
		n := e.nodes[e.next]
		if !n.skipped() {
			e.spent[n.job].steps += n.steps
			e.spent[n.job].time += n.time
		}
		if n.wanted {
			r := Result{Job: n.job, Iterate: n.iterate, Evaluated: n.evaluated[0], Averages: n.evaluated[1:],
				Steps: e.spent[n.job].steps, Time: e.spent[n.job].time}
			if e.options.Emit != nil && !e.unlocked(ctx, n, func() error { return e.options.Emit(r, e.received) }) {
				return // still emitting: nothing follows what was not received
			}
			e.results++
			e.spent[n.job] = spent{}
			e.reached = e.checkpoint()
		}
		e.free(n, n.base)
		e.next++
	}
	e.emitting = false
}

// free forgets the states of those nodes that no node after the next one starts from.
func (e *executor) free(nodes ...*node) {
	for _, n := range nodes {
		if n != nil && n.last == e.next {
			n.point, n.evaluated = Point{}, nil
			e.live -= e.size(n)
		}
	}
}
