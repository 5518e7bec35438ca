// Package enginetest is the conformance suite of engines: closed forms, finite differences and the rules of [engine.Machine]. An
// engine joins it with one line in a test:
//
//	func TestConformance(t *testing.T) { enginetest.Run(t, tape.Engine{}) }
//
// It tests through whole programs, from an ONNX file to the state after a word. It knows no optimizer plugin and writes the few
// updates that it needs itself.
package enginetest

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// Run tests an engine.
func Run(t *testing.T, e engine.Engine) {
	for _, c := range []struct {
		rule string
		test func(*testing.T, engine.Engine)
	}{
		{"a word on the noisy quadratic is its closed form", noisyQuadratic},
		{"gradients and Hessian-vector products are finite differences", derivatives},
		{"float32 follows float64", precisions},
		{"evaluation gives the loss of each example", evaluation},
		{"an update with the gradient is the step", update},
		{"a group's update is its definition, with buffers and noise", groupUpdates},
		{"a group without its second-order term is a step on the large batch", largeBatch},
		{"second-order terms leave third orders", secondOrder},
		{"a word is its letters one after the other", words},
		{"hyperparameters and the count are read at every step", moments},
		{"gradients are clipped, and groups step at rates of their own", policies},
		{"a schedule that follows the count keeps the law of the iterates, one that follows the batch does not", scheduledLaws},
		{"a step reads everything before it writes", swap},
		{"a step moves running statistics as its batch says, an evaluation uses them", runningStatistics},
		{"noise in T_k is what the seed and the batch say", noiseOfASeedAndABatch},
		{"T_k with buffers and noise is the same map wherever it stands in a word", sameMap},
		{"an evaluation knows no noise, and nothing but a step changes buffers", evaluationMode},
		{"batch sizes may change from step to step", batchSizes},
		{"a step that evaluates the loss at another point reads the batch's examples and noise there", otherPoints},
		{"buffers follow the pass at the state, or that at the first other point", bufferPasses},
		{"a Hessian-vector product in a step is the machine's", hvpInStep},
		{"reductions over all parameters are sums over the state", reductions},
		{"an optimizer's noise is what the seed and the batch say", optimizerNoise},
		{"a step is written for the phase that the count names", phases},
		{"steps of every kind follow float64 in float32, in words, at any batch size", everyKind},
		{"an update that needs more than a gradient is refused and changes nothing", refusedUpdates},
		{"a cancelled word ends after a whole step", cancellation},
		{"a step that fails half-way changes nothing", halfway},
		{"a wrong call is an error and changes nothing", misuse},
		{"machines of one program run at the same time", concurrency},
		{"thousands of steps leave no memory and no goroutines behind", leaks},
	} {
		t.Run(c.rule, func(t *testing.T) { c.test(t, e) })
	}
}

// setup is a program with a machine, a first state and data.
type setup struct {
	engine.Machine
	program *program.Program
	start   *optim.State
	data    engine.Batches
}

// problem is what a setup is made from.
type problem struct {
	network   *programtest.Network
	loss      string
	optimizer optim.Optimizer
	policy    optim.Policy
	data      programtest.Data
}

// classifier is a convolutional network with a parameter of every rank.
func classifier(o optim.Optimizer) problem {
	return problem{
		network: programtest.NewNetwork(1, 4, 4).Conv("conv", 2, 2).Add("position", 2, 3, 3).Apply("Tanh").Flatten().
			Dense("hidden", 5).Apply("Tanh").Mul("gain").Dense("logits", 3),
		loss:      "cross_entropy",
		optimizer: o,
		data:      programtest.Data{Size: 4, Input: []int{1, 4, 4}, Target: programtest.Largest(3)},
	}
}

// regression is a multilayer perceptron.
func regression(o optim.Optimizer) problem {
	return problem{
		network:   programtest.NewNetwork(3).Dense("first", 5).Apply("Tanh").Dense("second", 4).Apply("Sigmoid").Dense("output", 2),
		loss:      "mse",
		optimizer: o,
		data:      programtest.Data{Size: 4, Input: []int{3}, Target: programtest.Product(2)},
	}
}

// wide is a multilayer perceptron with layers that are worth being cut into parts, and weights that are stored either way.
func wide(o optim.Optimizer, batch int) problem {
	return problem{
		network: programtest.NewNetwork(3).Dense("first", 1201).Apply("Relu").Dense("second", 999).Apply("Tanh").MatMul("third", 250).
			Apply("Tanh").Dense("output", 2),
		loss:      "mse",
		optimizer: o,
		data:      programtest.Data{Size: batch, Input: []int{3}, Target: programtest.Product(2)},
	}
}

// noisy is a convolutional network with buffers and noise.
func noisy(o optim.Optimizer) problem {
	return problem{
		network: programtest.NewNetwork(1, 4, 4).Conv("conv", 2, 2).BatchNorm("norm").Apply("Tanh").Dropout(0.25).Flatten().
			Dense("hidden", 5).BatchNorm("hidden.norm").Apply("Tanh").Dropout(0.5).Dense("logits", 3),
		loss:      "cross_entropy",
		optimizer: o,
		data:      programtest.Data{Size: 8, Input: []int{1, 4, 4}, Target: programtest.Largest(3), Seed: 6},
	}
}

// open makes the program and opens a machine.
func (p problem) open(t testing.TB, e engine.Engine, d array.DType) setup {
	t.Helper()
	m, err := p.network.Import()
	if err != nil {
		t.Fatal(err)
	}
	loss, err := program.NewLoss(p.loss)
	if err != nil {
		t.Fatal(err)
	}
	s := setup{data: p.data}
	s.program, err = program.New(program.Spec{Model: m, Loss: loss, Optimizer: p.optimizer, Policy: p.policy, Precision: d}, p.data.Size)
	if err != nil {
		t.Fatal(err)
	}
	s.Machine = openMachine(t, e, s.program)
	values, err := s.program.Model.Initialize("keep", 0)
	if err != nil {
		t.Fatal(err)
	}
	s.start = s.program.NewState(values)
	return s
}

func openMachine(t testing.TB, e engine.Engine, p *program.Program) engine.Machine {
	t.Helper()
	m, err := e.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// after returns the start after a word.
func (s setup) after(t testing.TB, word ...int) *optim.State {
	t.Helper()
	state := s.start.Clone()
	s.apply(t, state, word...)
	return state
}

func (s setup) apply(t testing.TB, state *optim.State, word ...int) {
	t.Helper()
	if err := s.Apply(t.Context(), state, s.data, word); err != nil {
		t.Fatal(err)
	}
}

func (s setup) batch(t testing.TB, k int) engine.Batch {
	t.Helper()
	b, err := s.data.Batch(k)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (s setup) vector() array.Array {
	return array.New(s.program.Precision, s.program.Layout.Parameters())
}

// gradient returns the gradient and the loss of batch k.
func (s setup) gradient(t testing.TB, state *optim.State, k int) (array.Array, float64) {
	t.Helper()
	g := s.vector()
	e, err := s.Gradient(t.Context(), state, s.batch(t, k), g)
	if err != nil {
		t.Fatal(err)
	}
	return g, e.Loss()
}
