package run_test

import (
	"cmp"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// byHand applies the steps of one seed of a run one by one, on a machine of its own.
type byHand struct {
	run     *run.Run
	machine engine.Machine
	sampler *dataset.Sampler
	seed    uint64
	state   *optim.State // the first
}

func newByHand(t *testing.T, r *run.Run, seed uint64) *byHand {
	t.Helper()
	rc := r.Recipe
	m, err := rc.Engine.Engine.Open(r.Program)
	sampler, fails := dataset.NewSampler(r.Data.Train.Len(), rc.Data.Batch, rc.Data.Sampling, rc.Data.Cycle, seed)
	values, unknown := r.Program.Model.Initialize(rc.Model.Init, seed)
	if err := cmp.Or(err, fails, unknown); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return &byHand{r, m, sampler, seed, r.Program.NewState(values)}
}

// apply applies T_k to a state.
func (h *byHand) apply(t *testing.T, s *optim.State, k int) {
	t.Helper()
	batch := h.gather(h.run.Data.Train, h.sampler.Indices(k, nil))
	batch.Noise = program.NoiseKey{Seed: h.seed, Batch: uint64(h.sampler.Key(k))}
	if err := h.machine.Apply(t.Context(), s, single{batch}, []int{k}); err != nil {
		t.Fatal(err)
	}
}

// after returns the first state after a word.
func (h *byHand) after(t *testing.T, word ...int) *optim.State {
	t.Helper()
	s := h.state.Clone()
	for _, k := range word {
		h.apply(t, s, k)
	}
	return s
}

// testLoss returns the mean loss over the test examples that the recipe measures on.
func (h *byHand) testLoss(t *testing.T, s *optim.State) float64 {
	t.Helper()
	split := h.run.Data.Test
	batch := h.gather(split, split.Sample(h.run.Recipe.Evaluate.TestSamples, 0))
	batch.Noise = program.NoiseKey{Seed: 99, Batch: 99} // an evaluation must not look at it
	e, err := h.machine.Evaluate(t.Context(), s, batch)
	if err != nil {
		t.Fatal(err)
	}
	return e.Loss()
}

func (h *byHand) gather(split *dataset.Split, indices []int) engine.Batch {
	var b dataset.Batch
	split.Gather(indices, h.run.Program.Precision, &b)
	return engine.Batch{Size: b.Size, Inputs: []array.Array{b.Inputs}, Targets: b.Targets}
}

// single is one batch under every number.
type single struct{ batch engine.Batch }

func (s single) Batch(int) (engine.Batch, error) { return s.batch, nil }
