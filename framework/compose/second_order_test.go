package compose

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose/internal/plane"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// descent is plain gradient descent with a rate h on the losses of package plane.
type descent struct{ h float64 }

func (d descent) Apply(_ context.Context, s *optim.State, word []int) error {
	for _, k := range word {
		x := s.Data.F64
		g := plane.Gradient(k, x)
		x[0], x[1] = x[0]-d.h*g[0], x[1]-d.h*g[1]
		s.Count++
	}
	return nil
}

func (d descent) Gradient(_ context.Context, s *optim.State, k int, gradient array.Array) error {
	g := plane.Gradient(k, s.Data.F64)
	copy(gradient.F64, g[:])
	return nil
}

func (d descent) HVP(_ context.Context, s *optim.State, k int, direction, product array.Array) error {
	h := plane.HVP(k, s.Data.F64, direction.F64)
	copy(product.F64, h[:])
	return nil
}

func (d descent) Rate(*optim.State) (float64, error) { return d.h, nil }

// ApplyGroup makes the update by the definition of a group, over all pairs.
func (d descent) ApplyGroup(_ context.Context, s *optim.State, word []int, g Group) error {
	x, rate := slices.Clone(s.Data.F64), g.Rate
	if rate == 0 {
		rate = d.h
	}
	for _, i := range word {
		gi := plane.Gradient(i, x)
		for p := range 2 {
			s.Data.F64[p] -= d.h * gi[p]
		}
		for _, j := range word {
			if gj := plane.Gradient(j, x); i != j {
				product := plane.HVP(i, x, gj[:])
				for p := range 2 {
					s.Data.F64[p] += d.h * g.Strength * rate / 2 * product[p]
				}
			}
		}
	}
	s.Count++
	return nil
}

// order returns the order in h with which two arrangements' iterate n agree.
func order(t *testing.T, n int, a, b func(h float64) Arrangement) float64 {
	t.Helper()
	apart := func(h float64) float64 {
		at := func(a Arrangement) []float64 {
			return emitted(t, []Job{{Arrangement: a, Initial: point(0.7, -0.4), Iterates: []int{n}, Maps: every(descent{h})}}, Options{})[0].State.Data.F64
		}
		return distance(at(a(h)), at(b(h)))
	}
	return math.Log2(apart(2e-3) / apart(1e-3))
}

func always(a Arrangement) func(float64) Arrangement { return func(float64) Arrangement { return a } }

func TestSecondOrderTermsLeaveThirdOrders(t *testing.T) {
	exact := OrderAverage{Window: 4, Method: Exact}
	for _, c := range []struct {
		name string
		n    int
		a, b Arrangement
		want float64
	}{
		{"law 7: the bracket makes forward backward", 6, Lie{}, Backward{}, 3},
		{"law 7: without it they differ at second order", 6, Forward{}, Backward{}, 2},
		{"law 7: in windows", 7, Lie{Start: 1, ResetEvery: 3}, Backward{Start: 1, ResetEvery: 3}, 3},
		{"law 8: the regularizer is the mean of all orders", 4, OrderAverage{Window: 4, Method: Regularizer, Strength: 1}, exact, 3},
		{"law 8: over two windows", 8, OrderAverage{Window: 4, Method: Regularizer, Strength: 1}, exact, 3},
		{"law 8: a large batch is not", 4, OrderAverage{Window: 4, Method: Regularizer}, exact, 2},
		{"law 8: half the term is not", 4, OrderAverage{Window: 4, Method: Regularizer, Strength: 0.5}, exact, 2},
		{"law 8: an order and its reverse are", 4, OrderAverage{Window: 4, Method: Sampled, Orders: 1, Seed: 3}, exact, 3},
		{"law 8: one order is not", 4, OrderAverage{Window: 4, Method: Sequential}, exact, 2},
		{"law 9: small batches and a large one differ at second order", 4, OrderAverage{Window: 4, Method: Sequential}, OrderAverage{Window: 4, Method: Regularizer}, 2},
	} {
		if got := order(t, c.n, always(c.a), always(c.b)); math.Abs(got-c.want) > 0.1 {
			t.Errorf("%s: order %.2f, want %v", c.name, got, c.want)
		}
	}
}

