package compose

import (
	"fmt"
	"slices"
	"time"
)

// node is an iterate to compute: a wanted one, one that several others start from, or one with or under several words.
type node struct {
	job, iterate int
	wanted       bool
	due          int   // the first wanted iterate that needs this one, or this one itself
	base         *node // nil for the initial state
	path         []int // the iterates from the base to this one, excluding the base; several only if all have a single word
	words        int   // that lead here
	steps        int   // of all words

	position int // in the order of the executor
	last     int // position of the last node that starts from this one, or its own

	// The rest is guarded by the executor's mutex. The point of a computed node does not change while words run that start from it.

	handed, running int  // words given to workers so far, and now
	computed        bool // point is final
	diverged        bool
	finished        bool // and evaluated
	averaged        int  // words in the mean so far
	mean            *mean
	point           Point
	evaluated       []Evaluated // the iterate, then the averages
	time            time.Duration
}

// skipped reports whether the node is not computed because what it starts from diverged.
func (n *node) skipped() bool { return n.base != nil && n.base.diverged }

// plan lists what must be computed for the wanted iterates, each after its base and right before the first wanted iterate that
// needs it. Iterates that nobody wants and only one other starts from are merged into that one: their words are put in a row.
func plan(a Arrangement, wanted []int) ([]*node, error) {
	links, err := trace(a, wanted)
	if err != nil {
		return nil, err
	}
	var nodes []*node
	made := map[int]*node{}
	for _, due := range wanted {
		var path []int
		for m := due; m > 0 && made[m] == nil; m = links[m].base {
			path = append(path, m)
		}
		n := &node{due: due}
		for _, m := range slices.Backward(path) {
			l := links[m]
			if n.path == nil {
				n.base = made[l.base]
			}
			n.path = append(n.path, m)
			n.steps += l.steps
			if l.kept {
				n.iterate, n.wanted, n.words = m, m == due, l.words
				made[m] = n
				nodes = append(nodes, n)
				n = &node{due: due}
			}
		}
	}
	return nodes, nil
}

// link is what a plan knows of an iterate's composition, without its words: those of a long run do not fit into memory.
type link struct {
	base, words, steps int
	users              int  // iterates that start from this one
	kept               bool // a node of its own
}

// trace follows every wanted iterate back to the initial state.
func trace(a Arrangement, wanted []int) (map[int]*link, error) {
	links := map[int]*link{}
	for i, n := range wanted {
		if n < 1 || i > 0 && n <= wanted[i-1] {
			return nil, fmt.Errorf("iterates %v are not in ascending order from 1 on", wanted[max(0, i-1):i+1])
		}
		for m := n; m > 0 && links[m] == nil; {
			c := a.Compose(m)
			if err := c.Check(m); err != nil {
				return nil, err
			}
			links[m] = &link{base: c.Base, words: len(c.Words), steps: len(c.Words) * len(c.Words[0])}
			m = c.Base
		}
		links[n].kept = true
	}
	for _, l := range links {
		l.kept = l.kept || l.words > 1
		if base := links[l.base]; base != nil {
			base.users++
			base.kept = base.kept || base.users > 1 || l.words > 1
		}
	}
	return links, nil
}
