package run

import (
	"context"
	"sort"
	"time"
)

// Estimate is what a run is expected to take.
type Estimate struct {
	StepSeconds       float64 `json:"step_seconds"`       // of one gradient step
	EvaluationSeconds float64 `json:"evaluation_seconds"` // of one evaluated state
	TotalSeconds      float64 `json:"total_seconds"`
}

// Estimate measures steps and evaluations for about the given time, and extrapolates to the whole run on that many workers.
func (r *Run) Estimate(ctx context.Context, measure time.Duration, workers int) (Estimate, error) {
	m, err := r.machine()
	if err != nil {
		return Estimate{}, err
	}
	defer m.Close()
	s := r.jobs[0].Initial.Clone()
	batches := r.batches(0)
	k := 0
	step := func() error {
		k = k%r.Recipe.Steps + 1
		return m.Apply(ctx, s, batches, []int{k})
	}
	evaluation := func() error {
		_, err := r.evaluator.measure(ctx, m, s)
		return err
	}
	var e Estimate
	if e.StepSeconds, err = timeEach(step, measure/2); err != nil {
		return e, err
	}
	if e.EvaluationSeconds, err = timeEach(evaluation, measure/2); err != nil {
		return e, err
	}
	for _, c := range r.Costs {
		evaluations := c.Iterates
		for _, a := range r.averages(c.Arrangement) {
			evaluations += len(r.iterates) - sort.SearchInts(r.iterates, a.From+1) // before, it is the iterate itself
		}
		evaluations *= len(r.Recipe.Seeds)
		e.TotalSeconds += float64(c.Steps)*e.StepSeconds + float64(evaluations)*e.EvaluationSeconds
	}
	e.TotalSeconds /= float64(workers)
	return e, nil
}

// timeEach returns the mean seconds of f over repeated calls, after one that does not count.
func timeEach(f func() error, total time.Duration) (float64, error) {
	if err := f(); err != nil {
		return 0, err
	}
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
