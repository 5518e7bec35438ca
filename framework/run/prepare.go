package run

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/weights"
	"gorgonia.org/tensor"
)

// Run is a recipe whose parts were found and fit together: nothing was trained yet.
type Run struct {
	Recipe  *recipe.Recipe
	Program *program.Program
	Data    *dataset.Dataset
	Costs   []Cost // of the arrangements, in their order

	modelHash string
	dataHash  string         // "" until it is asked for
	inferred  map[string]int // sizes of the model's open dimensions that are the data's
	evaluator *evaluator
	samplers  []*dataset.Sampler // one for each seed
	jobs      []compose.Job      // seed by seed, in the recipe's order of arrangements
	iterates  []int
}

// OpenModel returns the ONNX model that a recipe names.
type OpenModel func(reference string) (*onnx.Model, error)

// Prepare imports the model, loads the data, and checks that they, the loss and the arrangements fit together.
func Prepare(ctx context.Context, rc *recipe.Recipe, open OpenModel) (*Run, error) {
	r, source, err := prepareModel(ctx, rc, open)
	if err != nil {
		return nil, err
	}
	if err := r.LoadData(ctx); err != nil {
		return nil, err
	}
	if err = r.prepareJobs(ctx); err != nil {
		return nil, err
	}
	if err = r.prepareCosts(ctx); err != nil {
		return nil, err
	}
	return r, r.sum(source)
}

// PrepareModel imports the model and does without the data, unless the model leaves dimensions open that only they say: what kept
// weights are exported with.
func PrepareModel(ctx context.Context, rc *recipe.Recipe, open OpenModel) (*Run, error) {
	r, source, err := prepareModel(ctx, rc, open)
	if err != nil {
		return nil, err
	}
	return r, r.sum(source)
}

// LoadData loads the data of a run whose model is prepared, if they are not there yet, so that it can be evaluated.
func (r *Run) LoadData(ctx context.Context) (err error) {
	rc := r.Recipe
	if r.Data == nil {
		if r.Data, err = dataset.Load(ctx, rc.Data.Source, rc.Data.Preparation); err != nil {
			return err
		}
	}
	if err := r.checkData(); err != nil {
		return err
	}
	if r.evaluator == nil {
		r.evaluator = newEvaluator(r.Program, r.Data, rc.Evaluate, rc.Data.Batch)
	}
	return nil
}

// prepareModel reads no more of the weights than importing takes: summing them up can wait until all else is fine.
func prepareModel(ctx context.Context, rc *recipe.Recipe, open OpenModel) (*Run, *onnx.Model, error) {
	r := &Run{Recipe: rc, iterates: rc.Evaluate.Iterates(rc.Steps)}
	source, err := open(rc.Model.ONNX)
	if err != nil {
		return nil, nil, err
	}
	if err := r.prepareProgram(ctx, source); err != nil {
		return nil, nil, err
	}
	if !r.keeps() {
		return r, source, nil
	}
	if err := weights.Check(r.Program.Layout); err != nil {
		return nil, nil, fmt.Errorf("%s: %w (weights.keep = %q does without)", rc.Model.ONNX, err, recipe.KeepNone)
	}
	return r, source, nil
}

// sum keeps the sum of the model, by which it is known again.
func (r *Run) sum(source *onnx.Model) error {
	sum, err := source.Sum256()
	if err != nil {
		return fmt.Errorf("%s: %w", r.Recipe.Model.ONNX, err)
	}
	r.modelHash = hex.EncodeToString(sum[:])
	return nil
}

func (r *Run) prepareProgram(ctx context.Context, source *onnx.Model) error {
	rc := r.Recipe
	m, err := r.importModel(ctx, source)
	if err != nil {
		return err
	}
	r.Program, err = program.New(program.Spec{
		Model: m, Loss: rc.Loss.Loss, Optimizer: rc.Optimizer.Optimizer, Policy: rc.Policy(), Precision: rc.Engine.DType,
	}, rc.Data.Batch)
	if err != nil {
		return fmt.Errorf("%s: %w", rc.Model.ONNX, err)
	}
	return nil
}

// checkClasses tells a loss on class indices by its targets, which have fewer axes than the output.
func (r *Run) checkClasses(evaluation *program.Graph) error {
	var output, targets tensor.Shape
	for _, out := range evaluation.Outputs {
		if out.Destination == program.ToOutput {
			output = out.Node.Shape()
		}
	}
	for _, in := range evaluation.Inputs {
		if in.Source == program.FromTargets {
			targets = in.Node.Shape()
		}
	}
	loss, data, classes := r.Recipe.Loss.Name, r.Data.Name, r.Data.Train.Classes
	switch classifies := len(targets) < len(output); {
	case classifies && classes == 0:
		return fmt.Errorf("run: the loss %s needs classes, but the data set %s is a regression: use a loss such as mse", loss, data)
	case classifies && output[1] != classes:
		return fmt.Errorf("run: the model has %d outputs, the data set %s has %d classes", output[1], data, classes)
	case !classifies && classes > 0:
		return fmt.Errorf("run: the loss %s needs numbers as targets, but the data set %s has classes: use a loss such as cross_entropy", loss, data)
	}
	return nil
}

