package run

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
)

// Options say where and how a run is executed. The zero value is one for every run.
type Options struct {
	Folder   string          // "" for a new one, runs/NAME-TIMESTAMP
	Resume   bool            // go on with what Folder holds
	Workers  int             // that take steps and evaluate; 0 for as many as Go runs at once
	Memory   int64           // bytes of live states at which work waits; 0 for no bound
	Progress func(units int) // gradients and Hessian-vector products since the last call; from any worker

	// CheckpointEvery is how much work a killed process may lose; 0 for ten seconds, or more where saving takes a twentieth of that.
	CheckpointEvery time.Duration

	Notice func(text string) // receives what a user should know of a run that is resumed
}

func (o Options) notice(format string, arguments ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, arguments...))
	}
}

// Execute trains, records every wanted iterate, and leaves a run folder. Cancelling the context ends it within one step; what was
// recorded by then stays, and Options.Resume continues from it. The error is the context's then, and the folder is still
// returned.
func (r *Run) Execute(ctx context.Context, o Options) (*Folder, error) {
	o, err := o.withDefaults(r.Recipe.Name)
	if err != nil {
		return nil, err
	}
	info, from, lines, release, err := r.open(o)
	if err != nil {
		return nil, err
	}
	defer release()
	e := &execution{run: r, options: o, machines: r.newMachines(o.Workers), evaluations: map[string]evaluations{}}
	e.schedule(0)
	defer e.machines.close()
	if e.keeper, err = newKeeper(r, o.Folder); err != nil {
		return nil, err
	}
	err = e.compose(ctx, from, lines)
	if errors.Is(err, compose.ErrCheckpoint) {
		o.notice("the run is computed again from its start, and the recorded lines are compared: %v", err)
		err = e.compose(ctx, checkpoint{}, lines)
	}
	if errors.Is(err, errGone) { // the folder is no longer this run's to write in
		return nil, err
	}
	folder, failure := e.finish(info, err)
	return folder, cmp.Or(err, failure)
}

// compose runs the jobs from a checkpoint on, and saves another one where they stop.
func (e *execution) compose(ctx context.Context, from checkpoint, lines []Line) (err error) {
	if e.recorder, err = newRecorder(e.options.Folder, lines, from.lines); err != nil {
		return err
	}
	if e.options.Progress != nil {
		e.options.Progress(unitsOf(lines[:from.lines]))
	}
	for i := range e.run.jobs {
		e.run.jobs[i].Maps = e.machines.mapsOf(i)
	}
	stopped, err := compose.Run(ctx, e.run.jobs, compose.Options{
		Workers: e.options.Workers, Memory: e.options.Memory, Resume: from.Checkpoint,
		Visit: e.visit, Keep: e.run.keeps(), Score: trialScore, Diverges: diverges, Emit: e.emit, Progress: e.options.Progress,
	})
	if stopped.Results > from.Results && !errors.Is(err, errGone) {
		err = cmp.Or(err, e.save(stopped))
	}
	return cmp.Or(err, e.recorder.close())
}

// save saves a checkpoint. The lines that it counts are on the disk before, and so are the weights of what is not computed again.
func (e *execution) save(c compose.Checkpoint) error {
	if err := cmp.Or(e.recorder.present(), e.recorder.sync()); err != nil {
		return err
	}
	if err := e.keeper.flush(); err != nil {
		return err
	}
	return checkpoint{c, e.recorder.lines}.save(e.options.Folder)
}

// execution is the mutable part of a run.
type execution struct {
	run      *Run
	options  Options
	recorder *recorder
	keeper   *keeper
	machines *machines
	due      time.Time // of the next checkpoint

	mu          sync.Mutex
	evaluations map[string]evaluations // by arrangement
}

type evaluations struct {
	states int
	time   time.Duration
}

// visit measures a state on a worker's machine.
func (e *execution) visit(ctx context.Context, worker int, v compose.Visited) (any, error) {
	m, err := e.machines.of(worker)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	metrics, err := e.run.evaluator.measure(ctx, m, v.State)
	if err == nil && v.Average < 0 {
		err = e.run.diagnose(ctx, m, v, metrics)
	}
	a, _ := e.run.arrangement(v.Job)
	e.mu.Lock()
	defer e.mu.Unlock()
	sum := e.evaluations[a.Name]
	e.evaluations[a.Name] = evaluations{sum.states + 1, sum.time + time.Since(start)}
	return metrics, err
}

