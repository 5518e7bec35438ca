package enginetest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// noise is the data of the noisy quadratic: with the model θ·x at x = 1/√2, the mean squared error against −ε/√2 has the gradient θ + ε.
type noise []float64

func (n noise) Batch(k int) (engine.Batch, error) {
	return engine.Batch{
		Size:    1,
		Inputs:  []array.Array{array.From64([]float64{math.Sqrt2 / 2})},
		Targets: array.From64([]float64{-n[k-1] / math.Sqrt2}),
	}, nil
}

// noisyQuadratic compares with F_n = (1−h)ⁿθ₀ − h Σ (1−h)ⁿ⁻ⁱ εᵢ and B_n = (1−h)ⁿθ₀ − h Σ (1−h)ⁱ⁻¹ εᵢ (arXiv:2502.01557, section 3.1).
func noisyQuadratic(t *testing.T, e engine.Engine) {
	const rate, steps = 0.1, 25
	random := rand.New(rand.NewPCG(4, 5))
	var epsilon noise
	for range steps {
		epsilon = append(epsilon, random.NormFloat64())
	}
	p := problem{network: programtest.NewNetwork(1).Mul("theta"), loss: "mse", optimizer: descent{rate}}
	p.data = programtest.Data{Size: 1}
	s := p.open(t, e, array.Float64)
	s.data = epsilon
	theta := s.start.Data.At(0)
	var forward, backward []int
	for n := 1; n <= steps; n++ {
		forward, backward = append(forward, n), append([]int{n}, backward...)
		f := math.Pow(1-rate, float64(n)) * theta
		b := f
		for i := 1; i <= n; i++ {
			f -= rate * math.Pow(1-rate, float64(n-i)) * epsilon[i-1]
			b -= rate * math.Pow(1-rate, float64(i-1)) * epsilon[i-1]
		}
		for _, c := range []struct {
			name string
			word []int
			want float64
		}{{"F", forward, f}, {"B", backward, b}} {
			got := s.after(t, c.word...)
			if math.Abs(got.Data.At(0)-c.want) > 1e-12 || got.Count != int64(n) {
				t.Errorf("%s_%d = %v after %d steps, want %v", c.name, n, got.Data.At(0), got.Count, c.want)
			}
		}
	}
}

func derivatives(t *testing.T, e engine.Engine) {
	problems := map[string]problem{
		"convolutional network, cross-entropy":      classifier(descent{0.1}),
		"multilayer perceptron, mean squared error": regression(descent{0.1}),
		"one output, mean squared error": {
			network:   programtest.NewNetwork(2).Dense("first", 3).Apply("Tanh").Dense("output", 1),
			loss:      "mse",
			optimizer: descent{0.1},
			data:      programtest.Data{Size: 3, Input: []int{2}, Target: programtest.Product(1)},
		},
	}
	for _, name := range program.LossNames() {
		problems["loss "+name] = withLoss(t, name)
	}
	for name, p := range problems {
		t.Run(name, func(t *testing.T) {
			s := p.open(t, e, array.Float64)
			random := rand.New(rand.NewPCG(6, 7))
			for k := range 3 {
				_, loss := s.gradient(t, s.start, k)
				if mean := meanLoss(t, s, s.start, k); math.Abs(mean-loss) > 1e-14 {
					t.Errorf("the loss is %v with the gradient and %v in the evaluation", loss, mean)
				}
				checkDerivatives(t, s, k, direction(s, random))
			}
		})
	}
	t.Run("batch normalization and dropout, cross-entropy", func(t *testing.T) {
		s := noisy(descent{0.1}).open(t, e, array.Float64)
		checkDerivatives(t, s, 1, direction(s, rand.New(rand.NewPCG(6, 7))))
	})
}

