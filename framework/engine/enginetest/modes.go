package enginetest

import (
	"math"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// field returns the numbers of a parameter or a buffer.
func (s setup) field(state *optim.State, name string) array.Array {
	for _, f := range s.program.Layout.Fields() {
		if f.Name == name && f.Kind != optim.Slot {
			return state.Field(f)
		}
	}
	return array.Array{}
}

// buffers returns all buffers, which stand at the end of a state.
func (s setup) buffers(state *optim.State) array.Array {
	size := 0
	for _, f := range s.program.Layout.Fields() {
		if f.Kind == optim.Buffer {
			size += f.Size()
		}
	}
	return state.Data.Slice(state.Data.Len()-size, state.Data.Len())
}

// runningStatistics works with a normalization of the input itself, whose statistics are those of the examples.
func runningStatistics(t *testing.T, e engine.Engine) {
	const momentum, epsilon = float64(float32(0.9)), float64(float32(1e-5)) // attributes of ONNX are float32
	p := problem{
		network: programtest.NewNetwork(2).BatchNorm("norm"), loss: "mse", optimizer: descent{0.1},
		data: programtest.Data{Size: 4, Input: []int{2}, Target: programtest.Product(2)},
	}
	s := p.open(t, e, array.Float64)
	word := []int{2, 1, 2}
	state := s.after(t, word...)
	mean, variance := s.field(s.start, "norm.mean").Clone(), s.field(s.start, "norm.variance").Clone()
	for _, k := range word {
		x := s.batch(t, k).Inputs[0]
		for c := range 2 {
			m, v := statistics(x, c, 2)
			mean.Set(c, momentum*mean.At(c)+(1-momentum)*m)
			variance.Set(c, momentum*variance.At(c)+(1-momentum)*v)
		}
	}
	if d := max(distance(s.field(state, "norm.mean"), mean), distance(s.field(state, "norm.variance"), variance)); d > 1e-14 {
		t.Errorf("the running statistics after %v differ from those of the batches by %.1e", word, d)
	}
	result, err := s.Evaluate(t.Context(), state, s.batch(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	scale, bias, x := s.field(state, "norm.scale"), s.field(state, "norm.bias"), s.batch(t, 3).Inputs[0]
	for i := range x.Len() {
		c := i % 2
		want := (x.At(i)-mean.At(c))/math.Sqrt(variance.At(c)+epsilon)*scale.At(c) + bias.At(c)
		if math.Abs(result.Output.At(i)-want) > 1e-13 {
			t.Errorf("the evaluation's output %d is %v, with the running statistics it is %v", i, result.Output.At(i), want)
		}
	}
}

// statistics returns mean and biased variance of every stride-th number from the first on.
func statistics(x array.Array, first, stride int) (mean, variance float64) {
	n := float64(x.Len() / stride)
	for i := first; i < x.Len(); i += stride {
		mean += x.At(i) / n
	}
	for i := first; i < x.Len(); i += stride {
		variance += (x.At(i) - mean) * (x.At(i) - mean) / n
	}
	return mean, variance
}

// noiseOfASeedAndABatch draws the noise of two dropouts itself.
func noiseOfASeedAndABatch(t *testing.T, e engine.Engine) {
	const first, second = 0.25, 0.5
	p := problem{
		network: programtest.NewNetwork(5).Dropout(first).Mul("theta", 5).Dropout(second), loss: "mse", optimizer: descent{0.1},
		data: programtest.Data{Size: 3, Input: []int{5}, Target: programtest.Product(5)},
	}
	for _, d := range []array.DType{array.Float32, array.Float64} {
		s := p.open(t, e, d)
		theta := s.field(s.start, "theta")
		for _, key := range []program.NoiseKey{{Seed: 1, Batch: 1}, {Seed: 1, Batch: 2}, {Seed: 2, Batch: 1}} {
			b := s.batch(t, 1)
			b.Noise = key
			result, err := s.Gradient(t.Context(), s.start, b, s.vector())
			if err != nil {
				t.Fatal(err)
			}
			x := b.Inputs[0]
			one, two := array.New(array.Float64, x.Len()), array.New(array.Float64, x.Len())
			key.Fill(one, 0)
			key.Fill(two, 1)
			if one.Equal(two) {
				t.Errorf("%s, %+v: two dropouts draw the same noise", d, key)
			}
			for i := range x.Len() {
				want := 0.0
				if one.At(i) >= first && two.At(i) >= second {
					want = x.At(i) / (1 - first) * theta.At(i%5) / (1 - second)
				}
				if math.Abs(result.Output.At(i)-want) > 1e-6 {
					t.Errorf("%s, %+v: output %d is %v, with the noise of that key it is %v", d, key, i, result.Output.At(i), want)
				}
			}
		}
	}
}

func sameMap(t *testing.T, e engine.Engine) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		p := noisy(averaging{0.1})
		s := p.open(t, e, d)
		whole := s.after(t, 2, 1, 3)
		state := s.after(t, 2)
		s.Machine = openMachine(t, e, s.program) // which has seen nothing before
		s.apply(t, state, 1)
		s.after(t, 3, 3, 1) // elsewhere
		s.apply(t, state, 3)
		if !state.Equal(whole) {
			t.Errorf("%s: T_3 of T_1 of T_2 is not [2 1 3]", d)
		}
		if s.buffers(state).Equal(s.buffers(s.start)) {
			t.Errorf("%s: the buffers stay as they were", d)
		}
		if s.buffers(s.after(t, 1, 2)).Equal(s.buffers(s.after(t, 2, 1))) {
			t.Errorf("%s: the buffers do not depend on the order of a word", d)
		}
		p.data.Seed++
		if p.open(t, e, d).after(t, 2, 1, 3).Equal(whole) {
			t.Errorf("%s: the seed makes no difference", d)
		}
		first := s.batch(t, 1)
		s.data = fixed{first}
		once := s.after(t, 1)
		first.Noise.Batch++
		s.data = fixed{first}
		if s.after(t, 1).Equal(once) {
			t.Errorf("%s: the same examples have the same noise in another batch", d)
		}
	}
}

func evaluationMode(t *testing.T, e engine.Engine) {
	s := noisy(averaging{0.1}).open(t, e, array.Float64)
	state := s.after(t, 1)
	before := state.Clone()
	b := s.batch(t, 2)
	evaluate := func() array.Array {
		result, err := s.Evaluate(t.Context(), state, b)
		if err != nil {
			t.Fatal(err)
		}
		return result.Output.Clone()
	}
	quiet := evaluate()
	b.Noise.Seed++
	if !evaluate().Equal(quiet) {
		t.Error("the output of an evaluation depends on the seed of the noise")
	}
	g, _ := s.gradient(t, state, 2)
	if err := s.HVP(t.Context(), state, b, g, s.vector()); err != nil {
		t.Fatal(err)
	}
	if !state.Equal(before) {
		t.Error("an evaluation, a gradient or a Hessian-vector product changes the state")
	}
	if err := s.Update(t.Context(), state, 1, g); err != nil {
		t.Fatal(err)
	}
	if !s.buffers(state).Equal(s.buffers(before)) {
		t.Error("an update with a given gradient, which reads no batch, changes buffers")
	}
}
