package ops_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gonum.org/v1/gonum/diff/fd"
	"gorgonia.org/gorgonia"
)

// Tolerances are relative to the largest number compared, and to one. A value is a sum of fewer than a hundred terms of size one:
// in float64 (unit roundoff 1.1e-16) it is right to 1e-13, in float32 (6e-8) to 1e-5, where gradients of gradients chain
// several such sums. A central difference with step h = 6e-6 errs by h²/6 ≈ 6e-12 times a third derivative, which stays below
// a few thousand where we sample, and by roundoff/h ≈ 2e-11 times the loss, which stays below a few hundred: 1e-7 covers both.
const (
	valueTolerance      = 1e-13
	singleTolerance     = 1e-5
	differenceTolerance = 1e-7
	step                = 6e-6
)

func TestOperatorsGradientsAndHessianVectorProducts(t *testing.T) {
	for _, c := range operatorCases() {
		t.Run(c.String(), func(t *testing.T) {
			p := newProbe(t, c, array.Float64)
			value, gradient, product := p.run(p.x)
			compare(t, "value", value, c.oracle(c.out, p.inputs(p.x)...), valueTolerance)
			compare(t, "gradient", gradient, p.differencesOfDefinition(), differenceTolerance)
			compare(t, "Hessian-vector product", product, p.differencesOfGradient(), differenceTolerance)
		})
	}
}

func TestSinglePrecisionAgreesWithDouble(t *testing.T) {
	for _, c := range operatorCases() {
		t.Run(c.String(), func(t *testing.T) {
			double, single := newProbe(t, c, array.Float64), newProbe(t, c, array.Float32)
			value, gradient, product := double.run(double.x)
			value32, gradient32, product32 := single.run(single.x)
			compare(t, "value", value32, value, singleTolerance)
			compare(t, "gradient", gradient32, gradient, singleTolerance)
			compare(t, "Hessian-vector product", product32, product, singleTolerance)
		})
	}
}

// probe is a scalar loss of an operator's output y that is curved even if the operator is linear: Σ slope·y + ½ Σ (bend·y)².
// All its numbers are exact in float32.
type probe struct {
	operatorCase
	x, direction, slope, bend []float64 // x and direction hold all inputs, one after the other
	machine                   *opstest.Machine
	inputNodes, vNodes        []ops.Expr
	fixed                     opstest.Values
}

func newProbe(t *testing.T, c operatorCase, d array.DType) *probe {
	t.Helper()
	p := &probe{operatorCase: c}
	r := rand.New(rand.NewPCG(2502, 1557))
	g := gorgonia.NewGraph()
	for i, shape := range c.in {
		p.x = append(p.x, c.draw(r, i)...)
		p.direction = append(p.direction, c.directions(r, i)...)
		p.inputNodes = append(p.inputNodes, ops.Input(g, fmt.Sprint("x", i), d, shape...))
		p.vNodes = append(p.vNodes, ops.Input(g, fmt.Sprint("v", i), d, shape...))
	}
	p.slope, p.bend = signed(r, size(c.out)), signed(r, size(c.out))
	for _, numbers := range [][]float64{p.x, p.direction, p.slope, p.bend} {
		for i, v := range numbers {
			numbers[i] = float64(float32(v))
		}
	}
	slope, bend := ops.Input(g, "slope", d, c.out...), ops.Input(g, "bend", d, c.out...)
	y := ops.Apply(c.op, p.inputNodes...)
	if y.Err() != nil {
		t.Fatal(y.Err())
	}
	if !slices.Equal(y.Shape(), c.out) {
		t.Fatalf("the output has shape %v, want %v", y.Shape(), c.out)
	}
	loss := slope.Mul(y).Sum(false).Add(bend.Mul(y).Square().Sum(false).Scale(0.5))
	gradients, err := autodiff.Grad(loss, p.inputNodes...)
	if err != nil {
		t.Fatal(err)
	}
	products, err := autodiff.HVP(loss, p.inputNodes, p.vNodes)
	if err != nil {
		t.Fatal(err)
	}
	p.fixed = opstest.Values{slope: p.slope, bend: p.bend}
	p.machine = opstest.Compile(t, slices.Concat([]ops.Expr{y}, gradients, products)...)
	return p
}

// directions draws where input i moves: nowhere if it is discrete.
func (c operatorCase) directions(r *rand.Rand, i int) []float64 {
	if input, _ := discrete(c.op, c.in); i == input {
		return make([]float64, size(c.in[i]))
	}
	return signed(r, size(c.in[i]))
}

// run returns the output, and gradient and Hessian-vector product of the loss in all inputs, one after the other.
func (p *probe) run(x []float64) (y, gradient, product []float64) {
	values := maps.Clone(p.fixed)
	at := 0
	for i, shape := range p.in {
		n := size(shape)
		values[p.inputNodes[i]], values[p.vNodes[i]] = x[at:at+n], p.direction[at:at+n]
		at += n
	}
	results := p.machine.Run(values)
	n := len(p.in)
	return results[0], slices.Concat(results[1 : 1+n]...), slices.Concat(results[1+n:]...)
}

func (p *probe) inputs(x []float64) []ndarray {
	var in []ndarray
	for _, shape := range p.in {
		in = append(in, ndarray{shape, x[:size(shape)]})
		x = x[size(shape):]
	}
	return in
}

// differencesOfDefinition is the gradient of the loss, computed without the package.
func (p *probe) differencesOfDefinition() []float64 {
	gradient := make([]float64, len(p.x))
	switch {
	case p.jumps():
		return gradient
	case p.passesThrough():
		for i, y := range p.oracle(p.out, p.inputs(p.x)...) {
			gradient[i] = p.slope[i] + p.bend[i]*p.bend[i]*y
		}
		return gradient
	}
	loss := func(x []float64) float64 {
		sum := 0.0
		for i, y := range p.oracle(p.out, p.inputs(x)...) {
			sum += p.slope[i]*y + math.Pow(p.bend[i]*y, 2)/2
		}
		return sum
	}
	return fd.Gradient(gradient, loss, p.x, &fd.Settings{Formula: fd.Central, Step: step})
}

// differencesOfGradient is the change of the gradient along the direction.
func (p *probe) differencesOfGradient() []float64 {
	change := make([]float64, len(p.x))
	switch {
	case p.jumps():
		return change
	case p.passesThrough():
		for i, v := range p.direction {
			change[i] = p.bend[i] * p.bend[i] * v
		}
		return change
	}
	_, ahead, _ := p.run(p.moved(step))
	_, behind, _ := p.run(p.moved(-step))
	for i := range change {
		change[i] = (ahead[i] - behind[i]) / (2 * step)
	}
	return change
}

func (p *probe) moved(h float64) []float64 {
	x := slices.Clone(p.x)
	for i, v := range p.direction {
		x[i] += h * v
	}
	return x
}

// jumps reports whether the sample holds indices, where a difference is no derivative: the gradient must be zero.
func (c operatorCase) jumps() bool {
	return reflect.ValueOf(c.sample).Pointer() == reflect.ValueOf(sampler(classes)).Pointer()
}

// passesThrough reports whether the operator is a staircase whose gradient is defined to be that of the identity.
func (c operatorCase) passesThrough() bool {
	_, is := c.op.(ops.ShortFloat)
	return is
}

func compare(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	scale := 1.0
	for _, v := range want {
		scale = math.Max(scale, math.Abs(v))
	}
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= tolerance*scale) {
			t.Fatalf("%s %d of %v is %v, want %v", what, i, got, got[i], want[i])
		}
	}
}
