package compose

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// node is an iterate to compute: a wanted one, a trial, one that several others start from, or one with or under several words.
type node struct {
	job, iterate int
	wanted       bool
	trial        bool
	beyond       bool // only longer runs need it: it is planned, and never computed
	due          int  // the first wanted iterate that needs this one, or this one itself

	// How it is computed. A node is open while that depends on trials before it.

	open    bool
	by      Arrangement
	from    *node // nil for the initial state
	base    *node // of a bracket, whose derivatives are taken there, or of a trial, which is compared with it; nil for the initial state
	path    []leg // from there to this iterate; several only if all have a single word
	bracket bool
	words   int  // that lead here
	work    Work // of all words

	leader     *node // whose trajectory this one may merge with
	milestones []int // of one that others may merge with: how many letters are left there
	checked    bool  // goes on where it merges, to measure the error

	previous *node // the wanted iterate before, if this one is evaluated together with it

	position int   // in the order of the executor
	last     int   // position of the last node that needs this one, or its own
	weight   int64 // duration of the longest chain of nodes that begins here

	// The rest is guarded by the executor's mutex. The point of a computed node does not change while words run that start from it.

	handed, running int  // words given to workers so far, and now
	computed        bool // point is final
	diverged        bool
	lost            bool // what it starts from diverged, or evaluates so
	ended           bool // it is lost, diverged, or evaluates so: nothing starts from it
	evaluating      bool
	finished        bool // and evaluated
	averaged        int  // words in the mean so far
	mean            *mean
	point           Point
	trail           []*optim.State // of a node that others may merge with, at its milestones
	merged          bool
	mergeError      *float64
	averages        []Memory    // of the wanted iterates up to this one, unless they are in point
	score           *float64    // how it evaluates, where that was asked
	accepted        bool        // a trial that became a base
	released        bool        // point is forgotten
	evaluated       []Evaluated // the iterate, then the averages
	time            time.Duration
}

// leg is an iterate on the way to another: its composition's word, of which the first letters may be behind already.
type leg struct{ iterate, skip int }

// skipped reports whether the node is not computed because what it starts from diverged.
func (n *node) skipped() bool { return n.from != nil && n.from.diverged || n.startsLost() }

// startsLost reports whether what the node starts from diverged, or evaluated so. It is certain once all before the node are emitted. What
// a trajectory only passes on its way, because others share it, decides nothing.
func (n *node) startsLost() bool {
	m := n.from
	switch {
	case m == nil:
		return false
	case n.path[0].skip > 0:
		return m.lost || !m.wanted && m.startsLost()
	}
	return m.ended || !m.wanted && m.startsLost()
}

// mark records what is known of where the node starts.
func (n *node) mark() {
	if n.startsLost() {
		n.lost, n.ended = true, true
	}
	if n.diverged && !n.ended {
		n.ended = true
	}
}

// needs lists the nodes that this one is computed or evaluated from.
func (n *node) needs() []*node {
	return slices.DeleteFunc([]*node{n.from, n.base, n.leader, n.previous}, func(m *node) bool { return m == nil })
}

// What a plan may take.
const (
	maxPlanned = 10_000_000_000 // letters of a job's words
	maxNodes   = 4_000_000      // of all jobs together
)

