package compose

import (
	"context"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// steps are maps on the numbers of a float64 state: steps(k, x) applies T_k to x.
type steps func(k int, x []float64)

func (f steps) Apply(ctx context.Context, s *optim.State, word []int) error {
	for _, k := range word {
		if err := ctx.Err(); err != nil {
			return err
		}
		f(k, s.Data.F64)
		s.Count++
	}
	return nil
}

// every serves the same maps to every worker.
func every(m Maps) func(int) (Maps, error) {
	return func(int) (Maps, error) { return m, nil }
}

// mapsFunc is any function as Maps.
type mapsFunc func(ctx context.Context, s *optim.State, word []int) error

func (f mapsFunc) Apply(ctx context.Context, s *optim.State, word []int) error {
	return f(ctx, s, word)
}

// counted counts the steps that the maps see.
func counted(f steps, seen *atomic.Int64) steps {
	return func(k int, x []float64) {
		seen.Add(1)
		f(k, x)
	}
}

// state returns a state that holds one parameter.
func state(x array.Array) *optim.State {
	layout, err := optim.NewLayout([]optim.Field{{Name: "w", Shape: []int{x.Len()}}})
	if err != nil {
		panic(err)
	}
	return &optim.State{Layout: layout, Data: x}
}

func point(x ...float64) *optim.State { return state(array.From64(x)) }

// tangle is a family of smooth maps of the plane none of which commute.
func tangle(k int, x []float64) {
	a, b := x[0], x[1]
	x[0] = 0.9*a + 0.3*math.Sin(b+float64(k))
	x[1] = 0.8*b - 0.2*math.Cos(a*float64(k%5+1))
}

// upTo returns 1, 2, …, n.
func upTo(n int) []int {
	var list []int
	for k := 1; k <= n; k++ {
		list = append(list, k)
	}
	return list
}

// evaluated is a state and what Visit returned for it.
type evaluated struct {
	State *optim.State
	Value any
}

func (e evaluated) Diverged() bool { return e.State == nil }

// result is a Result with copies of the states.
type result struct {
	Job, Iterate int
	evaluated
	Averages []evaluated
	Accepted bool
	Merged   bool
	Error    *float64
	Work     Work
	Time     time.Duration
}

// first is how the tests score a state.
func first(s *optim.State) float64 { return s.Data.At(0) }

// emitted runs jobs and returns the results.
func emitted(t *testing.T, jobs []Job, o Options) []result {
	t.Helper()
	results, err := collect(context.Background(), jobs, o)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// collect runs jobs and returns the results with the error. Emit and Visit of the options are called as well.
func collect(ctx context.Context, jobs []Job, o Options) ([]result, error) {
	var results []result
	emit, visit := o.Emit, o.Visit
	o.Visit = func(ctx context.Context, worker int, v Visited) (any, error) {
		e := evaluated{State: v.State.Clone()}
		var err error
		if visit != nil {
			e.Value, err = visit(ctx, worker, v)
		}
		return e, err
	}
	o.Score = func(value any) float64 { return first(value.(evaluated).State) }
	o.Emit = func(r Result, checkpoint func() Checkpoint) error {
		if emit != nil {
			if err := emit(r, checkpoint); err != nil {
				return err
			}
		}
		of := func(e Evaluated) evaluated {
			found, _ := e.Value.(evaluated)
			return found
		}
		got := result{r.Job, r.Iterate, of(r.Evaluated), nil, r.Accepted, r.Merged, r.Error, r.Work, r.Time}
		for _, a := range r.Averages {
			got.Averages = append(got.Averages, of(a))
		}
		results = append(results, got)
		return nil
	}
	_, err := Run(ctx, jobs, o)
	return results, err
}

// iterates returns the numbers of the first n iterates.
func iterates(t *testing.T, a Arrangement, f steps, initial *optim.State, n int) [][]float64 {
	t.Helper()
	var x [][]float64
	for _, r := range emitted(t, []Job{{Arrangement: a, Initial: initial, Iterates: upTo(n), Maps: every(f)}}, Options{}) {
		x = append(x, r.State.Data.F64)
	}
	return x
}

// byDefinition computes iterate n as the definition of a composition reads.
func byDefinition(a Arrangement, f steps, initial *optim.State, n int) *optim.State {
	if n == 0 {
		return initial
	}
	c := a.Compose(n)
	var ends []*optim.State
	for _, word := range c.Words {
		s := byDefinition(a, f, initial, c.Base).Clone()
		for _, k := range word {
			f(k, s.Data.F64)
			s.Count++
		}
		ends = append(ends, s)
	}
	if len(ends) == 1 {
		return ends[0]
	}
	average := ends[0].Clone()
	for i := range average.Data.F64 {
		total := 0.0
		for _, end := range ends {
			total += end.Data.F64[i]
		}
		average.Data.F64[i] = total / float64(len(ends))
	}
	return average
}

// table is an arrangement that lists its compositions: that of iterate n stands at n.
type table []Composition

func (a table) Compose(n int) Composition { return a[n] }

// randomTable returns an arrangement of n iterates with random bases and up to three random words each.
func randomTable(r *rand.Rand, n int) table {
	a := make(table, n+1)
	for m := 1; m <= n; m++ {
		base := r.IntN(m)
		if r.IntN(2) == 0 {
			base = m - 1 // chains, which can be merged
		}
		words := make([][]int, 1+max(0, r.IntN(5)-2))
		length := 1 + r.IntN(4)
		for i := range words {
			for range length {
				words[i] = append(words[i], base+1+r.IntN(m-base))
			}
		}
		a[m] = Composition{Base: base, Words: words}
	}
	return a
}

// thinned returns a random selection of 1, …, n.
func thinned(r *rand.Rand, n int) []int {
	var list []int
	for k := 1; k <= n; k++ {
		if r.IntN(3) == 0 {
			list = append(list, k)
		}
	}
	return list
}