// trialScore is how adaptive arrangements compare iterates.
func trialScore(value any) float64 {
	metrics, _ := value.([]Metric)
	return Line{Metrics: metrics}.Metric(recipe.TrialMetric)
}

// diverges is [diverged] of what visit returned.
func diverges(value any) bool {
	metrics, _ := value.([]Metric)
	return diverged(metrics)
}

// emit records a result, and now and then saves a checkpoint.
func (e *execution) emit(result compose.Result, snapshot func() compose.Checkpoint) error {
	if err := e.recorder.record(e.run.lines(result)); err != nil {
		return err
	}
	if err := e.keeper.take(result); err != nil {
		return err
	}
	if time.Now().Before(e.due) {
		return nil
	}
	start := time.Now()
	if err := e.save(snapshot()); err != nil {
		return err
	}
	e.schedule(time.Since(start))
	return nil
}

// schedule says when the next checkpoint is due, after one that took some time.
func (e *execution) schedule(took time.Duration) {
	every := e.options.CheckpointEvery
	if every == 0 {
		every = max(10*time.Second, 20*took)
	}
	e.due = time.Now().Add(every)
}

// lines are a result as metrics.jsonl has it: the iterate, then the averages.
func (r *Run) lines(result compose.Result) []Line {
	a, seed := r.arrangement(result.Job)
	lines := []Line{r.line(a.Name, seed, result.Iterate, result.Evaluated)}
	lines[0].GradientSteps, lines[0].HVPs = int(result.Work.Steps), int(result.Work.HVPs)
	lines[0].Seconds, lines[0].Accepted = result.Time.Seconds(), result.Accepted
	if lines[0].Merged = result.Merged; result.Error != nil {
		lines[0].MergeError = *result.Error
	}
	for i, average := range r.averages(a.Name) {
		l := r.line(average.Name, seed, result.Iterate, result.Averages[i])
		l.Metrics = withoutDiagnostics(l.Metrics) // an average that took nothing in yet is the iterate
		lines = append(lines, l)
	}
	return lines
}

func withoutDiagnostics(metrics []Metric) []Metric {
	metrics = slices.Clone(metrics)
	for i, m := range metrics {
		if slices.Contains(diagnostics, m.Name) {
			metrics[i].Value = math.NaN()
		}
	}
	return metrics
}

func (r *Run) line(name string, seed uint64, iterate int, e compose.Evaluated) Line {
	l := Line{Arrangement: name, Seed: seed, Iterate: iterate, Diverged: e.Diverged}
	if l.Metrics, _ = e.Value.([]Metric); l.Metrics == nil {
		for _, metric := range r.Recipe.Evaluate.Metrics {
			l.Metrics = append(l.Metrics, Metric{metric, math.NaN()})
		}
	}
	l.Diverged = l.Diverged || diverged(l.Metrics)
	return l
}

// finish writes down how the run ended, and reads its folder back.
func (e *execution) finish(info Info, failure error) (*Folder, error) {
	info.Status = Finished
	switch {
	case errors.Is(failure, context.Canceled):
		info.Status = Interrupted
	case failure != nil:
		info.Status = Failed
	}
	info.Ended, info.Diverged = time.Now(), nil
	info.ElapsedSeconds += info.Ended.Sub(info.Started).Seconds()
	folder, err := Open(e.options.Folder)
	if err != nil {
		return nil, err
	}
	series := folder.Series()
	for _, s := range series {
		if d, is := s.Divergence(); is {
			info.Diverged = append(info.Diverged, d)
		}
	}
	for i := range info.Arrangements {
		a := &info.Arrangements[i]
		for _, s := range series {
			if s.Arrangement == a.Name {
				a.GradientSteps += s.GradientSteps()
				a.HVPs += s.HVPs()
				a.Seconds += s.Seconds()
				merged, largest := s.Merged()
				a.Merged, a.MergeError = a.Merged+merged, max(a.MergeError, largest)
			}
		}
		a.Evaluations += e.evaluations[a.Name].states
		a.EvaluationSeconds += e.evaluations[a.Name].time.Seconds()
		if spent := a.Seconds + a.EvaluationSeconds; spent > 0 && a.AverageOf == "" {
			a.EvaluationShare = a.EvaluationSeconds / spent
		}
	}
	folder.Info = info
	return folder, writeInfo(e.options.Folder, info)
}
