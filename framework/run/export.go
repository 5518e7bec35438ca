package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
)

// Wanted names one state of a run.
type Wanted struct {
	Arrangement string // or an average
	Seed        uint64
	Iterate     int
}

// State computes one state of a run again, from its first values: steps are the same maps whenever they are applied, so it has
// the bits that the run had. Progress receives gradient steps as Options.Progress does.
func (r *Run) State(ctx context.Context, w Wanted, workers int, progress func(steps int)) (*optim.State, error) {
	job, average, err := r.find(w)
	if err != nil {
		return nil, err
	}
	j := r.jobs[job]
	j.Group, j.Iterates = 0, []int{w.Iterate}
	if average >= 0 && w.Iterate <= j.Averages[average].From {
		return nil, fmt.Errorf("run: the average %q begins after iterate %d", w.Arrangement, j.Averages[average].From)
	}
	machines := make([]engine.Machine, workers)
	defer func() {
		for _, m := range machines {
			if m != nil {
				m.Close()
			}
		}
	}()
	j.Maps = func(worker int) (compose.Maps, error) {
		m, err := r.machine()
		machines[worker] = m
		return maps{m, r.batches(job)}, err
	}
	var state *optim.State
	_, err = compose.Run(ctx, []compose.Job{j}, compose.Options{
		Workers: workers, Progress: progress,
		Visit: func(context.Context, int, int, *optim.State) (any, error) { return nil, nil },
		Emit: func(result compose.Result, _ func() compose.Checkpoint) error {
			found := result.Evaluated
			if average >= 0 {
				found = result.Averages[average]
			}
			if found.Diverged() {
				return fmt.Errorf("run: iterate %d of %s, seed %d, diverged: it has no weights to export", w.Iterate, w.Arrangement, w.Seed)
			}
			state = found.State.Clone()
			return nil
		},
	})
	return state, err
}

// StepsTo returns how many gradient steps State takes.
func (r *Run) StepsTo(w Wanted) (int64, error) {
	job, _, err := r.find(w)
	if err != nil {
		return 0, err
	}
	return compose.Cost(r.jobs[job].Arrangement, []int{w.Iterate})
}

// find returns the job that makes a state, and the number of the average among the job's, or −1.
func (r *Run) find(w Wanted) (job, average int, err error) {
	if w.Iterate < 1 || w.Iterate > r.Recipe.Steps {
		return 0, 0, fmt.Errorf("run: there is no iterate %d: they are 1 to %d", w.Iterate, r.Recipe.Steps)
	}
	seed := slices.Index(r.Recipe.Seeds, w.Seed)
	if seed < 0 {
		return 0, 0, fmt.Errorf("run: there is no seed %d: there are %v", w.Seed, r.Recipe.Seeds)
	}
	var names []string
	for i, a := range r.Recipe.Arrangements {
		job := seed*len(r.Recipe.Arrangements) + i
		if a.Name == w.Arrangement {
			return job, -1, nil
		}
		averages := r.averages(a.Name)
		at := slices.IndexFunc(averages, func(average recipe.Average) bool { return average.Name == w.Arrangement })
		if at >= 0 {
			return job, at, nil
		}
		names = append(names, a.Name)
	}
	for _, a := range r.Recipe.Averages {
		names = append(names, a.Name)
	}
	return 0, 0, fmt.Errorf("run: there is no arrangement %q: there are %s", w.Arrangement, strings.Join(names, ", "))
}

// Export writes the recipe's model with the weights and buffers of a state to a file.
func (r *Run) Export(s *optim.State, target string) error {
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
	return m.Export(path, target, parameters, buffers)
}

// errChanged says that a run cannot be computed again.
var errChanged = errors.New("it was changed since the run: weights cannot be computed again")

// Check returns an error unless the folder's run is the one that was prepared.
func (r *Run) Check(f *Folder) error {
	info, err := r.info(Options{Workers: 1})
	switch {
	case err != nil:
		return err
	case info.Model.SHA256 != f.Info.Model.SHA256:
		return fmt.Errorf("run: the model %s: %w", r.Recipe.Model.ONNX, errChanged)
	case !sameRecipe(info.Recipe, f.Info.Recipe):
		return fmt.Errorf("run: the recipe of %s: %w", f.Path, errChanged)
	}
	return nil
}
