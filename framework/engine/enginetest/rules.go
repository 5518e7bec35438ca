package enginetest

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// evaluation recomputes the cross-entropy from the logits.
func evaluation(t *testing.T, e engine.Engine) {
	s := classifier(descent{0.1}).open(t, e, array.Float64)
	b := s.batch(t, 1)
	result, err := s.Evaluate(t.Context(), s.start, b)
	if err != nil {
		t.Fatal(err)
	}
	classes := result.Output.Len() / b.Size
	if result.Losses.Len() != b.Size || classes != 3 {
		t.Fatalf("%d losses and %d logits for %d examples of 3 classes", result.Losses.Len(), result.Output.Len(), b.Size)
	}
	for i := range b.Size {
		logits := result.Output.Slice(i*classes, (i+1)*classes)
		sum := 0.0
		for c := range classes {
			sum += math.Exp(logits.At(c))
		}
		want := math.Log(sum) - logits.At(int(b.Targets.At(i)))
		if math.Abs(result.Losses.At(i)-want) > 1e-14 {
			t.Errorf("example %d has the loss %v, its logits give %v", i, result.Losses.At(i), want)
		}
	}
}

func update(t *testing.T, e engine.Engine) {
	for name, p := range map[string]problem{
		"a small network":              classifier(averaging{0.1}),
		"wide layers":                  wide(averaging{0.1}, 8),
		"wide layers, descent":         wide(descent{0.1}, 8),
		"wide layers, larger batches":  wide(averaging{0.1}, 20),
		"wide layers, larger, descent": wide(descent{0.1}, 20),
	} {
		s := p.open(t, e, array.Float64)
		got := s.start.Clone()
		for k := 1; k <= 3; k++ {
			g, _ := s.gradient(t, got, k)
			if err := s.Update(t.Context(), got, k, g); err != nil {
				t.Fatal(err)
			}
		}
		want := s.after(t, 1, 2, 3)
		if d := distance(got.Data, want.Data); d > 1e-14 || got.Count != want.Count {
			t.Errorf("%s: three updates differ from three steps by %.1e; they count %d and %d", name, d, got.Count, want.Count)
		}
	}
}

func words(t *testing.T, e engine.Engine) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		s := classifier(averaging{0.1}).open(t, e, d)
		whole := s.after(t, 3, 1, 2, 2)
		if again := s.after(t, 3, 1, 2, 2); !again.Equal(whole) {
			t.Errorf("%s: the same word gives other bits the second time", d)
		}
		parts := s.after(t, 3, 1)
		s.apply(t, parts)
		s.apply(t, parts, 2, 2)
		if !parts.Equal(whole) {
			t.Errorf("%s: [3 1] and then [2 2] is not [3 1 2 2]", d)
		}
		if other := s.after(t, 1, 3, 2, 2); other.Data.Equal(whole.Data) {
			t.Errorf("%s: the order of a word makes no difference", d)
		}
		if whole.Count != 4 || s.start.Count != 0 {
			t.Errorf("%s: %d steps are counted after four letters", d, whole.Count)
		}
	}
}

// moments compares steps with the formula of the optimizer, worked out by hand from a constant gradient.
func moments(t *testing.T, e engine.Engine) {
	p := problem{network: programtest.NewNetwork(1).Mul("theta"), loss: "mse", optimizer: averaging{0.1}, data: programtest.Data{Size: 1}}
	s := p.open(t, e, array.Float64)
	changed, err := s.program.WithHypers(map[string]float64{"lr": 0.5, "decay": 0.25})
	if err != nil {
		t.Fatal(err)
	}
	s.Machine = openMachine(t, e, changed)
	state := s.start.Clone()
	state.Count = 2
	want := state.Data.At(0)
	mean := 0.0
	for count := 3; count <= 5; count++ {
		if err := s.Update(t.Context(), state, 1, array.From64([]float64{2})); err != nil {
			t.Fatal(err)
		}
		mean = 0.25*mean + 0.75*2
		want -= mean * 0.5 / (1 - math.Pow(0.25, float64(count)))
		if got := state.Data.At(0); math.Abs(got-want) > 1e-14 || state.Count != int64(count) {
			t.Errorf("θ = %v at count %d, want %v at %d", got, state.Count, want, count)
		}
	}
}