// plan lists what must be computed for the wanted iterates of a job, each after its base and right before the first wanted iterate
// that needs it. Iterates that nobody wants and only one other starts from are merged into that one: their words are put in a row.
func plan(ctx context.Context, j *Job) ([]*node, error) {
	for i, n := range j.Iterates {
		if n < 1 || i > 0 && n <= j.Iterates[i-1] {
			return nil, fmt.Errorf("iterates %v are not in ascending order from 1 on", j.Iterates[max(0, i-1):i+1])
		}
	}
	for i, n := range j.Beyond {
		if n <= j.last() || i > 0 && n <= j.Beyond[i-1] {
			return nil, fmt.Errorf("iterates %v beyond iterate %d are not in ascending order", j.Beyond, j.last())
		}
	}
	needed := j.Iterates
	adaptive, is := IsAdaptive(j.Arrangement, j.last())
	if is {
		needed = withTrials(adaptive, j.Iterates)
	}
	wanted := len(needed)
	needed = append(slices.Clip(needed), j.Beyond...)
	settled := needed
	if is {
		first := slices.IndexFunc(needed[:wanted], adaptive.Trial)
		settled = needed[:first+1]
	}
	w := &writer{ctx: ctx, by: j.Arrangement}
	nodes, err := settle(w, j, settled)
	for _, m := range needed[len(settled):] { // behind the first trial
		n := &node{iterate: m, open: true, words: 1, path: []leg{{iterate: m}}}
		if err == nil {
			var c Composition
			if c, err = w.compose(m); err == nil {
				n.work = c.work(0)
			}
		}
		nodes = append(nodes, n)
	}
	var previous *node
	var computed []*node
	for _, n := range nodes {
		if n.beyond = max(n.due, n.iterate) > j.last(); n.beyond {
			n.due, n.previous = math.MaxInt, previous
			continue
		}
		computed = append(computed, n)
		_, n.wanted = slices.BinarySearch(j.Iterates, n.iterate)
		n.trial = is && adaptive.Trial(n.iterate)
		due, _ := slices.BinarySearch(j.Iterates, max(n.due, n.iterate))
		if due < len(j.Iterates) {
			n.due = j.Iterates[due]
		}
		if n.wanted && j.inOrder() {
			n.previous, previous = previous, n
		}
	}
	if err == nil {
		err = j.lead(w, computed)
	}
	return nodes, err
}

// writer composes iterates for a plan, until the context is cancelled or the words are too many to be planned.
type writer struct {
	ctx     context.Context
	by      Arrangement
	letters int64 // so far
}

// compose returns the composition of iterate n, which can make it.
func (w *writer) compose(n int) (Composition, error) {
	if err := w.ctx.Err(); err != nil {
		return Composition{}, err
	}
	c := w.by.Compose(n)
	if err := c.Check(n); err != nil {
		return c, err
	}
	w.letters += int64(len(c.Words)) * int64(len(c.Words[0]))
	if w.letters > maxPlanned {
		return c, fmt.Errorf("the words up to iterate %d have more than %d steps, the most that are planned (evaluate fewer iterates, or take fewer "+
			"steps or shorter windows)", n, int64(maxPlanned))
	}
	return c, nil
}

// planAlike returns the plan of a job whose plan differs from an earlier one in nothing but the states: its nodes, with paths that both
// share.
func planAlike(nodes []*node) []*node {
	copies := make(map[*node]*node, len(nodes)+1)
	list := make([]*node, len(nodes))
	for i, n := range nodes {
		c := *n
		list[i], copies[n] = &c, &c
	}
	copies[nil] = nil
	for _, c := range list {
		c.from, c.base, c.leader, c.previous = copies[c.from], copies[c.base], copies[c.leader], copies[c.previous]
	}
	return list
}

// alike reports whether two jobs have the same plan.
func (j *Job) alike(k *Job) bool {
	return reflect.TypeOf(j.Arrangement) == reflect.TypeOf(k.Arrangement) && reflect.TypeOf(j.Arrangement).Comparable() && j.Arrangement == k.Arrangement &&
		slices.Equal(j.Iterates, k.Iterates) && slices.Equal(j.Beyond, k.Beyond) && j.Period == k.Period && j.CountMatters == k.CountMatters && j.Successive == k.Successive &&
		slices.Equal(j.Averages, k.Averages) && j.Initial != nil && k.Initial != nil && j.Initial.Layout.Same(k.Initial.Layout)
}