// prepareJobs makes a job of every arrangement with every seed.
func (r *Run) prepareJobs(ctx context.Context) error {
	rc := r.Recipe
	for _, seed := range rc.Seeds {
		if err := ctx.Err(); err != nil {
			return err
		}
		sampler, err := dataset.NewSampler(r.Data.Train.Len(), rc.Data.Batch, rc.Data.Sampling, rc.Data.Cycle, seed)
		if err != nil {
			return err
		}
		r.samplers = append(r.samplers, sampler)
		values, err := r.Program.Model.Initialize(rc.Model.Init, seed)
		if err != nil {
			return err
		}
		initial := r.Program.NewState(values)
		for _, a := range rc.Arrangements {
			job := compose.Job{
				Name:        fmt.Sprintf("%s, seed %d", a.Name, seed),
				Arrangement: a.Arrangement, Initial: initial, Iterates: r.iterates,
				Successive: r.evaluator.wants(displacement),
			}
			if rc.Data.Sampling == dataset.Cycle && !r.Program.DependsOnIndex() {
				job.Period = rc.Data.Cycle
			}
			job.Beyond = r.beyond(job.Period)
			if a.Arrangement.Compose(rc.Steps).Merge > 0 {
				if job.CountMatters, err = r.Program.CountMatters(rc.Data.Batch); err != nil {
					return err
				}
			}
			for _, average := range r.averages(a.Name) {
				job.Averages = append(job.Averages, average.Compose())
			}
			r.jobs = append(r.jobs, job)
		}
	}
	return nil
}

// averages returns the recipe's averages of an arrangement's iterates, in their order.
func (r *Run) averages(arrangement string) []recipe.Average {
	return slices.DeleteFunc(slices.Clone(r.Recipe.Averages), func(a recipe.Average) bool { return a.Of != arrangement })
}

// arrangement returns what a job runs, and its seed.
func (r *Run) arrangement(job int) (recipe.Arrangement, uint64) {
	n := len(r.Recipe.Arrangements)
	return r.Recipe.Arrangements[job%n], r.Recipe.Seeds[job/n]
}

// Cost is what one arrangement takes: at most, if it is adaptive or merges.
type Cost struct {
	Arrangement      string `json:"arrangement"`
	Kind             string `json:"kind"`
	Iterates         int    `json:"iterates"`       // evaluated for each seed
	PerSeed          int64  `json:"per_seed"`       // gradient steps
	Steps            int64  `json:"gradient_steps"` // over all seeds
	HVPs             int64  `json:"hessian_vector_products,omitempty"`
	ExtraEvaluations int64  `json:"extra_evaluations,omitempty"` // of iterates that are not recorded
	UpperBound       bool   `json:"upper_bound,omitempty"`
}

// prepareCosts counts the work of every arrangement.
func (r *Run) prepareCosts(ctx context.Context) error {
	seeds := int64(len(r.Recipe.Seeds))
	for i, a := range r.Recipe.Arrangements {
		if err := r.checkSecondOrder(a.Arrangement); err != nil {
			return fmt.Errorf("run: arrangement %q: %w", a.Name, err)
		}
		work, err := compose.Cost(ctx, r.jobs[i])
		if err != nil {
			return fmt.Errorf("run: arrangement %q: %w", a.Name, err)
		}
		r.Costs = append(r.Costs, Cost{
			Arrangement: a.Name, Kind: a.Kind, Iterates: len(r.iterates), PerSeed: work.Steps,
			Steps: work.Steps * seeds, HVPs: work.HVPs * seeds, ExtraEvaluations: work.Extra * seeds, UpperBound: compose.Bounded(r.jobs[i]),
		})
	}
	return nil
}

// checkSecondOrder refuses second-order terms that the optimizer cannot have. Whether it can does not depend on the iterate.
func (r *Run) checkSecondOrder(a compose.Arrangement) error {
	switch c := a.Compose(r.Recipe.Steps); {
	case c.Group != nil:
		if err := r.Program.TakesGradient(); err != nil {
			return err
		}
		if c.Group.Strength != 0 && c.Group.Rate == 0 {
			_, err := r.Program.Rate(r.jobs[0].Initial, 1)
			return withRate(err)
		}
	case c.Bracket != nil:
		if r.Program.Policy.Schedule != nil {
			return errors.New("a Lie bracket is that of steps with one learning rate, but the recipe has a schedule")
		}
		if c.Bracket.Rate == 0 {
			_, err := r.Program.Rate(r.jobs[0].Initial, 1)
			return withRate(err)
		}
	}
	return nil
}

// withRate says what to do where the optimizer has not a single learning rate.
func withRate(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: give the arrangement a rate of its own", err)
}

// StateBytes returns the size of one state.
func (r *Run) StateBytes() int64 {
	return int64(r.Program.Layout.Size()) * int64(r.Program.Precision.Size())
}

// machine returns a machine of the run's engine.
func (r *Run) machine() (engine.Machine, error) { return r.Recipe.Engine.Engine.Open(r.Program) }

// batches returns the training batches of a job's seed.
func (r *Run) batches(job int) *batches {
	seed := job / len(r.Recipe.Arrangements)
	return &batches{split: r.Data.Train, sampler: r.samplers[seed], seed: r.Recipe.Seeds[seed], precision: r.Program.Precision}
}