func swap(t *testing.T, e engine.Engine) {
	s := classifier(swapping{}).open(t, e, array.Float64)
	n := s.program.Layout.Parameters()
	for i := range n {
		s.start.Data.Set(n+i, float64(i))
	}
	once := s.after(t, 1)
	for i := range n {
		if once.Data.At(i) != float64(i) || once.Data.At(n+i) != s.start.Data.At(i) {
			t.Fatalf("number %d: parameter and slot are %v and %v before the swap, %v and %v after it",
				i, s.start.Data.At(i), float64(i), once.Data.At(i), once.Data.At(n+i))
		}
	}
	if twice := s.after(t, 1, 2); !twice.Data.Equal(s.start.Data) {
		t.Error("two swaps change the state")
	}
}

// batchSizes takes the mean of single examples' gradients.
func batchSizes(t *testing.T, e engine.Engine) {
	p := regression(descent{0.1})
	s := p.open(t, e, array.Float64)
	whole, _ := s.gradient(t, s.start, 1)
	b := s.batch(t, 1)
	mean, g := s.vector(), s.vector()
	inputs, targets := b.Inputs[0].Len()/b.Size, b.Targets.Len()/b.Size
	for i := range b.Size {
		single := engine.Batch{
			Size:    1,
			Inputs:  []array.Array{b.Inputs[0].Slice(i*inputs, (i+1)*inputs)},
			Targets: b.Targets.Slice(i*targets, (i+1)*targets),
		}
		if _, err := s.Gradient(t.Context(), s.start, single, g); err != nil {
			t.Fatal(err)
		}
		for j := range g.Len() {
			mean.Set(j, mean.At(j)+g.At(j)/float64(b.Size))
		}
	}
	if d := distance(mean, whole); d > 1e-14 {
		t.Errorf("the mean of the examples' gradients differs from the batch's by %.1e", d)
	}
}

// cancelling cancels a context when a batch is asked for.
type cancelling struct {
	engine.Batches
	cancel context.CancelFunc
	at     int
}

func (c cancelling) Batch(k int) (engine.Batch, error) {
	if k == c.at {
		c.cancel()
	}
	return c.Batches.Batch(k)
}

func cancellation(t *testing.T, e engine.Engine) {
	s := classifier(averaging{0.1}).open(t, e, array.Float64)
	ctx, cancel := context.WithCancel(t.Context())
	state := s.start.Clone()
	err := s.Apply(ctx, state, cancelling{s.data, cancel, 3}, []int{1, 2, 3, 4, 5})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a word cancelled in its third letter returns %v", err)
	}
	if state.Count != 2 && state.Count != 3 {
		t.Fatalf("%d steps were applied before and after a word was cancelled in its third letter", state.Count)
	}
	if !state.Equal(s.after(t, []int{1, 2, 3}[:state.Count]...)) {
		t.Errorf("the state is not that after %d steps", state.Count)
	}
	before := state.Clone()
	g := s.vector()
	_, gradient := s.Gradient(ctx, state, s.batch(t, 1), g)
	_, evaluate := s.Evaluate(ctx, state, s.batch(t, 1))
	for call, err := range map[string]error{
		"Gradient": gradient,
		"HVP":      s.HVP(ctx, state, s.batch(t, 1), g, s.vector()),
		"Update":   s.Update(ctx, state, 1, g),
		"Evaluate": evaluate,
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s with a cancelled context returns %v", call, err)
		}
	}
	if !state.Equal(before) {
		t.Error("a call with a cancelled context changes the state")
	}
}

// halfway has steps whose kernels fail when new parameters, slots and buffers are computed. What failed is as if it had not been begun, and
// the machine goes on as another would.
func halfway(t *testing.T, e engine.Engine) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		s := noisy(failing{0.1}).open(t, e, d)
		once := s.after(t, 1)
		if once.Equal(s.start) {
			t.Fatal("the first step changes nothing")
		}
		for what, call := range map[string]func(*optim.State) error{
			"a step": func(state *optim.State) error { return s.Apply(t.Context(), state, s.data, []int{2}) },
			"a group": func(state *optim.State) error {
				return s.ApplyGroup(t.Context(), state, s.data, []int{2, 3}, engine.Correction{})
			},
			"an update": func(state *optim.State) error { return s.Update(t.Context(), state, 2, s.vector()) },
		} {
			state := once.Clone()
			if err := call(state); err == nil || !strings.Contains(err.Error(), "index") {
				t.Errorf("%s: %s with an index that names no element returns %v", d, what, err)
			}
			if !state.Equal(once) {
				t.Errorf("%s: %s that fails half-way changes the state", d, what)
			}
		}
		state := s.start.Clone()
		if err := s.Apply(t.Context(), state, s.data, []int{1, 2, 3}); err == nil {
			t.Errorf("%s: a word whose second step fails returns no error", d)
		}
		if !state.Equal(once) {
			t.Errorf("%s: a word whose second step fails does not leave the state after the first", d)
		}
		if again := s.after(t, 1); !again.Equal(once) {
			t.Errorf("%s: after a step that failed, the machine computes other bits", d)
		}
	}
}

