package compose

import (
	"fmt"
	"slices"
	"sync"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// TailAverage is the average of a chain's iterates From+1 to n, parameters, slots and buffers alike; for n ≤ From it is the
// iterate itself. It costs no gradient step.
type TailAverage struct{ From int }

// averages reports whether an average of the job takes iterate m in.
func (j *Job) averages(m int) bool {
	return slices.ContainsFunc(j.Averages, func(a TailAverage) bool { return m > a.From })
}

// accumulate takes iterate m, whose state p holds, into the sums of p.
func (j *Job) accumulate(p Point, m int) {
	for i, a := range j.Averages {
		if m > a.From {
			if p.Sums[i] == nil {
				p.Sums[i] = make(sum, p.State.Data.Len())
			}
			sum(p.Sums[i]).add(p.State.Data)
		}
	}
}

// CheckChain returns an error unless tail averages of the iterates up to the last are possible: every one is made from the one before
// by one word.
func CheckChain(a Arrangement, last int) error {
	const need = "a tail average needs a chain, in which one word leads from each iterate to the next (such as forward)"
	for n := 1; n <= last; n++ {
		switch c := a.Compose(n); {
		case c.Base != n-1:
			return fmt.Errorf("iterate %d starts from iterate %d, but %s", n, c.Base, need)
		case len(c.Words) != 1:
			return fmt.Errorf("iterate %d averages %d words, but %s", n, len(c.Words), need)
		}
	}
	return nil
}

// sum adds arrays up in float64.
type sum []float64

func (s sum) add(a array.Array) {
	for i, v := range a.F32 {
		s[i] += float64(v)
	}
	for i, v := range a.F64 {
		s[i] += v
	}
}

// mean stores the n-th part of the sum in a, rounded once.
func (s sum) mean(n int, a array.Array) {
	for i, v := range s {
		a.Set(i, v/float64(n))
	}
}

// mean averages the end states of an iterate's words. It adds them up in the order of the words, in whatever order they arrive.
type mean struct {
	mu      sync.Mutex
	arrived map[int]*optim.State // before it was their turn
	total   sum
	added   int
	count   int64
}

// add takes over the end state of a word. It returns how many words are added up so far and, after the last of them, the
// average.
func (m *mean) add(word int, s *optim.State, words int) (added int, average *optim.State, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.arrived == nil {
		m.arrived, m.total, m.count = map[int]*optim.State{}, make(sum, s.Data.Len()), s.Count
	}
	if s.Count != m.count {
		return 0, nil, fmt.Errorf("words end after %d and after %d applied steps, and such states have no average", m.count, s.Count)
	}
	m.arrived[word] = s
	for ; m.arrived[m.added] != nil; m.added++ {
		m.total.add(m.arrived[m.added].Data)
		delete(m.arrived, m.added)
	}
	if m.added < words {
		return m.added, nil, nil
	}
	m.total.mean(words, s.Data)
	return m.added, s, nil
}
