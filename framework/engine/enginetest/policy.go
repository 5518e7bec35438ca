package enginetest

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// policies clips the machine's own gradients by hand.
func policies(t *testing.T, e engine.Engine) {
	const rate = 0.1
	for name, clipping := range map[string]optim.Clipping{
		"nothing":                  {},
		"numbers":                  {Value: 0.01},
		"the norm":                 {GlobalNorm: 0.05},
		"numbers and the norm":     {Value: 0.03, GlobalNorm: 0.02},
		"a bound that is not met":  {GlobalNorm: 1e3},
		"what must not be clipped": {Value: 1e3, GlobalNorm: 1e3},
	} {
		t.Run(name, func(t *testing.T) { comparePolicy(t, e, classifier(descent{rate}), rate, clipping, "hidden.*") })
	}
	t.Run("wide layers", func(t *testing.T) {
		comparePolicy(t, e, wide(descent{rate}, 8), rate, optim.Clipping{Value: 0.001, GlobalNorm: 0.01}, "first.*")
	})
}

// comparePolicy compares a step and an update with p's rate, with another rate for biases, and with frozen parameters.
func comparePolicy(t *testing.T, e engine.Engine, p problem, rate float64, clipping optim.Clipping, frozen string) {
	const ofBiases = 0.5
	biases := []string{"*.bias"}
	p.policy = optim.Policy{Clipping: clipping, Groups: []optim.Group{
		{Name: "frozen", Match: []string{frozen}, Frozen: true},
		{Name: "biases", Match: biases, Optimizer: descent{ofBiases}},
	}}
	for d, tolerance := range map[array.DType]float64{array.Float64: 1e-14, array.Float32: 1e-6} {
		s := p.open(t, e, d)
		g, _ := s.gradient(t, s.start, 2)
		want, clipped := s.start.Clone(), clip(g, clipping)
		for _, f := range s.program.Layout.Fields() {
			lr := rate
			if plugin.Match(biases, f.Name) {
				lr = ofBiases
			}
			if plugin.Match([]string{frozen}, f.Name) {
				t.Errorf("the state has the field %v of a frozen parameter", f)
			}
			for i := f.Offset(); i < f.Offset()+f.Size(); i++ {
				want.Data.Set(i, want.Data.At(i)-lr*clipped[i])
			}
		}
		stepped, updated, still := s.after(t, 2), s.start.Clone(), s.start.Clone()
		if err := s.Update(t.Context(), updated, 2, g); err != nil {
			t.Fatal(err)
		}
		if a, b := distance(stepped.Data, want.Data), distance(updated.Data, want.Data); !(a <= tolerance && b <= tolerance) {
			t.Errorf("%s: a step is %.1e away from what it should be, an update %.1e", d, a, b)
		}
		if err := s.Update(t.Context(), still, 2, s.vector()); err != nil {
			t.Fatal(err)
		}
		if !still.Data.Equal(s.start.Data) {
			t.Errorf("%s: a gradient of zeros moves parameters", d)
		}
	}
}

func clip(g array.Array, c optim.Clipping) []float64 {
	clipped, square := make([]float64, g.Len()), 0.0
	for i := range clipped {
		clipped[i] = g.At(i)
		if c.Value > 0 {
			clipped[i] = max(-c.Value, min(c.Value, clipped[i]))
		}
		square += clipped[i] * clipped[i]
	}
	if norm := math.Sqrt(square) + 1e-6; c.GlobalNorm > 0 && norm > c.GlobalNorm {
		for i := range clipped {
			clipped[i] *= c.GlobalNorm / norm
		}
	}
	return clipped
}

// harmonic falls as 1, 1/2, 1/3, …
type harmonic struct{}

func (harmonic) Factor(t, _ float64) float64 { return 1 / (1 + t) }

// scheduledLaws enumerates all noises of ±1 in the noisy quadratic. With rates h_c, where c−1 steps were applied before, F_n and B_n have
// one distribution; with rates h_k tied to the batch their variances are Σ_k h_k² Π_{j>k} (1−h_j)² and Σ_k h_k² Π_{j<k} (1−h_j)².
func scheduledLaws(t *testing.T, e engine.Engine) {
	const rate, n = 0.7, 4
	forwardVariance, backwardVariance, product := 0.0, 0.0, 1.0
	for k := 1.0; k <= n; k++ {
		h := rate / k
		forwardVariance = forwardVariance*(1-h)*(1-h) + h*h
		backwardVariance += product * h * h
		product *= (1 - h) * (1 - h)
	}
	for follow, want := range map[string][2]float64{
		optim.FollowCount: {forwardVariance, forwardVariance},
		optim.FollowBatch: {forwardVariance, backwardVariance},
	} {
		p := problem{network: programtest.NewNetwork(1).Mul("theta"), loss: "mse", optimizer: descent{rate}, data: programtest.Data{Size: 1}}
		p.policy.Schedule = &optim.Scheduling{Schedule: harmonic{}, Steps: n, Follow: follow}
		s := p.open(t, e, array.Float64)
		if s.program.DependsOnIndex() != (follow == optim.FollowBatch) {
			t.Errorf("following the %s, steps depend on the index: %v", follow, s.program.DependsOnIndex())
		}
		var forward, backward []float64
		for bits := range 1 << n {
			var epsilon noise
			for k := range n {
				epsilon = append(epsilon, float64(2*(bits>>k&1)-1))
			}
			s.data = epsilon
			forward = append(forward, s.after(t, 1, 2, 3, 4).Data.At(0))
			backward = append(backward, s.after(t, 4, 3, 2, 1).Data.At(0))
		}
		slices.Sort(forward)
		slices.Sort(backward)
		same := slices.EqualFunc(forward, backward, func(a, b float64) bool { return math.Abs(a-b) < 1e-12 })
		if same != (follow == optim.FollowCount) {
			t.Errorf("following the %s, the same law is %v:\nF_%d %.4f\nB_%d %.4f", follow, same, n, forward, n, backward)
		}
		if f, b := variance(forward), variance(backward); math.Abs(f-want[0]) > 1e-12 || math.Abs(b-want[1]) > 1e-12 {
			t.Errorf("following the %s, the variances are %.4f and %.4f, want %.4f and %.4f", follow, f, b, want[0], want[1])
		}
	}
}

func variance(x []float64) float64 {
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		square += (v - mean) * (v - mean) / float64(len(x))
	}
	return square
}
