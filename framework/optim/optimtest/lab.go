package optimtest

import (
	"context"
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// lab is where one check works. Its first error sticks, and whatever is asked of it afterwards is skipped.
type lab struct {
	construct func() optim.Optimizer
	machines  []engine.Machine
	err       error
}

func (l *lab) fail(format string, args ...any) {
	if l.err == nil {
		l.err = fmt.Errorf(format, args...)
	}
}

func (l *lab) close() {
	for _, m := range l.machines {
		m.Close()
	}
}

// problem is a model with its loss and data. Batches repeat with a period of eight.
type problem struct {
	network func() *programtest.Network
	loss    program.Loss
	data    programtest.Data
}

// everyRank has parameters with zero to four axes and is smooth.
var everyRank = problem{
	network: func() *programtest.Network {
		return programtest.NewNetwork(1, 3, 3).Conv("conv", 2, 2).Add("position", 2, 2, 2).Apply("Tanh").Flatten().
			Dense("hidden", 4).Apply("Tanh").Mul("gain").Dense("logits", 3)
	},
	loss: program.CrossEntropy{},
	data: programtest.Data{Size: 4, Input: []int{1, 3, 3}, Target: programtest.Largest(3)},
}

// certain is everyRank with one class, which a large bias makes certain: the gradient is exactly zero, and so is the Hessian.
var certain = problem{
	network: everyRank.network,
	loss:    everyRank.loss,
	data:    programtest.Data{Size: 4, Input: []int{1, 3, 3}, Target: func([]float64) []float64 { return []float64{0} }},
}

// certainty returns a clone of s with that bias.
func (t *trial) certainty(s *optim.State) *optim.State {
	s = s.Clone()
	for _, f := range s.Layout.Fields() {
		if f.Kind == optim.Parameter && f.Name == "logits.bias" {
			s.Field(f).Set(0, 1000)
		}
	}
	return s
}

// unknown is everyRank with targets that are no numbers: the gradient is NaN.
var unknown = problem{
	network: everyRank.network,
	loss:    program.MeanSquaredError{},
	data:    programtest.Data{Size: 4, Input: []int{1, 3, 3}, Target: func([]float64) []float64 { return []float64{math.NaN(), math.NaN(), math.NaN()} }},
}

// softmaxRegression and linearRegression are convex.
var (
	softmaxRegression = problem{
		network: func() *programtest.Network { return programtest.NewNetwork(4).Dense("logits", 3) },
		loss:    program.CrossEntropy{},
		data:    programtest.Data{Size: 16, Input: []int{4}, Target: programtest.Largest(3)},
	}
	linearRegression = problem{
		network: func() *programtest.Network { return programtest.NewNetwork(4).Dense("output", 2) },
		loss:    program.MeanSquaredError{},
		data:    programtest.Data{Size: 16, Input: []int{4}, Target: func(x []float64) []float64 { return []float64{x[0] - x[1], 1 - x[2]} }},
	}
)

const period = 8

func (p problem) Batch(k int) (engine.Batch, error) { return p.data.Batch(k % period) }

// trial is an optimizer on a problem, with a machine to run it.
type trial struct {
	*lab
	problem problem
	program *program.Program
	machine engine.Machine
	start   *optim.State
}

// trial compiles an optimizer and opens a machine.
func (l *lab) trial(o optim.Optimizer, p problem, d array.DType) *trial {
	return l.trialWith(o, optim.Policy{}, p, d)
}

// trialWith compiles an optimizer with a policy around it, and opens a machine.
func (l *lab) trialWith(o optim.Optimizer, policy optim.Policy, p problem, d array.DType) *trial {
	t := &trial{lab: l, problem: p}
	if l.err != nil {
		return t
	}
	var err error
	if t.program, t.start, err = compile(o, policy, p, d); err != nil {
		l.fail("%w", err)
		return t
	}
	return t.open()
}

// compile makes the program and its first state.
func compile(o optim.Optimizer, policy optim.Policy, p problem, d array.DType) (*program.Program, *optim.State, error) {
	m, err := p.network().Import()
	if err != nil {
		return nil, nil, err
	}
	compiled, err := program.New(program.Spec{Model: m, Loss: p.loss, Optimizer: o, Policy: policy, Precision: d}, p.data.Size)
	if err != nil {
		return nil, nil, err
	}
	values, err := m.Initialize("keep", 0)
	if err != nil {
		return nil, nil, err
	}
	return compiled, compiled.NewState(values), nil
}

// open returns the trial with a machine of its own.
func (t *trial) open() *trial { return t.on(tape.Engine{}) }

// on returns the trial with a machine of an engine.
func (t *trial) on(e engine.Engine) *trial {
	if t.err != nil {
		return t
	}
	with := *t
	var err error
	if with.machine, err = e.Open(t.program); err != nil {
		t.fail("%w", err)
		return t
	}
	t.machines = append(t.machines, with.machine)
	return &with
}

// after returns the start after a word.
func (t *trial) after(word ...int) *optim.State { return t.from(t.start, word...) }

// from returns a clone of s after a word.
func (t *trial) from(s *optim.State, word ...int) *optim.State {
	if t.err != nil {
		return s
	}
	s = s.Clone()
	if err := t.machine.Apply(context.Background(), s, t.problem, word); err != nil {
		t.fail("%w", err)
	}
	return s
}

// gradient returns the gradient on batch k.
func (t *trial) gradient(s *optim.State, k int) array.Array {
	if t.err != nil {
		return array.Array{}
	}
	g := array.New(t.program.Precision, t.program.Layout.Parameters())
	b, err := t.problem.Batch(k)
	if err == nil {
		_, err = t.machine.Gradient(context.Background(), s, b, g)
	}
	if err != nil {
		t.fail("%w", err)
	}
	return g
}

// update returns a clone of s after the optimizer's step with this gradient.
func (t *trial) update(s *optim.State, gradient array.Array) *optim.State {
	if t.err != nil {
		return s
	}
	s = s.Clone()
	if err := t.machine.Update(context.Background(), s, int(s.Count)+1, gradient); err != nil {
		t.fail("%w", err)
	}
	return s
}

// loss returns the mean loss over all batches.
func (t *trial) loss(s *optim.State) float64 {
	sum, examples := 0.0, 0
	for k := range period {
		if t.err != nil {
			return 0
		}
		b, err := t.problem.Batch(k)
		if err != nil {
			t.fail("%w", err)
			return 0
		}
		e, err := t.machine.Evaluate(context.Background(), s, b)
		if err != nil {
			t.fail("%w", err)
			return 0
		}
		for i := range e.Losses.Len() {
			sum += e.Losses.At(i)
			examples++
		}
	}
	return sum / float64(examples)
}
