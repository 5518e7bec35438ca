package run

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
)

// Metrics are the names of what can be measured at an iterate:
//
//	train_loss     mean loss over a fixed sample of training examples
//	test_loss      mean loss over the test examples, or a fixed sample of them
//	test_accuracy  share of those test examples whose largest output is at the target; none where an output is not finite
//
// and what tells how iterates move, which [diagnostics] lists.
var Metrics = append([]string{"train_loss", "test_loss", "test_accuracy"}, diagnostics...)

// evaluationBatch is how many examples are evaluated at once, if the model does not fix it.
const evaluationBatch = 250

// evaluator measures states on fixed examples. It may be shared by workers.
type evaluator struct {
	precision   array.DType
	data        *dataset.Dataset
	train, test []int // the examples
	metrics     []string
	batch       int // examples at once
}

// sampleSeed fixes the examples that are evaluated: the same for all seeds and arrangements of all runs, so that their losses
// can be compared.
const sampleSeed = 0

// newEvaluator chooses the examples. They are evaluated many at once, or, if the model was exported for one batch size only, in
// batches of the size that it is trained with.
func newEvaluator(p *program.Program, d *dataset.Dataset, o recipe.Evaluate, trainingBatch int) *evaluator {
	e := &evaluator{precision: p.Precision, data: d, metrics: o.Metrics}
	e.train = d.Train.Sample(o.TrainSamples, sampleSeed)
	e.test = d.Test.Sample(cmp.Or(o.TestSamples, d.Test.Len()), sampleSeed)
	e.batch = min(evaluationBatch, max(len(e.train), len(e.test)))
	if _, err := p.Evaluation(e.batch); err != nil {
		e.batch = trainingBatch
	}
	return e
}

// measure returns the metrics of a state. Numbers that overflowed are NaN.
func (e *evaluator) measure(ctx context.Context, m engine.Machine, s *optim.State) ([]Metric, error) {
	measured := map[string]float64{}
	if e.wants("train_loss") {
		loss, _, err := e.over(ctx, m, s, e.data.Train, e.train)
		if err != nil {
			return nil, err
		}
		measured["train_loss"] = loss
	}
	if e.wants("test_loss") || e.wants("test_accuracy") {
		loss, accuracy, err := e.over(ctx, m, s, e.data.Test, e.test)
		if err != nil {
			return nil, err
		}
		measured["test_loss"], measured["test_accuracy"] = loss, accuracy
	}
	list := make([]Metric, len(e.metrics))
	for i, name := range e.metrics {
		value, is := measured[name]
		if !is || math.IsInf(value, 0) {
			value = math.NaN()
		}
		list[i] = Metric{name, value}
	}
	return list, nil
}

func (e *evaluator) wants(metric string) bool {
	return slices.Contains(e.metrics, metric)
}

// over returns the mean loss and the accuracy over some examples of a split. The last batch is filled up by repeating its last
// example, which does not count: every batch has the size of the one graph.
func (e *evaluator) over(ctx context.Context, m engine.Machine, s *optim.State, split *dataset.Split, examples []int) (loss, accuracy float64, err error) {
	size := e.batch
	var buffer dataset.Batch
	correct, finite := 0, true
	for start := 0; start < len(examples); start += size {
		part := examples[start:min(start+size, len(examples))]
		b := gather(split, padded(part, size), e.precision, &buffer, nil)
		result, err := m.Evaluate(ctx, s, b)
		if err != nil {
			return 0, 0, fmt.Errorf("evaluating: %w", err)
		}
		width := result.Output.Len() / size
		for i := range part {
			loss += result.Losses.At(i)
			output := result.Output.Slice(i*width, (i+1)*width)
			finite = finite && output.Finite()
			if split.Classes > 0 && largest(output) == int(b.Targets.At(i)) {
				correct++
			}
		}
	}
	n := float64(len(examples))
	accuracy = float64(correct) / n
	if !finite { // NaN is never the largest: what is found then means nothing
		accuracy = math.NaN()
	}
	return loss / n, accuracy, nil
}

// largest returns the index of the first maximum.
func largest(x array.Array) int {
	best := 0
	for i := range x.Len() {
		if x.At(i) > x.At(best) {
			best = i
		}
	}
	return best
}
