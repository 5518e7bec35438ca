package compose

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// ErrCheckpoint is the error of a run that cannot go on from a checkpoint: it is not one of these jobs. Nothing was computed.
var ErrCheckpoint = errors.New("the checkpoint is not one of these jobs")

// Checkpoint says how far a run got and holds what the rest of it starts from. The zero value is the beginning.
type Checkpoint struct {
	Results  int // emitted so far
	Points   []Point
	Accepted []Trial // that decide about the rest
}

// Point is an iterate that later ones start from.
type Point struct {
	Job, Iterate int
	State        *optim.State // nil if it diverged
	Averages     []Memory     // of each of the job's averages; nil before its first iterate
	Trail        Memory       // of an iterate that others may merge with: its states at the milestones
	Ended        bool         // it evaluates as diverged: nothing starts from it, but trajectories that pass it go on
	Lost         bool         // what it starts from diverged
	Bracket      Memory       // of an iterate with a bracket: the end of its word, the bracket's term, the sum of its gradients
}

// Trial is an iterate of an adaptive arrangement that became a base.
type Trial struct{ Job, Iterate int }

// start returns a copy of what the node starts from, to be made into the node's own point. Memories are never changed.
func (n *node) start(j *Job) Point {
	from := Point{State: j.Initial}
	if n.from != nil {
		from = n.from.point
	}
	p := Point{Job: n.job, Iterate: n.iterate, State: from.State.Clone(), Bracket: from.Bracket}
	if j.chain {
		p.Averages = from.Averages
	}
	return p
}

// received returns where the run stands when the result that is being emitted has been received.
func (e *executor) received() Checkpoint {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.checkpoint()
	c.Results++
	return c
}

// checkpoint returns where the run stands when the next node is emitted.
func (e *executor) checkpoint() Checkpoint {
	c := Checkpoint{Results: e.results}
	for _, n := range e.bases(e.next + 1) {
		p := n.point
		if !e.jobs[n.job].chain {
			p.Averages = n.averages
		}
		p.Trail, p.Ended, p.Lost = trailMemory(n.trail), n.ended, n.lost
		c.Points = append(c.Points, p)
	}
	for job := range e.jobs {
		if t := e.trials[job]; t != nil {
			c.Accepted = append(c.Accepted, t.acceptedBefore(e.next+1)...)
		}
	}
	return c
}

// bases lists the nodes before a position that nodes from there on need, those beyond the last included.
func (e *executor) bases(position int) []*node {
	var bases []*node
	for e.oldest < e.next && e.nodes[e.oldest].last < e.next {
		e.oldest++
	}
	for _, n := range e.nodes[e.oldest:min(position, len(e.nodes))] {
		if n.last >= position {
			bases = append(bases, n)
		}
	}
	return bases
}

// resume goes to where an earlier run stood.
func (e *executor) resume(c Checkpoint) error {
	if err := e.goTo(c); err != nil {
		return fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return nil
}

func (e *executor) goTo(c Checkpoint) error {
	e.reached = c
	for ; e.results < c.Results; e.next++ {
		if e.next == e.end {
			return fmt.Errorf("it stands after %d results, and there are only %d", c.Results, e.results)
		}
		n := e.nodes[e.next]
		if n.wanted {
			e.results++
		}
		if n.trial {
			if err := e.decide(n, slices.Contains(c.Accepted, Trial{n.job, n.iterate})); err != nil {
				return err
			}
		}
	}
	for _, n := range e.bases(e.next) {
		i := slices.IndexFunc(c.Points, func(p Point) bool { return p.Job == n.job && p.Iterate == n.iterate })
		if i < 0 {
			return fmt.Errorf("%s: it lacks iterate %d, which later ones start from", e.jobs[n.job].Name, n.iterate)
		}
		n.point, n.averages, n.computed, n.finished = c.Points[i], c.Points[i].Averages, true, true
		n.diverged = n.point.State == nil
		n.ended, n.lost = n.point.Ended || n.diverged, n.point.Lost
		if !n.point.fits(n, &e.jobs[n.job]) {
			return fmt.Errorf("%s: its iterate %d has another layout, precision or number of averages", e.jobs[n.job].Name, n.iterate)
		}
		n.trail = trailOf(n.point.Trail, e.jobs[n.job].Initial)
		e.live += e.size(n)
	}
	return nil
}

// fits reports whether a point can be a node's.
func (p Point) fits(n *node, j *Job) bool {
	state, parameters := j.Initial.Data.Len(), j.Initial.Layout.Parameters()
	if s := p.State; s != nil && (!s.Layout.Same(j.Initial.Layout) || s.Data.DType() != j.Initial.Data.DType()) {
		return false
	}
	if p.State != nil && !p.Trail.fits(slices.Repeat([]int{state}, len(n.milestones))...) {
		return false
	}
	if n.bracket && p.State != nil && !p.Bracket.fits(state, parameters, parameters) {
		return false
	}
	if p.State == nil && j.chain || !j.chain && !n.wanted {
		return true
	}
	for i, a := range j.Averages {
		vectors := min(j.taken(a, n.iterate), a.vectors())
		if vectors > 0 && (i >= len(p.Averages) || !p.Averages[i].fits(slices.Repeat([]int{state}, vectors)...)) {
			return false
		}
	}
	return true
}

// fits reports whether the vectors have these lengths.
func (m Memory) fits(lengths ...int) bool {
	return slices.EqualFunc(m, lengths, func(v []float64, length int) bool { return len(v) == length })
}
