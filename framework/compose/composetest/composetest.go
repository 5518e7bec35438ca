// Package composetest is the conformance suite of arrangements. One of your own joins it with one line in a test:
//
//	func TestConformance(t *testing.T) {
//		composetest.Run(t, func() compose.Arrangement { return &Zigzag{Window: 4} })
//	}
//
// The suite composes gradient steps in the plane, and proves what the executor relies on: that compositions are possible, that they
// depend on nothing but the iterate and the options, and that they cost what they announce. A failure explains the rule that it
// found broken.
package composetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/plugin/plugintest"
)

// last is how many iterates are looked at.
const last = 40

// Run tests the arrangements that construct returns: each call returns a new one, with the same options.
func Run(t *testing.T, construct func() compose.Arrangement) {
	for _, c := range checks {
		t.Run(c.rule, func(t *testing.T) {
			if err := c.try(construct); err != nil {
				t.Error(err)
			}
		})
	}
}

// check is one rule and its proof.
type check struct {
	rule  string
	prove func(construct func() compose.Arrangement) error
}

var checks = []check{
	{"the constructor returns new values", func(construct func() compose.Arrangement) error {
		return plugintest.NewValues(construct(), construct())
	}},
	{"options are documented and their defaults in range", func(construct func() compose.Arrangement) error {
		return plugintest.Options(construct())
	}},
	{"options fit together", validates},
	{"every iterate starts from an earlier one and uses the batches between", possible},
	{"a composition depends on the iterate and the options only", pure},
	{"a composition belongs to its caller", owned},
	{"a window of one is forward, bit for bit", windowOfOne},
	{"the cost is as announced", cost},
	{"any number of workers computes the same bits", workers},
	{"a thinned run computes the same iterates", thinned},
	{"a resumed run computes the same iterates", resumed},
	{"batches that come again change no iterate, and the cost is as announced", cycles},
}

// try returns what the check finds. An arrangement that panics is found out, not followed.
func (c check) try(construct func() compose.Arrangement) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the arrangement panics: %v", r)
		}
	}()
	return c.prove(construct)
}

func validates(construct func() compose.Arrangement) error {
	if v, is := construct().(plugin.Validator); is {
		return v.Validate()
	}
	return nil
}

func possible(construct func() compose.Arrangement) error {
	a := construct()
	for n := 1; n <= last; n++ {
		if err := a.Compose(n).Check(n); err != nil {
			return err
		}
	}
	return nil
}

func pure(construct func() compose.Arrangement) error {
	a, other := construct(), construct()
	want := make([]compose.Composition, last+1)
	for n := 1; n <= last; n++ {
		want[n] = a.Compose(n)
	}
	var wrong atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for n := last; n >= 1; n-- {
				if !reflect.DeepEqual(a.Compose(n), want[n]) {
					wrong.Store(int64(n))
				}
			}
		})
	}
	callers.Wait()
	for n := last; n >= 1; n-- {
		if !reflect.DeepEqual(other.Compose(n), want[n]) {
			wrong.Store(int64(n))
		}
	}
	if n := wrong.Load(); n > 0 {
		return fmt.Errorf("Compose(%d) returns one composition now and another one then: it is called in any order, from several goroutines, "+
			"and must not keep anything from one call to the next; random words need a seed among the options", n)
	}
	return nil
}

func owned(construct func() compose.Arrangement) error {
	a := construct()
	for n := 1; n <= last; n++ {
		before := fmt.Sprint(a.Compose(n).Words)
		for _, word := range a.Compose(n).Words {
			for i := range word {
				word[i] = -1
			}
		}
		if fmt.Sprint(a.Compose(n).Words) != before {
			return fmt.Errorf("Compose(%d) returns words that it keeps: who changes them changes later ones", n)
		}
	}
	return nil
}

// windows are the options that say how many batches are composed in other than the usual order.
var windows = []string{"window", "reset_every"}

func windowOfOne(construct func() compose.Arrangement) error {
	a := construct()
	set := false
	for _, o := range plugin.Options(a) {
		if slices.Contains(windows, o.Name) {
			if err := o.Set(int64(1)); err != nil {
				return fmt.Errorf("a window may be 1, but: %w", err)
			}
			set = true
		}
	}
	_, adaptive := compose.IsAdaptive(a, last)
	if v, is := a.(plugin.Validator); is && v.Validate() != nil || adaptive || !set {
		return nil // no window, one that other options need to be larger, or one that may go on
	}
	forward, err := run(job(compose.Forward{}), compose.Options{})
	if err != nil {
		return err
	}
	got, err := run(job(a), compose.Options{})
	if err != nil {
		return err
	}
	if err := same(got, forward); err != nil {
		return fmt.Errorf("with a window of one there is one order, the usual one, but it differs from forward: %w", err)
	}
	return nil
}

func cost(construct func() compose.Arrangement) error {
	var steps, hvps atomic.Int64
	j := job(construct())
	j.Maps = func(int) (compose.Maps, error) { return descent{rate, 0, &steps, &hvps}, nil }
	announced, err := compose.Cost(context.Background(), j)
	if err != nil {
		return err
	}
	if _, err := run(j, compose.Options{}); err != nil {
		return err
	}
	done := compose.Work{Steps: steps.Load(), HVPs: hvps.Load(), Extra: announced.Extra}
	_, adaptive := compose.IsAdaptive(j.Arrangement, last)
	if done != announced && !adaptive || done.Units() > announced.Units() {
		return fmt.Errorf("%d gradients and %d Hessian-vector products were announced, %d and %d computed: "+
			"Compose must return the same words every time", announced.Steps, announced.HVPs, done.Steps, done.HVPs)
	}
	return nil
}