// withLoss is a problem with any registered loss. Targets that are single numbers are taken for class indices.
func withLoss(t *testing.T, name string) problem {
	loss, err := program.NewLoss(name)
	if err != nil {
		t.Fatal(err)
	}
	const outputs = 3
	p := problem{
		network: programtest.NewNetwork(4).Dense("first", 5).Apply("Tanh").Dense("output", outputs), loss: name, optimizer: descent{0.1},
		data: programtest.Data{Size: 4, Input: []int{4}, Target: programtest.Product(outputs)},
	}
	shape, err := loss.TargetShape([]int{outputs})
	if err != nil {
		t.Fatal(err)
	}
	if len(shape) == 0 {
		p.data.Target = programtest.Largest(outputs)
	}
	return p
}

func direction(s setup, random *rand.Rand) array.Array {
	v := s.vector()
	for i := range v.Len() {
		v.Set(i, random.NormFloat64())
	}
	return v
}

// checkDerivatives compares the gradient with differences of the training loss in every coordinate, and the Hessian-vector product with
// differences of the gradient along v.
func checkDerivatives(t *testing.T, s setup, k int, v array.Array) {
	const h = 3e-6
	g, _ := s.gradient(t, s.start, k)
	differences, coordinate := s.vector(), s.vector()
	for i := range g.Len() {
		coordinate.Set(i, 1)
		_, ahead := s.gradient(t, moved(s.start, coordinate, h), k)
		_, behind := s.gradient(t, moved(s.start, coordinate, -h), k)
		differences.Set(i, (ahead-behind)/(2*h))
		coordinate.Set(i, 0)
	}
	if d := distance(g, differences); d > 1e-8 {
		t.Errorf("batch %d: the gradient differs from finite differences by %.1e", k, d)
	}
	product := s.vector()
	if err := s.HVP(t.Context(), s.start, s.batch(t, k), v, product); err != nil {
		t.Fatal(err)
	}
	ahead, _ := s.gradient(t, moved(s.start, v, h), k)
	behind, _ := s.gradient(t, moved(s.start, v, -h), k)
	for i := range differences.Len() {
		differences.Set(i, (ahead.At(i)-behind.At(i))/(2*h))
	}
	if d := distance(product, differences); d > 1e-8 {
		t.Errorf("batch %d: the Hessian-vector product differs from finite differences by %.1e", k, d)
	}
}

func meanLoss(t *testing.T, s setup, state *optim.State, k int) float64 {
	t.Helper()
	result, err := s.Evaluate(t.Context(), state, s.batch(t, k))
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range result.Losses.Len() {
		sum += result.Losses.At(i)
	}
	return sum / float64(result.Losses.Len())
}

// moved returns state + h·v.
func moved(state *optim.State, v array.Array, h float64) *optim.State {
	s := state.Clone()
	for i := range v.Len() {
		s.Data.Set(i, s.Data.At(i)+h*v.At(i))
	}
	return s
}

// distance is the largest difference between a and b over the largest number of b.
func distance(a, b array.Array) float64 {
	difference, scale := 0.0, 0.0
	for i := range b.Len() {
		difference = max(difference, math.Abs(a.At(i)-b.At(i)))
		scale = max(scale, math.Abs(b.At(i)))
	}
	return difference / scale
}

// precisions compares what the two precisions make of one state.
func precisions(t *testing.T, e engine.Engine) {
	for _, p := range []problem{classifier(averaging{0.1}), noisy(averaging{0.01})} {
		comparePrecisions(t, p.open(t, e, array.Float64), p.open(t, e, array.Float32))
	}
}

func comparePrecisions(t *testing.T, double, single setup) {
	t.Helper()
	g, loss := double.gradient(t, double.start, 1)
	g32, loss32 := single.gradient(t, single.start, 1)
	if d := distance(g32, g); d > 1e-5 || math.Abs(loss-loss32) > 1e-5 {
		t.Errorf("the gradient differs by %.1e, the loss is %v and %v", d, loss, loss32)
	}
	word := []int{1, 2, 3, 4, 5}
	if d := distance(single.after(t, word...).Data, double.after(t, word...).Data); d > 1e-5 {
		t.Errorf("the state differs by %.1e after %d steps", d, len(word))
	}
}