// Law 9: k small steps are a large one plus h² Σ_{a<b} H_b g_a + O(h³).
func TestSmallBatchesExpandInTheOrderOfTheirSteps(t *testing.T) {
	const h = 1e-3
	x := []float64{0.7, -0.4}
	d := descent{h}
	want := slices.Clone(x)
	for b := 1; b <= 4; b++ {
		g := plane.Gradient(b, x)
		for p := range 2 {
			want[p] -= h * g[p]
		}
		for a := 1; a < b; a++ {
			ga := plane.Gradient(a, x)
			product := plane.HVP(b, x, ga[:])
			for p := range 2 {
				want[p] += h * h * product[p]
			}
		}
	}
	got := emitted(t, []Job{{Arrangement: OrderAverage{Window: 4, Method: Sequential}, Initial: point(x...), Iterates: []int{4}, Maps: every(d)}}, Options{})[0].State.Data.F64
	if apart := distance(got, want); apart > 100*h*h*h {
		t.Errorf("four steps end at %v, %g from their expansion", got, apart)
	}
}

func TestTheDoubleSumAndTheRecursionAgree(t *testing.T) {
	const last = 20
	recursion := emitted(t, []Job{{Arrangement: Lie{}, Initial: point(0.7, -0.4), Iterates: upTo(last), Maps: every(descent{0.05})}}, Options{})
	for _, wanted := range [][]int{{last}, {3, 4, 11, last}} {
		for _, r := range emitted(t, []Job{{Arrangement: Lie{}, Initial: point(0.7, -0.4), Iterates: wanted, Maps: every(descent{0.05})}}, Options{}) {
			x, y := r.State.Data.F64, recursion[r.Iterate-1].State.Data.F64
			if apart := distance(x, y); apart > 1e-12*math.Hypot(x[0], x[1]) || r.State.Count != int64(r.Iterate) {
				t.Errorf("wanted %v: iterate %d is %v after %d steps, by recursion %v", wanted, r.Iterate, x, r.State.Count, y)
			}
		}
	}
}

func TestSecondOrderArrangementsWithAWindowOfOneAreForward(t *testing.T) {
	forward := emitted(t, []Job{{Arrangement: Forward{}, Initial: point(0.7, -0.4), Iterates: upTo(9), Maps: every(descent{0.05})}}, Options{})
	for _, a := range []Arrangement{
		Lie{ResetEvery: 1}, OrderAverage{Window: 1, Method: Regularizer, Strength: 1}, OrderAverage{Window: 1, Method: Exact},
		OrderAverage{Window: 1, Method: Sampled, Orders: 3}, Words{Words: [][]int{{1}}},
	} {
		for i, r := range emitted(t, []Job{{Arrangement: a, Initial: point(0.7, -0.4), Iterates: upTo(9), Maps: every(descent{0.05})}}, Options{}) {
			if !r.State.Equal(forward[i].State) {
				t.Errorf("%+v: iterate %d is %v, forward %v", a, r.Iterate, r.State.Data, forward[i].State.Data)
			}
		}
	}
	first := emitted(t, []Job{{Arrangement: Lie{}, Initial: point(0.7, -0.4), Iterates: []int{1}, Maps: every(descent{0.05})}}, Options{})[0]
	if !first.State.Equal(forward[0].State) {
		t.Errorf("the first approximate iterate is %v, forward %v", first.State.Data, forward[0].State.Data)
	}
}