func workers(construct func() compose.Arrangement) error {
	alone, err := run(job(construct()), compose.Options{Workers: 1})
	if err != nil {
		return err
	}
	for _, n := range []int{2, 8} {
		several, err := run(job(construct()), compose.Options{Workers: n})
		if err != nil {
			return err
		}
		if err := same(several, alone); err != nil {
			return fmt.Errorf("%d workers: %w", n, err)
		}
	}
	return nil
}

func thinned(construct func() compose.Arrangement) error {
	whole, err := run(job(construct()), compose.Options{})
	if err != nil {
		return err
	}
	j := job(construct())
	j.Iterates = []int{3, 8, 9, 24, last}
	few, err := run(j, compose.Options{})
	if err != nil {
		return err
	}
	for n, s := range few {
		if apart := difference(s, whole[n]); apart > 1e-12 { // a bracket's sums may be added in another order
			return fmt.Errorf("iterate %d depends on which other ones are wanted: it is off by %.1e", n, apart)
		}
	}
	return nil
}

var errStopped = errors.New("stopped")

func resumed(construct func() compose.Arrangement) error {
	whole, err := run(job(construct()), compose.Options{})
	if err != nil {
		return err
	}
	results := 0
	checkpoint, err := compose.Run(context.Background(), []compose.Job{job(construct())}, compose.Options{Visit: keep, Score: score,
		Emit: func(compose.Result, func() compose.Checkpoint) error {
			if results++; results > last/2 {
				return errStopped
			}
			return nil
		}})
	if !errors.Is(err, errStopped) {
		return err
	}
	rest, err := run(job(construct()), compose.Options{Resume: checkpoint})
	if err != nil {
		return err
	}
	for n, s := range rest {
		if !s.Equal(whole[n]) {
			return fmt.Errorf("iterate %d differs in a run that was resumed after iterate %d", n, last/2)
		}
	}
	return nil
}

// cycles compares a run that knows after how many batches they come again, so that iterates may share what they have in common, with one
// that does not.
func cycles(construct func() compose.Arrangement) error {
	for _, period := range []int{1, 3, 7, last + 1} {
		var steps, hvps atomic.Int64
		j := job(construct())
		j.Maps = func(int) (compose.Maps, error) { return descent{rate, period, &steps, &hvps}, nil }
		apart, err := run(j, compose.Options{})
		if err != nil {
			return err
		}
		most := steps.Swap(0)
		hvps.Store(0)
		j.Period = period
		announced, err := compose.Cost(context.Background(), j)
		if err != nil {
			return err
		}
		shared, err := run(j, compose.Options{Workers: 2})
		if err != nil {
			return err
		}
		for n, s := range shared {
			if d := difference(s, apart[n]); d > 1e-12 || s.Count != apart[n].Count { // a bracket's sums may be added in another order
				return fmt.Errorf("iterate %d under a cycle of %d batches is off by %.1e after %d steps, want %d", n, period, d, s.Count, apart[n].Count)
			}
		}
		_, adaptive := compose.IsAdaptive(j.Arrangement, last)
		switch done := (compose.Work{Steps: steps.Load(), HVPs: hvps.Load(), Extra: announced.Extra}); {
		case done != announced && !adaptive || done.Units() > announced.Units():
			return fmt.Errorf("under a cycle of %d batches, %d gradients and %d Hessian-vector products were announced, %d and %d computed",
				period, announced.Steps, announced.HVPs, done.Steps, done.HVPs)
		case done.Steps > most:
			return fmt.Errorf("a cycle of %d batches costs %d gradients instead of %d", period, done.Steps, most)
		}
	}
	return nil
}

// rate is small enough for the steps to stay where the losses are tame.
const rate = 0.05

// job wants all iterates.
func job(a compose.Arrangement) compose.Job {
	layout, err := optim.NewLayout([]optim.Field{{Name: "x", Shape: []int{2}}})
	if err != nil {
		panic(err) // which would be this package's fault: the fields are fixed
	}
	j := compose.Job{Arrangement: a, Initial: &optim.State{Layout: layout, Data: array.From64([]float64{0.7, -0.4})}}
	for n := 1; n <= last; n++ {
		j.Iterates = append(j.Iterates, n)
	}
	j.Maps = func(int) (compose.Maps, error) { return descent{rate, 0, new(atomic.Int64), new(atomic.Int64)}, nil }
	return j
}

// run returns the iterates that a job wants.
func run(j compose.Job, o compose.Options) (map[int]*optim.State, error) {
	states := map[int]*optim.State{}
	o.Visit, o.Score = keep, score
	o.Emit = func(r compose.Result, _ func() compose.Checkpoint) error {
		if r.Diverged {
			return fmt.Errorf("iterate %d diverges", r.Iterate)
		}
		states[r.Iterate] = r.Value.(*optim.State)
		return nil
	}
	_, err := compose.Run(context.Background(), []compose.Job{j}, o)
	return states, err
}

func keep(_ context.Context, _ int, v compose.Visited) (any, error) { return v.State.Clone(), nil }

// score is some function of a state.
func score(value any) float64 { return value.(*optim.State).Data.At(0) }

func same(got, want map[int]*optim.State) error {
	for n := 1; n <= last; n++ {
		if !got[n].Equal(want[n]) {
			return fmt.Errorf("iterate %d is %v after %d steps, want %v after %d", n, got[n].Data.F64, got[n].Count, want[n].Data.F64, want[n].Count)
		}
	}
	return nil
}

func difference(a, b *optim.State) float64 {
	largest := 0.0
	for i, v := range a.Data.F64 {
		largest = max(largest, max(v-b.Data.F64[i], b.Data.F64[i]-v))
	}
	return largest
}
