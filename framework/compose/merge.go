package compose

import (
	"context"
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Trajectories merge in blocks of iterates that follow each other: each with that of the first, if it comes near at a milestone. The last of
// a block goes on nevertheless, so that the error is measured.
const (
	mergeBlock = 16 // iterates
	milestones = 16 // of a word, at most
)

// lead says which nodes of a job may merge with which.
func (j *Job) lead(w *writer, nodes []*node) error {
	bases := map[*node]bool{nil: true}
	for _, n := range nodes {
		bases[n.from], bases[n.base] = true, true
	}
	var leader, last *node
	members := 0
	for _, n := range nodes {
		if n.open || n.trial || bases[n] || len(n.path) > 1 || n.path[0].skip > 0 {
			continue // what others start from stays exact
		}
		c, err := w.compose(n.iterate)
		if err != nil {
			return err
		}
		if c.Merge == 0 {
			continue
		}
		if j.CountMatters {
			return fmt.Errorf("iterate %d merges, but its steps depend on how many were applied before, which differs between trajectories", n.iterate)
		}
		if leader == nil || members == mergeBlock || !endsWith(c, j.Arrangement.Compose(leader.iterate)) {
			leader, members, last = n, 0, nil
		}
		if members++; n == leader {
			continue
		}
		leader.milestones, n.leader, n.checked = milestonesOf(len(j.Arrangement.Compose(leader.iterate).Words[0])), leader, true
		if last != nil {
			last.checked = false
		}
		last = n
	}
	return nil
}

// endsWith reports whether the one word of c, from the same base, ends with that of another composition.
func endsWith(c, other Composition) bool {
	w, end := c.Words[0], other.Words[0]
	if c.Base != other.Base || len(w) < len(end) {
		return false
	}
	for i, k := range end {
		if w[len(w)-len(end)+i] != k {
			return false
		}
	}
	return true
}

// milestonesOf returns how many letters of a word are left at each of its milestones, the first of which is its start.
func milestonesOf(letters int) (left []int) {
	spacing := (letters + milestones - 1) / milestones
	for l := letters; l > 0; l -= spacing {
		left = append(left, l)
	}
	return left
}

// along applies the word of a node that others may merge with, or that may merge.
func (w *walker) along(ctx context.Context, job *Job, n *node) (o outcome, err error) {
	o.point = n.start(job)
	c := n.by.Compose(n.iterate)
	word := c.Words[0]
	leader := n
	if n.leader != nil {
		leader = n.leader
	}
	for i, left := range leader.milestones {
		ahead := word[:len(word)-left]
		if err := w.apply(ctx, o.point.State, ahead); err != nil || !o.point.State.Finite() {
			return o, err
		}
		o.letters += len(ahead)
		word = word[len(ahead):]
		if n == leader {
			o.trail = append(o.trail, o.point.State.Clone())
		}
		if n.leader == nil || o.merged || leader.diverged || difference(o.point.State.Data, leader.trail[i].Data) > c.Merge {
			continue
		}
		if o.merged = true; !n.checked {
			o.point.State.Data.Copy(leader.point.State.Data)
			o.point.State.Count += int64(left)
			return o, nil
		}
	}
	err = w.apply(ctx, o.point.State, word)
	o.letters += len(word)
	if o.merged && err == nil {
		measured := difference(o.point.State.Data, leader.point.State.Data)
		o.merged, o.mergeError = false, &measured
	}
	return o, err
}

// difference is that of the numbers that differ most.
func difference(a, b array.Array) float64 {
	largest := 0.0
	for i, v := range a.F32 {
		largest = max(largest, math.Abs(float64(v)-float64(b.F32[i])))
	}
	for i, v := range a.F64 {
		largest = max(largest, math.Abs(v-b.F64[i]))
	}
	return largest
}

func trailMemory(trail []*optim.State) Memory {
	var m Memory
	for _, s := range trail {
		v := make(sum, s.Data.Len())
		v.add(s.Data)
		m = append(m, v)
	}
	return m
}

func trailOf(m Memory, like *optim.State) []*optim.State {
	var trail []*optim.State
	for _, v := range m {
		s := like.Clone()
		s.Data.Copy(array.From64(v))
		trail = append(trail, s)
	}
	return trail
}
