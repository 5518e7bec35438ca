package cli

import (
	"context"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// These tests hold the plan engine to the tape for whatever is built in: they grow with the zoo and with the plugins.

// smallInputs are the models of the zoo whose images are small enough for the tape. The others are the same networks on larger ones. With
// -short, networks of a million parameters are left out: each family has a smaller one.
func smallInputs(t *testing.T) []string {
	return slices.DeleteFunc(modelzoo.Names(), func(name string) bool {
		source, err := modelzoo.Untrained(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := model.Import(source, model.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if testing.Short() && m.Size() > 1e6 {
			return true
		}
		for _, d := range m.Inputs[0].Dims {
			if d.Value > 64 {
				return true
			}
		}
		return false
	})
}

func open(t *testing.T, engine, model, optimizer string, precision array.DType) (*subject, *chain) {
	t.Helper()
	o, err := optim.New(optimizer)
	if err != nil {
		t.Fatal(err)
	}
	w := workbench{Model: "zoo:" + model, Batch: 2, Engine: engine, Precision: string(precision)}
	s, err := w.open(o)
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.chain()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return s, c
}

// stepped returns the state after some steps.
func stepped(t *testing.T, engine, model, optimizer string, precision array.DType, word []int) *optim.State {
	t.Helper()
	_, c := open(t, engine, model, optimizer, precision)
	if err := c.Apply(context.Background(), c.state, c.batches, word); err != nil {
		t.Fatal(err)
	}
	return c.state
}

// apart is the largest difference of two vectors, relative to the largest number of the second.
func apart(a, b array.Array) float64 {
	worst, most := 0.0, 0.0
	for i := range b.Len() {
		worst, most = max(worst, math.Abs(a.At(i)-b.At(i))), max(most, math.Abs(b.At(i)))
	}
	if worst == 0 {
		return 0
	}
	return worst / most
}

func TestStepsOfEveryModelAreThoseOfTheTape(t *testing.T) {
	for _, model := range smallInputs(t) {
		t.Run(model, func(t *testing.T) {
			got := stepped(t, "plan", model, "sgd", array.Float64, []int{0})
			want := stepped(t, "tape", model, "sgd", array.Float64, []int{0})
			if d := apart(got.Data, want.Data); !(d < 1e-12) {
				t.Errorf("states differ by %.2g of their largest number", d)
			}
		})
	}
}

func TestStepsOfEveryPluginAreThoseOfTheTape(t *testing.T) {
	for _, plugin := range optim.Names() {
		for _, model := range []string{"mlp-digits", "convnet-digits"} {
			t.Run(plugin+"/"+model, func(t *testing.T) {
				word := []int{0, 1, 2, 1}
				got := stepped(t, "plan", model, plugin, array.Float64, word)
				want := stepped(t, "tape", model, plugin, array.Float64, word)
				if d := apart(got.Data, want.Data); !(d < 1e-9) {
					t.Errorf("states differ by %.2g of their largest number", d)
				}
			})
		}
	}
}

// TestSingleGradientsAreAsGoodAsTheTapes compares both engines' rounding errors. Rounding may move a number across a kink of ReLU, on either
// engine, which changes the gradient of that batch: a mistake shows in all batches.
func TestSingleGradientsAreAsGoodAsTheTapes(t *testing.T) {
	for _, model := range smallInputs(t) {
		t.Run(model, func(t *testing.T) {
			for batch := range 4 {
				exactOutput, exact := differentiated(t, "plan", model, array.Float64, batch)
				output, gradient := differentiated(t, "plan", model, array.Float32, batch)
				tapeOutput, tapeGradient := differentiated(t, "tape", model, array.Float32, batch)
				if ours, tapes := apart(output, exactOutput), apart(tapeOutput, exactOutput); !(ours <= 3*tapes+1e-5) {
					t.Errorf("batch %d: outputs are off by %.2g of their largest number, on the tape by %.2g", batch, ours, tapes)
				}
				ours, tapes := apart(gradient, exact), apart(tapeGradient, exact)
				if ours <= 3*tapes+1e-5 {
					return
				}
				t.Logf("batch %d: gradients are off by %.2g of their largest number, on the tape by %.2g", batch, ours, tapes)
			}
			t.Error("no batch has gradients as good as the tape's")
		})
	}
}

// differentiated returns a model's output for a batch, and the gradient of the loss.
func differentiated(t *testing.T, engine, model string, precision array.DType, batch int) (output, gradient array.Array) {
	t.Helper()
	s, c := open(t, engine, model, "sgd", precision)
	gradient = array.New(precision, s.program.Layout.Parameters())
	e, err := c.Gradient(context.Background(), c.state, c.batches[batch], gradient)
	if err != nil {
		t.Fatal(err)
	}
	return e.Output.Clone(), gradient
}

func TestStepsDoNotDependOnHelpers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, model := range []string{"resnet18-cifar", "mlp-5x500"} {
		var states []*optim.State
		for _, cores := range []int{1, 2, 8} {
			runtime.GOMAXPROCS(cores)
			states = append(states, stepped(t, "plan", model, "sgd", array.Float32, []int{0, 1, 2}))
		}
		if !states[1].Equal(states[0]) || !states[2].Equal(states[0]) {
			t.Errorf("%s: the bits of a state depend on how many cores there are", model)
		}
	}
}

func TestStepsAllocateNothing(t *testing.T) {
	word := slices.Repeat([]int{0, 1, 2, 3}, 8)
	for _, plugin := range optim.Names() {
		_, c := open(t, "plan", "mlp-2x128", plugin, array.Float32)
		batches := engine.Batches(c.batches) // which allocates
		apply := func() {
			if err := c.Apply(context.Background(), c.state, batches, word); err != nil {
				t.Fatal(err)
			}
		}
		if n := testing.AllocsPerRun(10, apply); n > 0 {
			t.Errorf("%s: %d steps allocate %v times", plugin, len(word), n)
		}
	}
}
