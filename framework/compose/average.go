package compose

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"sync"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Average is an average of an arrangement's iterates, evaluated next to each of them at no gradient step. It takes in the iterates
// From+1 to n; up to From it is the iterate itself. In a chain, such as forward, these are all iterates, elsewhere the wanted
// ones.
//
// States are averaged as a whole. Parameters are what the average is of; buffers, such as running statistics, are themselves averages
// of what the parameters made, so their mean belongs to the mean parameters at first order; and an optimizer's slots are averages
// or sums of gradients, of which the same is true. The count of applied steps is no quantity with a mean: averages of words are of
// states with equal counts, and an average of iterates, from which no step goes on, has the newest one's.
type Average struct {
	Kind   AverageKind
	From   int
	Decay  float64 // of an exponential average
	Window int     // of the latest iterates
}

// AverageKind is a way of averaging iterates.
type AverageKind int

// The kinds of averages.
const (
	Tail        AverageKind = iota // the mean of all
	Exponential                    // Decay times the average before, plus 1 − Decay times the newest iterate; it starts at the first
	Latest                         // the mean of the newest Window iterates
)

// Memory is what an average remembers of iterates: vectors as long as a state.
type Memory [][]float64

// vectors returns the most vectors that an average remembers.
func (a Average) vectors() int {
	if a.Kind == Latest {
		return a.Window
	}
	return 1
}

// take returns the memory with a state taken in. The old memory stays as it is.
func (a Average) take(m Memory, x array.Array) Memory {
	newest := make(sum, x.Len())
	newest.add(x)
	switch {
	case a.Kind == Latest:
		first := max(0, len(m)+1-a.Window)
		return append(slices.Clone(m[first:]), newest)
	case len(m) > 0 && a.Kind == Tail:
		for i, v := range m[0] {
			newest[i] += v
		}
	case len(m) > 0:
		for i, v := range m[0] {
			newest[i] = a.Decay*v + (1-a.Decay)*newest[i]
		}
	}
	return Memory{newest}
}

// mean stores the average in x, rounded once. A tail average took that many states in.
func (a Average) mean(m Memory, taken int, x array.Array) {
	switch a.Kind {
	case Tail:
		sum(m[0]).mean(taken, x)
	case Exponential:
		x.Copy(array.From64(m[0]))
	case Latest:
		total := make(sum, x.Len())
		for _, v := range m {
			total.add(array.From64(v))
		}
		total.mean(len(m), x)
	}
}

// lost is a state that diverged.
func lost(like array.Array) array.Array {
	x := make([]float64, like.Len())
	for i := range x {
		x[i] = math.NaN()
	}
	return array.From64(x)
}

// taken returns how many iterates up to n an average of the job took in.
func (j *Job) taken(a Average, n int) int {
	if j.chain {
		return max(0, n-a.From)
	}
	return max(0, sort.SearchInts(j.Iterates, n+1)-sort.SearchInts(j.Iterates, a.From+1))
}

// takesIn reports whether an average of the job takes iterate m in.
func (j *Job) takesIn(m int) bool {
	return slices.ContainsFunc(j.Averages, func(a Average) bool { return m > a.From })
}

// take returns the memories of the averages with iterate m taken in, whose state is x.
func (j *Job) take(memories []Memory, m int, x array.Array) []Memory {
	all := make([]Memory, len(j.Averages))
	copy(all, memories)
	for i, a := range j.Averages {
		if m > a.From {
			all[i] = a.take(all[i], x)
		}
	}
	return all
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