// withTrials adds to the wanted iterates the trials before the last of them, and what the first trial starts from.
func withTrials(a Adaptive, wanted []int) []int {
	all := slices.Clone(wanted)
	first := true
	for n := 1; n <= wanted[len(wanted)-1]; n++ {
		if !a.Trial(n) {
			continue
		}
		all = append(all, n)
		if base := a.Compose(n).Base; first && base > 0 {
			all = append(all, base)
		}
		first = false
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// settle makes the nodes for iterates whose compositions are known.
func settle(w *writer, j *Job, needed []int) ([]*node, error) {
	links, err := trace(w, j, needed)
	if err != nil {
		return nil, err
	}
	adaptive, is := j.Arrangement.(Adaptive)
	var nodes []*node
	made := map[int]*node{}
	for _, due := range needed {
		var path []int
		for m := due; m > 0 && made[m] == nil; m = links[m].from {
			path = append(path, m)
		}
		n := &node{due: due, by: j.Arrangement}
		for _, m := range slices.Backward(path) {
			l := links[m]
			if n.path == nil {
				n.from = made[l.from]
			}
			if l.bracket || is && adaptive.Trial(m) {
				n.base = made[l.base]
			}
			n.path, n.bracket = append(n.path, leg{m, l.skip}), l.bracket
			n.work = n.work.Add(l.work)
			if l.kept {
				n.iterate, n.words = m, l.words
				made[m] = n
				nodes = append(nodes, n)
				n = &node{due: due, by: j.Arrangement}
			}
		}
	}
	return nodes, nil
}

// link is what a plan knows of an iterate's composition, without its words: those of a long run do not fit into memory.
type link struct {
	base    int
	from    int // the base, or an iterate with the same base whose word this one's begins with
	skip    int // letters of that word
	words   int
	work    Work
	bracket bool
	users   int  // iterates that start from this one
	kept    bool // a node of its own
}

// trace follows every needed iterate back to the initial state.
func trace(w *writer, j *Job, needed []int) (map[int]*link, error) {
	links := map[int]*link{}
	bracketed := map[int]int{} // the last needed iterate with a bracket on each base
	for _, n := range needed {
		for m := n; m > 0 && links[m] == nil; {
			c, err := w.compose(m)
			if err == nil {
				err = j.check(m, c)
			}
			if err != nil {
				return nil, err
			}
			l := &link{base: c.Base, from: c.Base, words: len(c.Words), bracket: c.Bracket != nil}
			switch {
			case l.bracket:
				if n := bracketed[c.Base]; n > 0 {
					if earlier := j.Arrangement.Compose(n); beginsWith(c, earlier, 0) {
						l.from, l.skip = n, len(earlier.Words[0])
					}
				}
				bracketed[c.Base] = m
			case j.Period > 0 && m-j.Period > c.Base:
				// T_{k+Period} = T_k: the word repeats that of the iterate one period before, and goes on.
				if earlier := j.Arrangement.Compose(m - j.Period); beginsWith(c, earlier, j.Period) {
					l.from, l.skip = m-j.Period, len(earlier.Words[0])
				}
			}
			l.work = c.work(l.skip)
			links[m] = l
			m = l.from
		}
		links[n].kept = true
	}
	for _, l := range links {
		l.kept = l.kept || l.words > 1 || l.bracket
		if from := links[l.from]; from != nil {
			from.users++
			from.kept = from.kept || from.users > 1 || l.words > 1 || l.bracket
		}
	}
	return links, nil
}

// check returns an error unless the job's states can have what makes iterate n.
func (j *Job) check(n int, c Composition) error {
	if c.Bracket == nil {
		return nil
	}
	for _, f := range j.Initial.Layout.Fields() {
		if f.Kind == optim.Slot {
			return fmt.Errorf("iterate %d has the Lie bracket of steps with memory (slot %v): it is defined for plain gradient descent", n, f)
		}
	}
	return nil
}

// beginsWith reports whether the one word of c begins with that of an earlier iterate on the same base, but for whole periods.
func beginsWith(c, earlier Composition, period int) bool {
	if c.Group != nil || earlier.Group != nil || (c.Bracket == nil) != (earlier.Bracket == nil) ||
		len(c.Words) > 1 || len(earlier.Words) > 1 || c.Base != earlier.Base || len(earlier.Words[0]) > len(c.Words[0]) {
		return false
	}
	for i, k := range earlier.Words[0] {
		if d := c.Words[0][i] - k; d != 0 && (period == 0 || d%period != 0) {
			return false
		}
	}
	return true
}

// work returns what applying the words takes when so many letters of the first are behind already.
func (c Composition) work(skip int) Work {
	letters := int64(len(c.Words[0]) - skip)
	w := Work{Steps: letters * int64(len(c.Words))}
	switch {
	case c.Group != nil && len(c.Words[0]) > 1 && c.Group.Strength != 0:
		w.HVPs = letters
	case c.Bracket != nil && len(c.Words[0]) == 1:
		w.Steps = 2 // the step, and the gradient for later brackets
	case c.Bracket != nil:
		w.Steps += 2*letters - 1
		w.HVPs = int64(len(c.Words[0]))
	}
	return w
}
