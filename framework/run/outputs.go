package run

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Evaluated is a batch of test examples with what a state makes of them.
type Evaluated struct {
	Size     int // of the batch
	Examples int // the first ones of the batch: others fill it up
	Inputs   array.Array
	Outputs  array.Array // batch first

	targets array.Array
	classes int
}

// Correct returns how many of the examples have the largest of these outputs at their class, and false if there are no classes.
func (e Evaluated) Correct(outputs array.Array) (correct int, classes bool) {
	if e.classes == 0 {
		return 0, false
	}
	width := outputs.Len() / e.Size
	for i := range e.Examples {
		if largest(outputs.Slice(i*width, (i+1)*width)) == int(e.targets.At(i)) {
			correct++
		}
	}
	return correct, true
}

// EachEvaluated evaluates a state on the first of the test examples that the run measures, and hands the batches over. What it hands
// over is used again for the next batch.
func (r *Run) EachEvaluated(ctx context.Context, s *optim.State, examples int, f func(Evaluated) error) error {
	m := r.newMachines(1)
	defer m.close()
	machine, err := m.of(0)
	if err != nil {
		return err
	}
	split, size := r.Data.Test, r.evaluator.batch
	chosen := r.evaluator.test
	chosen = chosen[:min(examples, len(chosen))]
	var buffer dataset.Batch
	for part := range slices.Chunk(chosen, size) {
		b := gather(split, padded(part, size), r.evaluator.precision, &buffer, nil)
		result, err := machine.Evaluate(ctx, s, b)
		if err != nil {
			return fmt.Errorf("evaluating: %w", err)
		}
		e := Evaluated{size, len(part), b.Inputs[0], result.Output, b.Targets, split.Classes}
		if err := f(e); err != nil {
			return err
		}
	}
	return nil
}

// EvaluatedExamples returns how many test examples the run measures.
func (r *Run) EvaluatedExamples() int { return len(r.evaluator.test) }

// padded fills up a batch by repeating its last example.
func padded(part []int, size int) []int {
	full := append(make([]int, 0, size), part...)
	for len(full) < size {
		full = append(full, part[len(part)-1])
	}
	return full
}
