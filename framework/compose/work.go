package compose

import (
	"context"
	"slices"
)

// Work is what computing takes.
type Work struct {
	Steps int64 // gradients on a batch, each in a step or for a second-order term
	HVPs  int64 // Hessian-vector products on a batch
	Extra int64 // evaluations of states that nobody wants to see, but trials are compared with or are
}

// Add returns the sum.
func (w Work) Add(v Work) Work { return Work{w.Steps + v.Steps, w.HVPs + v.HVPs, w.Extra + v.Extra} }

// Units returns the number of gradients and Hessian-vector products: what progress counts.
func (w Work) Units() int64 { return w.Steps + w.HVPs }

// duration is about how long the work takes, in gradients.
func (w Work) duration() int64 { return w.Steps + 3*w.HVPs }

// Depth returns how long the longest chain of a job is, whose steps wait for one another, in gradients.
func Depth(ctx context.Context, j Job) (longest int64, err error) {
	j.Beyond = nil
	nodes, err := plan(ctx, &j)
	weigh(nodes)
	for _, n := range nodes {
		longest = max(longest, n.weight)
	}
	return longest, err
}

// weigh computes the weights of nodes that stand in the order in which they need one another.
func weigh(nodes []*node) {
	for _, n := range slices.Backward(nodes) {
		n.weight += n.work.duration()
		for _, m := range n.needs() {
			m.weight = max(m.weight, n.weight)
		}
	}
}

// Bounded reports whether Cost is an upper bound: for adaptive arrangements, and those that merge.
func Bounded(j Job) bool {
	if _, adaptive := IsAdaptive(j.Arrangement, j.last()); adaptive {
		return true
	}
	return len(j.Iterates) > 0 && j.Arrangement.Compose(j.last()).Merge > 0
}

// Cost returns what computing a job's iterates takes, of which those that others start from count once. Where it is Bounded, it is an
// upper bound. The error says which composition is not possible.
func Cost(ctx context.Context, j Job) (Work, error) {
	j.Beyond = nil
	nodes, err := plan(ctx, &j)
	var w Work
	compared := false
	for _, n := range nodes {
		w = w.Add(n.work)
		if n.trial && !n.wanted {
			w.Extra++
		}
		compared = compared || n.trial && !n.open && !(n.base != nil && n.base.wanted)
	}
	if compared {
		w.Extra++ // of the first base
	}
	return w, err
}
