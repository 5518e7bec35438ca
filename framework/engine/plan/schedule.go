package plan

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// deliver decides where results are computed. New parts of the state overwrite the old ones, where everything that reads the old
// ones can come before; results that stand where they cannot stay are copied at the end.
func (t *tasks) deliver() map[*value]*output {
	delivered := map[*value]*output{}
	for i := range t.graph.outputs {
		out := &t.graph.outputs[i]
		if out.Destination != program.ToState && out.Destination != program.ToVector || out.unchanged() {
			continue
		}
		s := out.value.storage()
		old := t.graph.old(out)
		if maker := t.of[s]; maker != nil && delivered[s] == nil && t.mayOverwrite(maker, old) {
			delivered[s] = out
			maker.after = append(maker.after, t.readers(old, maker)...)
			continue
		}
		k := &task{op: out.value, copies: out, reads: []*value{s}}
		k.after = t.readers(old, k)
		t.list = append(t.list, k)
	}
	return delivered
}

// unchanged reports whether a result is the part of the state that it would be stored in.
func (o *output) unchanged() bool {
	in := o.value.field()
	return in != nil && o.Destination == program.ToState && in.Field.Offset() == o.Field.Offset()
}

// old returns the input that holds what a result overwrites, or nil.
func (g *graph) old(out *output) *value {
	if out.Destination != program.ToState {
		return nil
	}
	for _, v := range g.values {
		if in := v.field(); in != nil && in.Field.Offset() == out.Field.Offset() {
			return v
		}
	}
	return nil
}

// readers returns the tasks that read a value, but for one.
func (t *tasks) readers(v *value, but *task) []*task {
	var list []*task
	for _, k := range t.list {
		if k != but && v != nil && slices.Contains(k.reads, v) {
			list = append(list, k)
		}
	}
	return list
}

// mayOverwrite reports whether a task can write to the memory of an input: whoever reads it comes before, and the task itself reads
// element by element.
func (t *tasks) mayOverwrite(k *task, old *value) bool {
	if old == nil {
		return true
	}
	if slices.Contains(k.reads, old) && !t.readsInPlace(k, old) {
		return false
	}
	return !slices.ContainsFunc(t.readers(old, k), func(r *task) bool { return t.depends(r, k) })
}

// readsInPlace reports whether a group reads each element of a storage only where it computes the same element.
func (t *tasks) readsInPlace(k *task, s *value) bool {
	if k.op != nil {
		return false
	}
	for _, p := range k.producers {
		if p.in[0].storage() == s || p.in[1].storage() == s {
			return false
		}
	}
	for _, q := range k.companions { // their second factor is read row by row
		if q.in[0].storage() == s {
			return false
		}
	}
	for _, r := range k.roots {
		_, leaves := t.closure(r)
		for _, l := range leaves {
			if l.storage() == s && !slices.Equal(l.shape, k.space) {
				return false
			}
		}
	}
	return true
}

// schedule orders the tasks: in the order of the graph, but what nothing waits for comes as soon as it can. So a weight is updated
// while it is in cache, and its gradient is gone.
func (t *tasks) schedule() {
	waits := map[*task]int{}
	followers := map[*task][]*task{}
	for _, k := range t.list {
		for _, before := range t.before(k) {
			followers[before] = append(followers[before], k)
			waits[k]++
		}
	}
	ready := &queue{followers: followers}
	for _, k := range t.list {
		if waits[k] == 0 {
			heap.Push(ready, k)
		}
	}
	order := make([]*task, 0, len(t.list))
	for ready.Len() > 0 {
		k := heap.Pop(ready).(*task)
		k.turn = len(order)
		order = append(order, k)
		for _, f := range followers[k] {
			if waits[f]--; waits[f] == 0 {
				heap.Push(ready, f)
			}
		}
	}
	if len(order) < len(t.list) {
		panic(fmt.Sprintf("plan: %d tasks wait for one another", len(t.list)-len(order))) // a mistake in this package
	}
	t.list = order
}

// before returns the tasks that a task comes after.
func (t *tasks) before(k *task) []*task {
	var list []*task
	for _, v := range k.reads {
		if maker := t.of[v]; maker != nil && maker != k {
			list = appendNew(list, maker)
		}
	}
	for _, other := range k.after {
		list = appendNew(list, other)
	}
	return list
}

// queue is a heap of tasks that can run.
type queue struct {
	tasks     []*task
	followers map[*task][]*task
}

func (q *queue) Len() int { return len(q.tasks) }

func (q *queue) Less(i, j int) bool {
	a, b := q.tasks[i], q.tasks[j]
	if endA, endB := len(q.followers[a]) == 0, len(q.followers[b]) == 0; endA != endB {
		return endA
	}
	if a.last() != b.last() {
		return a.last() < b.last()
	}
	return a.op == nil && b.op != nil
}

// last is the position of what a task computes last.
func (k *task) last() int {
	if k.op != nil {
		return k.op.position
	}
	last := 0
	for _, r := range k.roots {
		last = max(last, r.position)
	}
	return last
}

func (q *queue) Swap(i, j int) { q.tasks[i], q.tasks[j] = q.tasks[j], q.tasks[i] }
func (q *queue) Push(x any)    { q.tasks = append(q.tasks, x.(*task)) }
func (q *queue) Pop() any {
	n := len(q.tasks) - 1
	k := q.tasks[n]
	q.tasks = q.tasks[:n]
	return k
}

// separate makes results that are inputs values of their own, so that an input's memory can be overwritten while they wait.
func (g *graph) separate() {
	for i := range g.outputs {
		out := &g.outputs[i]
		moves := out.Destination == program.ToState || out.Destination == program.ToVector
		if v := out.value; moves && v.storage().input != nil && !out.unchanged() {
			out.value = g.add(&value{shape: v.shape, op: ops.Affine{Scale: 1}, in: []*value{v}})
		}
	}
}
