package run_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// A batch that comes again makes the same step again if the rate follows the count, and another one if it follows the batch.
func TestIteratesWithAPolicyAreComputedByHand(t *testing.T) {
	for _, follow := range []string{optim.FollowCount, optim.FollowBatch} {
		overrides := []string{
			"data.sampling=cycle", "data.cycle=2", "engine.dtype=float64", "optimizer.sgd.momentum=0", "clipping.global_norm=0.5",
			`group.biases={match = ["*.bias"], lr = 0.3}`, "schedule.name=inverse_sqrt", "schedule.follow=" + follow,
		}
		r, err := prepare(t, small, overrides...)
		if err != nil {
			t.Fatal(err)
		}
		f := execute(t, run.Options{Workers: 2}, overrides...)
		if said := len(f.Info.Notes) > 0; said != (follow == optim.FollowBatch) {
			t.Errorf("following the %s, run.json notes %q", follow, f.Info.Notes)
		}
		for _, seed := range r.Recipe.Seeds {
			h := newByHand(t, r, seed)
			var forward, backward []int
			for n := 1; n <= r.Recipe.Steps; n++ {
				forward, backward = append(forward, n), append([]int{n}, backward...)
				for name, word := range map[string][]int{"forward": forward, "backward": backward} {
					want := h.testLoss(t, h.descend(t, follow, word))
					if got := recorded(t, f.Series(), name, seed, n); math.Abs(got-want) > 1e-12 {
						t.Errorf("following the %s: iterate %d of %s, seed %d, has the test loss %v, by hand %v", follow, n, name, seed, got, want)
					}
				}
			}
		}
	}
}

// descend moves against gradients that are clipped here, at rates that are computed here.
func (h *byHand) descend(t *testing.T, follow string, word []int) *optim.State {
	t.Helper()
	s := h.state.Clone()
	gradient := array.New(array.Float64, s.Layout.Parameters())
	for applied, k := range word {
		batch := h.gather(h.run.Data.Train, h.sampler.Indices(k, nil))
		batch.Noise = program.NoiseKey{Seed: h.seed, Batch: uint64(h.sampler.Key(k))}
		if _, err := h.machine.Gradient(t.Context(), s, batch, gradient); err != nil {
			t.Fatal(err)
		}
		square := 0.0
		for _, g := range gradient.F64 {
			square += g * g
		}
		step := min(1, 0.5/(math.Sqrt(square)+1e-6))
		if follow == optim.FollowBatch {
			step /= math.Sqrt(float64(k))
		} else {
			step /= math.Sqrt(float64(applied + 1))
		}
		for _, field := range s.Layout.Fields() {
			lr := 0.1
			if strings.HasSuffix(field.Name, ".bias") {
				lr = 0.3
			}
			for i := field.Offset(); i < field.Offset()+field.Size(); i++ {
				s.Data.F64[i] -= lr * step * gradient.F64[i]
			}
		}
	}
	return s
}

func TestFrozenGroupsAreWrittenBackAsTheyWere(t *testing.T) {
	r, err := prepare(t, small, `group.body={match = ["fc1.*"], frozen = true}`, `group.rest={match = ["*.bias"], lr = 1}`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fields(r, optim.Parameter), []string{"fc2.weight", "fc2.bias", "fc3.weight", "fc3.bias"}; !slices.Equal(got, want) {
		t.Errorf("the parameters are %v, want %v", got, want)
	}
	if got, want := len(fields(r, optim.Slot)), 4; got != want {
		t.Errorf("there are %d slots, want %d", got, want)
	}
	s, err := r.State(t.Context(), run.Wanted{Arrangement: "backward", Seed: 3, Iterate: 4}, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "trained.onnx")
	if _, err := r.Export(s, file, false); err != nil {
		t.Fatal(err)
	}
	exported, err := onnx.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	before, after := initializers(t, r.Program.Model.Source), initializers(t, exported)
	for name, numbers := range before {
		if same := slices.Equal(numbers, after[name]); same != strings.HasPrefix(name, "fc1.") {
			t.Errorf("%s is written back as it was: %v", name, same)
		}
	}
}

// initializers returns the numbers of a file by name.
func initializers(t *testing.T, m *onnx.Model) map[string][]float32 {
	t.Helper()
	named := map[string][]float32{}
	for _, tensor := range m.Graph.Initializers {
		numbers, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		named[tensor.Name] = numbers
	}
	return named
}

func TestARunSaysWhatItDoesNotReach(t *testing.T) {
	for set, want := range map[string]string{
		"evaluate.every=7":    "",
		"evaluate.every=3":    "The last iterate that is evaluated is 6 of 7",
		"average.tail.from=6": "",
		"average.tail.from=7": `The average "tail" begins after iterate 7`,
	} {
		r, err := prepare(t, small, set)
		if err != nil {
			t.Fatal(err)
		}
		if notes := strings.Join(r.Notes(), "\n"); !strings.Contains(notes, want) || want == "" && notes != "" {
			t.Errorf("%s: the notes are %q, want %q", set, notes, want)
		}
	}
}