func TestSecondOrderRunsCountTheirWorkAndResume(t *testing.T) {
	for _, a := range []Arrangement{
		Lie{}, Lie{Start: 2, ResetEvery: 4}, OrderAverage{Window: 3, Method: Regularizer, Strength: 1}, OrderAverage{Window: 3, Method: Exact},
	} {
		progress := 0
		job := Job{Arrangement: a, Initial: point(0.7, -0.4), Iterates: []int{1, 2, 3, 5, 6, 9, 10, 12}, Maps: every(descent{0.05}),
			Averages: []Average{{From: 2}, {Kind: Latest, Window: 2}}}
		cost, err := Cost(t.Context(), job)
		if err != nil {
			t.Fatal(err)
		}
		whole := emitted(t, []Job{job}, Options{Workers: 1, Progress: func(units int) { progress += units }})
		var total Work
		for _, r := range whole {
			total = total.Add(r.Work)
		}
		if total != cost || int64(progress) != cost.Units() {
			t.Errorf("%+v: %+v were done, and %d units of progress, Cost says %+v", a, total, progress, cost)
		}
		for stop := range whole {
			first, checkpoint := interrupted(t, []Job{job}, Options{Workers: 2}, stop)
			requireSameResults(t, append(first, emitted(t, []Job{job}, Options{Workers: 3, Resume: checkpoint})...), whole)
		}
	}
}

func TestRatesOfSecondOrderTermsMayBeGiven(t *testing.T) {
	for _, c := range []struct{ own, given Arrangement }{
		{Lie{}, Lie{Rate: 0.05}},
		{OrderAverage{Window: 4, Method: Regularizer, Strength: 1}, OrderAverage{Window: 4, Method: Regularizer, Strength: 1, Rate: 0.05}},
	} {
		var ends []*optim.State
		for _, a := range []Arrangement{c.own, c.given} {
			ends = append(ends, emitted(t, []Job{{Arrangement: a, Initial: point(0.7, -0.4), Iterates: []int{4}, Maps: every(descent{0.05})}}, Options{})[0].State)
		}
		if !ends[0].Equal(ends[1]) {
			t.Errorf("%+v: %v, with the same rate given %v", c.own, ends[0].Data, ends[1].Data)
		}
	}
}

func TestSecondOrderTermsNeedMapsThatHaveThem(t *testing.T) {
	layout, err := optim.NewLayout([]optim.Field{{Name: "w", Shape: []int{2}}, {Kind: optim.Slot, Name: "w", Slot: "mean", Shape: []int{2}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		a       Arrangement
		initial *optim.State
		want    string
	}{
		{Lie{}, point(0, 0), "iterate 2: the derivatives of these steps are not known"},
		{OrderAverage{Window: 2, Method: Regularizer}, point(0, 0), "iterate 2: these steps cannot be taken as one update"},
		{Lie{}, layout.New(array.Float64), "iterate 2 has the Lie bracket of steps with memory (slot w:mean): it is defined for plain gradient descent"},
	} {
		_, err := Run(t.Context(), []Job{{Name: "mine", Arrangement: c.a, Initial: c.initial, Iterates: []int{2}, Maps: every(steps(tangle))}}, Options{})
		if want := "compose: mine: " + c.want; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: error %v, want %q", c.a, err, want)
		}
	}
}

// failing are derivatives that fail or diverge.
type failing struct {
	descent
	err error
}

func (f failing) HVP(_ context.Context, _ *optim.State, _ int, _, product array.Array) error {
	product.Set(0, math.Inf(1))
	return f.err
}

func TestBracketsThatFailOrDiverge(t *testing.T) {
	boom := errors.New("boom")
	job := Job{Name: "mine", Arrangement: Lie{}, Initial: point(0.7, -0.4), Iterates: upTo(3), Maps: every(failing{descent{0.05}, boom})}
	if _, err := Run(t.Context(), []Job{job}, Options{}); !errors.Is(err, boom) {
		t.Errorf("error %v, want the product's", err)
	}
	job.Maps = every(failing{descent{0.05}, nil})
	for i, r := range emitted(t, []Job{job}, Options{}) {
		if r.Diverged() != (i > 0) {
			t.Errorf("iterate %d diverged: %v", r.Iterate, r.Diverged())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, []Job{job}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func Example_bracket() {
	work, err := Cost(context.Background(), Job{Arrangement: Lie{}, Initial: point(0), Iterates: upTo(100)})
	fmt.Println(work.Steps, "gradients,", work.HVPs, "Hessian-vector products", err)
	// Output: 200 gradients, 5049 Hessian-vector products <nil>
}
