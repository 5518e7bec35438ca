package compose

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Checkpoint says how far a run got and holds what the rest of it starts from. The zero value is the beginning.
type Checkpoint struct {
	Results int // emitted so far
	Points  []Point
}

// Point is an iterate that later ones start from.
type Point struct {
	Job, Iterate int
	State        *optim.State // nil if it diverged
	Sums         [][]float64  // for each of the job's averages, the sum of the states that it has taken in; nil before the first
}

// start returns a copy of what the node starts from, to be made into the node's own point.
func (n *node) start(j *Job) Point {
	from := Point{State: j.Initial, Sums: make([][]float64, len(j.Averages))}
	if n.base != nil {
		from = n.base.point
	}
	p := Point{Job: n.job, Iterate: n.iterate, State: from.State.Clone(), Sums: slices.Clone(from.Sums)}
	for i := range p.Sums {
		p.Sums[i] = slices.Clone(p.Sums[i])
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
		c.Points = append(c.Points, n.point)
	}
	return c
}

// bases lists the nodes before a position that nodes from there on start from.
func (e *executor) bases(position int) []*node {
	var bases []*node
	for _, n := range e.nodes[:position] {
		if n.last >= position {
			bases = append(bases, n)
		}
	}
	return bases
}

// resume goes to where an earlier run stood.
func (e *executor) resume(c Checkpoint) error {
	e.reached = c
	for ; e.results < c.Results; e.next++ {
		if e.next == len(e.nodes) {
			return fmt.Errorf("the checkpoint stands after %d results, but these jobs have only %d (were they changed?)", c.Results, e.results)
		}
		if e.nodes[e.next].wanted {
			e.results++
		}
	}
	for _, n := range e.bases(e.next) {
		i := slices.IndexFunc(c.Points, func(p Point) bool { return p.Job == n.job && p.Iterate == n.iterate })
		if i < 0 {
			return fmt.Errorf("%s: the checkpoint lacks iterate %d, which later ones start from (were the jobs changed?)", e.jobs[n.job].Name, n.iterate)
		}
		n.point, n.computed = c.Points[i], true
		n.diverged = n.point.State == nil
		if err := n.point.check(&e.jobs[n.job]); err != nil {
			return err
		}
		e.live += e.size(n)
	}
	return nil
}

// check returns an error unless the point can be one of the job's.
func (p Point) check(j *Job) error {
	if p.State == nil {
		return nil
	}
	fits := p.State.Layout.Same(j.Initial.Layout) && p.State.Data.DType() == j.Initial.Data.DType() && len(p.Sums) == len(j.Averages)
	for _, s := range p.Sums {
		fits = fits && (s == nil || len(s) == j.Initial.Data.Len())
	}
	if !fits {
		return fmt.Errorf("%s: iterate %d of the checkpoint has another layout, precision or number of averages than the job", j.Name, p.Iterate)
	}
	return nil
}
