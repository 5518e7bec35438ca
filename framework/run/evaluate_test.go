package run

import (
	"context"
	"math"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// echo gives examples back as they are, with a loss of ten times their first number; what is large overflows.
type echo struct{ engine.Machine }

func (echo) Evaluate(_ context.Context, _ *optim.State, b engine.Batch) (engine.Evaluation, error) {
	output, losses := b.Inputs[0].Clone(), array.New(array.Float64, b.Size)
	for i := range b.Size {
		losses.Set(i, 10*output.At(2*i))
		if output.At(2*i+1) > 50 {
			output.Set(2*i+1, math.Inf(1))
		}
	}
	return engine.Evaluation{Output: output, Losses: losses}, nil
}

func TestMetricsAreMeansOverEveryExampleOnce(t *testing.T) {
	for _, c := range []struct {
		name           string
		examples       []int
		loss, accuracy float64
	}{
		{"whole batches", []int{0, 1, 2, 3}, 10 * 10.0 / 4, 2.0 / 4},
		{"a last batch of one", []int{0, 1, 2, 3, 4}, 10 * 15.0 / 5, 2.0 / 5},
		{"in another order", []int{4, 0, 3}, 10 * 10.0 / 3, 1.0 / 3},
		{"an output that is not finite, first", []int{5, 0, 1, 2}, 10 * 12.0 / 4, math.NaN()},
		{"and last", []int{0, 1, 2, 5}, 10 * 12.0 / 4, math.NaN()},
	} {
		split := &dataset.Split{Shape: []int{2}, Classes: 2, Targets: array.From64([]float64{1, 0, 0, 0, 1, 1}),
			Inputs: array.From64([]float64{1, 2, 2, 3, 3, 1, 4, 5, 5, 4, 6, 99})}
		e := &evaluator{precision: array.Float64, data: &dataset.Dataset{Test: split}, test: c.examples, metrics: []string{"test_accuracy", "test_loss"}, batch: 2}
		got, err := e.measure(context.Background(), echo{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		same := func(a, b float64) bool { return math.Abs(a-b) < 1e-12 || math.IsNaN(a) && math.IsNaN(b) }
		if got[0].Name != "test_accuracy" || !same(got[0].Value, c.accuracy) || got[1].Name != "test_loss" || !same(got[1].Value, c.loss) {
			t.Errorf("%s: %v, want the accuracy %v and the loss %v", c.name, got, c.accuracy, c.loss)
		}
	}
}
