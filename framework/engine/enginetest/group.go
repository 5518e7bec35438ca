package enginetest

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// groupUpdates compares with gradients, Hessian-vector products and an update that are called one by one.
func groupUpdates(t *testing.T, e engine.Engine) {
	word := []int{3, 1, 4}
	for name, p := range map[string]problem{
		"convolutional network":           classifier(descent{0.1}),
		"an optimizer with memory":        regression(averaging{0.1}),
		"batch normalization and dropout": noisy(averaging{0.1}),
	} {
		t.Run(name, func(t *testing.T) {
			s := p.open(t, e, array.Float64)
			start := s.after(t, 1, 2) // where slots and buffers are not what they were at first
			for _, c := range []engine.Correction{{}, {Strength: 1}, {Strength: 0.5, Rate: 0.7}, {Strength: -2, Rate: 0.01}} {
				got := start.Clone()
				if err := s.ApplyGroup(t.Context(), got, s.data, word, c); err != nil {
					t.Fatal(err)
				}
				want := s.groupByHand(t, start, word, c, 0.1)
				if d := distance(got.Data, want.Data); d > 1e-12 || got.Count != want.Count {
					t.Errorf("%+v: the state differs by %.1e after %d steps, want %d", c, d, got.Count, want.Count)
				}
			}
		})
	}
	s := classifier(descent{0.1}).open(t, e, array.Float64)
	for want, call := range map[string]func(state *optim.State) error{
		"batch 5 of 3 examples in a group with one of 4": func(state *optim.State) error {
			return s.ApplyGroup(t.Context(), state, shrinking{s.data}, []int{1, 5}, engine.Correction{})
		},
		context.Canceled.Error(): func(state *optim.State) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return s.ApplyGroup(ctx, state, s.data, []int{1, 2}, engine.Correction{})
		},
	} {
		state := s.start.Clone()
		if err := call(state); err == nil || !strings.Contains(err.Error(), want) || !state.Equal(s.start) {
			t.Errorf("error %v, want %q and an unchanged state", err, want)
		}
	}
}

// shrinking has a smaller batch 5.
type shrinking struct{ engine.Batches }

func (b shrinking) Batch(k int) (engine.Batch, error) {
	batch, err := b.Batches.Batch(k)
	if k == 5 {
		part := batch.Inputs[0].Len() / batch.Size
		batch.Size--
		batch.Inputs = []array.Array{batch.Inputs[0].Slice(0, part*batch.Size)}
		batch.Targets = batch.Targets.Slice(0, batch.Size)
	}
	return batch, err
}

// groupByHand makes the update of a group from its definition.
func (s setup) groupByHand(t *testing.T, start *optim.State, word []int, c engine.Correction, rate float64) *optim.State {
	t.Helper()
	if c.Rate != 0 {
		rate = c.Rate
	}
	gradients, total := make([]array.Array, len(word)), s.vector()
	buffers := make([]float64, start.Data.Len())
	for i, k := range word {
		gradients[i] = s.vector()
		evaluated, err := s.Gradient(t.Context(), start, s.batch(t, k), gradients[i])
		if err != nil {
			t.Fatal(err)
		}
		combine(total, 1, gradients[i])
		at := len(buffers)
		for b := len(evaluated.Buffers) - 1; b >= 0; b-- {
			at -= evaluated.Buffers[b].Len()
			for n := range evaluated.Buffers[b].Len() {
				buffers[at+n] += evaluated.Buffers[b].At(n) / float64(len(word))
			}
		}
	}
	corrected := total.Clone()
	for i, k := range word {
		others, product := total.Clone(), s.vector()
		combine(others, -1, gradients[i])
		if err := s.HVP(t.Context(), start, s.batch(t, k), others, product); err != nil {
			t.Fatal(err)
		}
		combine(corrected, -c.Strength*rate/2, product)
	}
	state := start.Clone()
	if err := s.Update(t.Context(), state, word[len(word)-1], corrected); err != nil {
		t.Fatal(err)
	}
	for _, f := range state.Layout.Fields() {
		for n := range f.Size() {
			if at := f.Offset() + n; f.Kind == optim.Buffer {
				state.Data.Set(at, buffers[at])
			}
		}
	}
	return state
}

// combine adds factor·x to sum.
func combine(sum array.Array, factor float64, x array.Array) {
	for i := range sum.Len() {
		sum.Set(i, sum.At(i)+factor*x.At(i))
	}
}

