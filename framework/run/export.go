package run

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
)

// Wanted names one state of a run.
type Wanted struct {
	Arrangement string // or an average
	Seed        uint64
	Iterate     int
}

// String says it in words.
func (w Wanted) String() string {
	return fmt.Sprintf("%s, seed %d, iterate %d", w.Arrangement, w.Seed, w.Iterate)
}

// LastIterate returns the last one that is evaluated.
func (r *Run) LastIterate() int { return r.iterates[len(r.iterates)-1] }

// State computes one state of a run again, from its first values: steps are the same maps whenever they are applied, so it has
// the bits that the run had. Progress receives gradient steps as Options.Progress does.
func (r *Run) State(ctx context.Context, w Wanted, workers int, progress func(steps int)) (*optim.State, error) {
	j, job, average, err := r.only(w)
	if err != nil {
		return nil, err
	}
	workers = workersOr(workers)
	m := r.newMachines(workers)
	defer m.close()
	j.Maps = m.mapsOf(job)
	var state *optim.State
	_, adaptive := compose.IsAdaptive(j.Arrangement, w.Iterate)
	_, err = compose.Run(ctx, []compose.Job{j}, compose.Options{
		Workers: workers, Progress: progress, Score: trialScore,
		Visit: func(ctx context.Context, worker int, v compose.Visited) (any, error) {
			if v.Iterate == w.Iterate && v.Average == average {
				state = v.State.Clone()
			}
			if !adaptive {
				return nil, nil
			}
			machine, err := m.of(worker)
			if err != nil {
				return nil, err
			}
			return r.evaluator.measure(ctx, machine, v.State)
		},
		Emit: func(result compose.Result, _ func() compose.Checkpoint) error {
			if result.Iterate == w.Iterate && state == nil {
				return fmt.Errorf("run: %v, diverged: it has no weights to export", w)
			}
			return nil
		},
	})
	return state, err
}

// StepsTo returns how much work State is, in gradients and Hessian-vector products: at most, if the arrangement is adaptive.
func (r *Run) StepsTo(ctx context.Context, w Wanted) (int64, error) {
	j, _, _, err := r.only(w)
	if err != nil {
		return 0, err
	}
	work, err := compose.Cost(ctx, j)
	return work.Units(), err
}

// only returns the job that makes a state, and no more than it needs: for an average, where its arrangement is no chain, the recorded
// iterates before.
func (r *Run) only(w Wanted) (j compose.Job, job, average int, err error) {
	if job, average, err = r.find(w); err != nil {
		return j, job, average, err
	}
	j = r.jobs[job]
	iterates := []int{w.Iterate}
	if average >= 0 {
		if from := j.Averages[average].From; w.Iterate <= from {
			return j, job, average, fmt.Errorf("run: the average %q begins after iterate %d", w.Arrangement, from)
		}
		iterates = append(slices.Clone(r.iterates), w.Iterate)
		iterates = slices.DeleteFunc(iterates, func(n int) bool { return n > w.Iterate })
		slices.Sort(iterates)
		iterates = slices.Compact(iterates)
	}
	j.Iterates, j.Successive = iterates, false
	return j, job, average, nil
}

// find returns the job that makes a state, and the number of the average among the job's, or −1.
func (r *Run) find(w Wanted) (job, average int, err error) {
	if w.Iterate < 1 || w.Iterate > r.Recipe.Steps {
		return 0, 0, fmt.Errorf("run: there is no iterate %d: they are 1 to %d", w.Iterate, r.Recipe.Steps)
	}
	return r.findChain(w.Arrangement, w.Seed)
}

// findChain returns the job that makes the iterates of an arrangement or average, whose number it returns, or −1.
func (r *Run) findChain(name string, of uint64) (job, average int, err error) {
	seed := slices.Index(r.Recipe.Seeds, of)
	if seed < 0 {
		return 0, 0, fmt.Errorf("run: there is no seed %d: there are %v", of, r.Recipe.Seeds)
	}
	var names []string
	for i, a := range r.Recipe.Arrangements {
		job := seed*len(r.Recipe.Arrangements) + i
		if a.Name == name {
			return job, -1, nil
		}
		averages := r.averages(a.Name)
		at := slices.IndexFunc(averages, func(average recipe.Average) bool { return average.Name == name })
		if at >= 0 {
			return job, at, nil
		}
		names = append(names, a.Name)
	}
	for _, a := range r.Recipe.Averages {
		names = append(names, a.Name)
	}
	return 0, 0, fmt.Errorf("run: there is no arrangement %q: there are %s", name, strings.Join(names, ", "))
}

// Reproduces compares a state that was computed again with what the run measured at its iterate, and returns in words what differs.
func (r *Run) Reproduces(ctx context.Context, recorded Line, s *optim.State) (differs []string, err error) {
	m := r.newMachines(1)
	defer m.close()
	machine, err := m.of(0)
	if err != nil {
		return nil, err
	}
	metrics, err := r.evaluator.measure(ctx, machine, s)
	if err != nil {
		return nil, err
	}
	for _, now := range metrics {
		if slices.Contains(diagnostics, now.Name) {
			continue // they compare iterates
		}
		if then := recorded.Metric(now.Name); then != now.Value && !(math.IsNaN(then) && math.IsNaN(now.Value)) {
			differs = append(differs, fmt.Sprintf("%s was %v and is %v", now.Name, then, now.Value))
		}
	}
	return differs, nil
}

// SameData reports whether the data that were loaded are those of a recorded run.
func (r *Run) SameData(then Info) bool { return r.dataInfo().SHA256 == then.Data.SHA256 }

// Export writes the recipe's model with the weights and buffers of a state to a file, for inference: the operators that were
// exported for training are in evaluation mode, and their names are returned, one for each node. Those of a file for training stay as
// they are.
func (r *Run) Export(s *optim.State, target string, training bool) (changed []string, err error) {
	m := r.Program.Model
	var parameters, buffers []array.Array
	for _, f := range s.Layout.Fields() {
		switch f.Kind {
		case optim.Parameter:
			parameters = append(parameters, s.Field(f))
		case optim.Buffer:
			buffers = append(buffers, s.Field(f))
		}
	}
	path := r.Recipe.Model.ONNX
	if strings.HasPrefix(path, recipe.ZooPrefix) {
		path = ""
	}
	if training {
		return nil, m.Export(path, target, parameters, buffers)
	}
	return m.ExportInference(path, target, parameters, buffers)
}

// Check returns an error unless the folder's run is the one that was prepared, to the last bit: only then can weights be computed
// again.
func (r *Run) Check(f *Folder) error {
	changes, err := r.Changes(f.Info)
	if err == nil && len(changes) > 0 {
		err = fmt.Errorf("run: the weights of %s cannot be computed again: %s", f.Path, inWords(changes))
	}
	return err
}