// broken hands out one batch, or an error for letter 2.
type broken struct {
	first, rest engine.Batch
}

var errNoBatch = errors.New("no such batch")

func (b broken) Batch(k int) (engine.Batch, error) {
	if k == 1 {
		return b.first, nil
	}
	if b.rest.Size == 0 && b.rest.Inputs == nil {
		return engine.Batch{}, errNoBatch
	}
	return b.rest, nil
}

func misuse(t *testing.T, e engine.Engine) {
	s := classifier(averaging{0.1}).open(t, e, array.Float64)
	other := classifier(descent{0.1}).open(t, e, array.Float64)
	good := s.batch(t, 1)
	vary := func(change func(*engine.Batch)) engine.Batch {
		b := good
		change(&b)
		return b
	}
	ctx, long, right := t.Context(), array.New(array.Float64, s.program.Layout.Parameters()+1), s.vector()
	gradient := func(b engine.Batch, g array.Array) func(*optim.State) error {
		return func(state *optim.State) error {
			_, err := s.Gradient(ctx, state, b, g)
			return err
		}
	}
	for _, c := range []struct {
		name string
		call func(*optim.State) error
		want string // part of the error
	}{
		{"a gradient that is too long", gradient(good, long), "parameters"},
		{"a gradient that is absent", gradient(good, array.Array{}), "parameters"},
		{"a direction that is too long", func(state *optim.State) error { return s.HVP(ctx, state, good, long, right) }, "parameters"},
		{"a product that is too long", func(state *optim.State) error { return s.HVP(ctx, state, good, right, long) }, "parameters"},
		{"an update with a gradient that is too long", func(state *optim.State) error { return s.Update(ctx, state, 1, long) }, "parameters"},
		{"no input", gradient(vary(func(b *engine.Batch) { b.Inputs = nil }), right), "input"},
		{"an input too many", gradient(vary(func(b *engine.Batch) { b.Inputs = append(b.Inputs, b.Inputs[0]) }), right), "input"},
		{"an empty input", gradient(vary(func(b *engine.Batch) { b.Inputs = []array.Array{{}} }), right), "x"},
		{"no targets", gradient(vary(func(b *engine.Batch) { b.Targets = array.Array{} }), right), "targets"},
		{"more examples than numbers", gradient(vary(func(b *engine.Batch) { b.Size++ }), right), "numbers"},
		{"a batch of no examples", gradient(vary(func(b *engine.Batch) { b.Size = 0 }), right), "0 examples"},
		{"a batch of less than no examples", gradient(vary(func(b *engine.Batch) { b.Size = -1 }), right), "-1 examples"},
		{"the state of another optimizer", func(*optim.State) error { return s.Update(ctx, other.start.Clone(), 1, right) }, "layout"},
		{"a wrong batch for T_1", func(state *optim.State) error {
			return s.Apply(ctx, state, broken{first: vary(func(b *engine.Batch) { b.Size++ })}, []int{1})
		}, "1"},
	} {
		state := s.start.Clone()
		err := c.call(state)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", c.name, err, c.want)
		}
		if !state.Equal(s.start) {
			t.Errorf("%s changes the state", c.name)
		}
	}
	state := s.start.Clone()
	if err := s.Apply(ctx, state, broken{first: good}, []int{1, 2, 1}); !errors.Is(err, errNoBatch) {
		t.Errorf("a word whose second batch fails returns %v", err)
	}
	if !state.Equal(s.after(t, 1)) {
		t.Error("a word whose second batch fails does not leave the state after its first letter")
	}
}
