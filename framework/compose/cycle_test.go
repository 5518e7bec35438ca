package compose_test

import (
	"context"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/plugins/adamw"
)

// Law 10 with a real optimizer and all of its state: 2000 backward iterates under a cycle of 50 batches take 98,775 steps, and have the bits of
// the chains that the definition names.
func TestBackwardIteratesUnderACycleHaveTheBitsOfTheirWords(t *testing.T) {
	const last, period, sampled = 2000, 50, 20
	digits, err := (&dataset.Digits{}).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Import(softmaxRegression(), model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Precision: array.Float64,
		Optimizer: &adamw.AdamW{LR: 0.001, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-8, WeightDecay: 0.01}}, 8)
	if err != nil {
		t.Fatal(err)
	}
	sampler, err := dataset.NewSampler(digits.Train.Len(), 8, dataset.Cycle, period, 1)
	if err != nil {
		t.Fatal(err)
	}
	values, err := m.Initialize("lecun", 1)
	if err != nil {
		t.Fatal(err)
	}
	maps := func(int) (compose.Maps, error) {
		machine, err := plan.Engine{}.Open(p)
		return &digitSteps{machine: machine, train: digits.Train, sampler: sampler}, err
	}
	job := compose.Job{Arrangement: compose.Backward{}, Initial: p.NewState(values), Maps: maps, Period: period}
	for n := 1; n <= last; n++ {
		job.Iterates = append(job.Iterates, n)
	}
	var steps int64
	found := map[int]*optim.State{}
	_, err = compose.Run(context.Background(), []compose.Job{job}, compose.Options{
		Visit: func(_ context.Context, _ int, v compose.Visited) (any, error) {
			if v.Iterate%(last/sampled) == v.Iterate/(last/sampled) { // other residues in other periods
				return v.State.Clone(), nil
			}
			return nil, nil
		},
		Emit: func(r compose.Result, _ func() compose.Checkpoint) error {
			if steps += r.Work.Steps; r.Value != nil {
				found[r.Iterate] = r.Value.(*optim.State)
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if steps != 98_775 {
		t.Errorf("%d gradient steps, want 98,775", steps)
	}
	if len(found) < sampled-1 {
		t.Errorf("%d iterates are compared, want about %d", len(found), sampled)
	}
	naive, err := maps(0)
	if err != nil {
		t.Fatal(err)
	}
	for n, got := range found {
		want := job.Initial.Clone()
		if err := naive.Apply(context.Background(), want, compose.Backward{}.Compose(n).Words[0]); err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) {
			t.Errorf("iterate %d differs from its word", n)
		}
	}
}