// largeBatch compares a group with one batch that holds its examples, on which the mean loss is the mean of the parts', at k times the
// learning rate.
func largeBatch(t *testing.T, e engine.Engine) {
	const rate = 0.05
	parts := classifier(descent{rate}).open(t, e, array.Float64)
	whole := classifier(descent{4 * rate}).open(t, e, array.Float64)
	got, want := parts.start.Clone(), parts.start.Clone()
	if err := parts.ApplyGroup(t.Context(), got, parts.data, []int{1, 2, 3, 4}, engine.Correction{}); err != nil {
		t.Fatal(err)
	}
	if err := whole.Apply(t.Context(), want, joined{parts.data, 4}, []int{1}); err != nil {
		t.Fatal(err)
	}
	if d := distance(got.Data, want.Data); d > 1e-13 {
		t.Errorf("the states differ by %.1e", d)
	}
}

// joined is one batch that holds the first so many.
type joined struct {
	engine.Batches
	count int
}

func (j joined) Batch(int) (engine.Batch, error) {
	var all engine.Batch
	var inputs, targets []float64
	for k := 1; k <= j.count; k++ {
		b, err := j.Batches.Batch(k)
		if err != nil {
			return b, err
		}
		all.Size += b.Size
		inputs = append(inputs, b.Inputs[0].As(array.Float64).F64...)
		targets = append(targets, b.Targets.As(array.Float64).F64...)
	}
	all.Inputs, all.Targets = []array.Array{array.From64(inputs)}, array.From64(targets)
	return all, nil
}

// secondOrder measures the orders of laws 7 and 8 (arXiv:2502.01557, Theorem C.2 and Appendix D.2) on a smooth network: the approximate
// backward iterate against the exact one, and the regularizer and a sampled pair of orders against all orders.
func secondOrder(t *testing.T, e engine.Engine) {
	const window, first = 4, 0.02
	average := func(method string) compose.Arrangement {
		return compose.OrderAverage{Window: window, Method: method, Orders: 1, Strength: 1}
	}
	for name, c := range map[string]struct {
		a, b compose.Arrangement
		low  float64
	}{
		"law 7, the Lie bracket":               {compose.Lie{}, compose.Backward{}, 2.9},
		"law 7, without it":                    {compose.Forward{}, compose.Backward{}, 1.9},
		"law 8, the regularizer":               {average(compose.Regularizer), average(compose.Exact), 2.9},
		"law 8, a pair of orders":              {average(compose.Sampled), average(compose.Exact), 2.9},
		"law 9, small batches and a large one": {average(compose.Sequential), compose.OrderAverage{Window: window, Method: compose.Regularizer}, 1.9},
	} {
		apart := func(rate float64) float64 {
			s := classifier(descent{rate}).open(t, e, array.Float64)
			x, y := s.iterate(t, c.a, window), s.iterate(t, c.b, window)
			return distance(x.Data, y.Data)
		}
		if order := math.Log2(apart(first) / apart(first/2)); order < c.low || order > c.low+0.2 {
			t.Errorf("%s: the difference falls with order %.2f", name, order)
		}
	}
}

// iterate returns one iterate of an arrangement.
func (s setup) iterate(t *testing.T, a compose.Arrangement, n int) *optim.State {
	t.Helper()
	var state *optim.State
	job := compose.Job{Arrangement: a, Initial: s.start, Iterates: []int{n}, Maps: func(int) (compose.Maps, error) { return composed{s, t}, nil }}
	keep := func(_ context.Context, _ int, v compose.Visited) (any, error) {
		state = v.State.Clone()
		return nil, nil
	}
	if _, err := compose.Run(t.Context(), []compose.Job{job}, compose.Options{Workers: 1, Visit: keep}); err != nil {
		t.Fatal(err)
	}
	return state
}

// composed are the steps of a setup, with what second-order terms need.
type composed struct {
	setup
	t *testing.T
}

func (c composed) Apply(ctx context.Context, s *optim.State, word []int) error {
	return c.Machine.Apply(ctx, s, c.data, word)
}

func (c composed) ApplyGroup(ctx context.Context, s *optim.State, word []int, g compose.Group) error {
	return c.Machine.ApplyGroup(ctx, s, c.data, word, engine.Correction{Strength: g.Strength, Rate: g.Rate})
}

func (c composed) Gradient(ctx context.Context, s *optim.State, k int, gradient array.Array) error {
	_, err := c.Machine.Gradient(ctx, s, c.batch(c.t, k), gradient)
	return err
}

func (c composed) HVP(ctx context.Context, s *optim.State, k int, direction, product array.Array) error {
	return c.Machine.HVP(ctx, s, c.batch(c.t, k), direction, product)
}

func (c composed) Rate(s *optim.State) (float64, error) { return c.program.Rate(s, 1) }
