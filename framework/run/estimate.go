package run

import (
	"context"
	"sort"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/engine"
)

// Estimate is what a run is expected to take.
type Estimate struct {
	StepSeconds       float64 `json:"step_seconds"`          // of one gradient step, while all workers take steps
	HVPSeconds        float64 `json:"hvp_seconds,omitempty"` // of one Hessian-vector product, if the run has any
	EvaluationSeconds float64 `json:"evaluation_seconds"`    // of one evaluated state
	TotalSeconds      float64 `json:"total_seconds"`         // at most, if an arrangement is adaptive
}

// Estimate measures steps and evaluations on that many workers at once, each for about the given time, and extrapolates to the
// whole run.
func (r *Run) Estimate(ctx context.Context, measure time.Duration, workers int) (Estimate, error) {
	workers = workersOr(workers)
	m := r.newMachines(workers)
	defer m.close()
	var total Cost
	for _, c := range r.Costs {
		total.Steps += c.Steps
		total.HVPs += c.HVPs
		total.Iterates += r.evaluated(c)
	}
	var e Estimate
	for _, part := range []struct {
		seconds *float64
		times   int64
		try     func(ctx context.Context, m engine.Machine) func() error
	}{
		{&e.StepSeconds, total.Steps, r.tryStep},
		{&e.HVPSeconds, total.HVPs, r.tryHVP},
		{&e.EvaluationSeconds, int64(total.Iterates), r.tryEvaluation},
	} {
		if part.times == 0 {
			continue
		}
		var err error
		if *part.seconds, err = m.timeEach(ctx, part.try, measure); err != nil {
			return e, err
		}
		e.TotalSeconds += float64(part.times) * *part.seconds / float64(workers)
	}
	for _, j := range r.jobs[:len(r.Recipe.Arrangements)] { // other seeds take as long
		depth, err := compose.Depth(ctx, j)
		if err != nil {
			return e, err
		}
		e.TotalSeconds = max(e.TotalSeconds, float64(depth)*e.StepSeconds)
	}
	return e, nil
}

// evaluated returns how many states of an arrangement are evaluated, its averages included.
func (r *Run) evaluated(c Cost) int {
	states := c.Iterates
	for _, a := range r.averages(c.Arrangement) {
		states += len(r.iterates) - sort.SearchInts(r.iterates, a.From+1) // before, it is the iterate itself
	}
	return states*len(r.Recipe.Seeds) + int(c.ExtraEvaluations)
}

func (r *Run) tryStep(ctx context.Context, m engine.Machine) func() error {
	s, batches, k := r.jobs[0].Initial.Clone(), r.batches(0), 0
	return func() error {
		k = k%r.Recipe.Steps + 1
		return m.Apply(ctx, s, batches, []int{k})
	}
}

func (r *Run) tryHVP(ctx context.Context, m engine.Machine) func() error {
	s, maps := r.jobs[0].Initial, maps{m, r.Program, r.batches(0)}
	v, product := s.Parameters(), array.New(s.Data.DType(), s.Layout.Parameters())
	return func() error { return maps.HVP(ctx, s, 1, v, product) }
}

func (r *Run) tryEvaluation(ctx context.Context, m engine.Machine) func() error {
	v := compose.Visited{Iterate: 1, State: r.jobs[0].Initial, Previous: r.jobs[0].Initial}
	return func() error {
		metrics, err := r.evaluator.measure(ctx, m, v.State)
		if err != nil {
			return err
		}
		return r.diagnose(ctx, m, v, metrics)
	}
}

// timeEach returns the mean seconds of what try makes over repeated calls, on all machines at once, after one that does not count.
func (m *machines) timeEach(ctx context.Context, try func(context.Context, engine.Machine) func() error, total time.Duration) (float64, error) {
	var mu sync.Mutex
	var seconds float64
	var failure error
	var workers, ready sync.WaitGroup
	ready.Add(len(m.list))
	for worker := range m.list {
		workers.Go(func() {
			var f func() error
			err := defect.Guard(func() (err error) { f, err = m.ready(ctx, worker, try); return err })
			ready.Done()
			ready.Wait() // so that all work at the same time
			each := 0.0
			if err == nil {
				err = defect.Guard(func() (err error) { each, err = repeat(f, total); return err })
			}
			mu.Lock()
			defer mu.Unlock()
			seconds += each
			if failure == nil {
				failure = err
			}
		})
	}
	workers.Wait()
	return seconds / float64(len(m.list)), failure
}

// ready makes what a worker repeats, and calls it once.
func (m *machines) ready(ctx context.Context, worker int, try func(context.Context, engine.Machine) func() error) (func() error, error) {
	machine, err := m.of(worker)
	if err != nil {
		return nil, err
	}
	f := try(ctx, machine)
	return f, f()
}

// repeat returns the mean seconds of f.
func repeat(f func() error, total time.Duration) (float64, error) {
	start := time.Now()
	for n := 1; ; n++ {
		if err := f(); err != nil {
			return 0, err
		}
		if elapsed := time.Since(start); elapsed >= total {
			return elapsed.Seconds() / float64(n), nil
		}
	}
}
