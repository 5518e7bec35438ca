// Package plan runs programs as static plans: it is the engine to train with on a CPU.
//
// A program's graph is compiled once: what is known is computed, equal values are one, elementwise operators and sums become passes that
// read and write every tensor once, products feed such passes row by row, the gradient of a weight that only the optimizer reads
// goes into its update without being stored, a dense layer's weights are read once for this update and for the gradient in the layer's
// input, new parts of the state are written over the old ones, and every intermediate result has a fixed place in one run of memory that
// is used again as soon as it is free. A step then is a list of calls of kernels, see package kernel; it allocates nothing.
package plan

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

func init() {
	engine.Register("plan", "compiled plans with fused kernels: the fastest on a CPU", func() engine.Engine { return Engine{} })
}

// Engine compiles programs.
type Engine struct{}

// Open returns a machine that compiles graphs as they are needed.
func (Engine) Open(p *program.Program) (engine.Machine, error) {
	if err := kernel.Refused(); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if p.Precision == array.Float64 {
		return newMachine[float64](p), nil
	}
	return newMachine[float32](p), nil
}

// Kernels returns the instruction set that kernels are compiled for, or "go".
func (Engine) Kernels() string { return kernel.Set() }

// machine holds a plan with its memory for each graph, batch size and phase that it was asked for.
type machine[T kernel.Float] struct {
	program *program.Program
	runners map[key]*runner[T]
	group   engine.Together
}

type key struct {
	graph string
	batch int // 0 for a graph that reads none
	phase int // of the optimizer, if it writes the graph

	parts       int  // of a group
	secondOrder bool // whether a group's gradient has that term
}

func newMachine[T kernel.Float](p *program.Program) *machine[T] {
	return &machine[T]{program: p, runners: map[key]*runner[T]{}}
}

// Apply applies T_k for every k of the word.
func (m *machine[T]) Apply(ctx context.Context, s *optim.State, batches engine.Batches, word []int) error {
	defer enter()()
	for _, k := range word {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := batches.Batch(k)
		if err != nil {
			return fmt.Errorf("plan: batch %d: %w", k, err)
		}
		phase, err := m.program.Phase(s.Count)
		if err == nil {
			err = m.runBatch(key{graph: "step", phase: phase}, ends{state: s, batch: b, moment: m.program.Moment(s, k)})
		}
		if err != nil {
			return fmt.Errorf("plan: step %d: %w", k, err)
		}
		s.Count++
	}
	return nil
}

// ApplyGroup makes one update of all batches of the word.
func (m *machine[T]) ApplyGroup(ctx context.Context, s *optim.State, batches engine.Batches, word []int, c engine.Correction) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	defer enter()()
	err := m.group.Read(batches, word, len(m.program.Model.Inputs))
	var e ends
	k := key{graph: "group", batch: m.group.Batch.Size, parts: len(word), secondOrder: c.Strength != 0}
	if err == nil {
		e = ends{state: s, batch: m.group.Batch, group: m.group.Noise}
		e.moment, err = c.Moment(m.program, s, word)
	}
	if err == nil {
		k.phase, err = m.program.Phase(s.Count)
	}
	if err == nil {
		err = m.run(k, e)
	}
	if err != nil {
		return fmt.Errorf("plan: group %v: %w", word, err)
	}
	s.Count++
	return nil
}

// Gradient stores the gradient and returns the output and the losses of the batch.
func (m *machine[T]) Gradient(ctx context.Context, s *optim.State, b engine.Batch, gradient array.Array) (engine.Evaluation, error) {
	var e engine.Evaluation
	if err := m.check(ctx, gradient); err != nil {
		return e, err
	}
	defer enter()()
	if err := m.runBatch(key{graph: "gradient"}, ends{state: s, batch: b, result: gradient, evaluation: &e}); err != nil {
		return e, fmt.Errorf("plan: gradient: %w", err)
	}
	return e, nil
}

// HVP stores the product of the Hessian with direction.
func (m *machine[T]) HVP(ctx context.Context, s *optim.State, b engine.Batch, direction, product array.Array) error {
	if err := m.check(ctx, direction, product); err != nil {
		return err
	}
	defer enter()()
	if err := m.runBatch(key{graph: "hvp"}, ends{state: s, batch: b, vector: direction, result: product}); err != nil {
		return fmt.Errorf("plan: Hessian-vector product: %w", err)
	}
	return nil
}

// Update applies the optimizer's step with this gradient.
func (m *machine[T]) Update(ctx context.Context, s *optim.State, k int, gradient array.Array) error {
	if err := m.check(ctx, gradient); err != nil {
		return err
	}
	defer enter()()
	phase, err := m.program.Phase(s.Count)
	if err == nil {
		err = m.run(key{graph: "update", phase: phase}, ends{state: s, vector: gradient, moment: m.program.Moment(s, k)})
	}
	if err != nil {
		return fmt.Errorf("plan: update: %w", err)
	}
	s.Count++
	return nil
}

// Evaluate returns the output and the losses of the batch.
func (m *machine[T]) Evaluate(ctx context.Context, s *optim.State, b engine.Batch) (engine.Evaluation, error) {
	var e engine.Evaluation
	if err := m.check(ctx); err != nil {
		return e, err
	}
	defer enter()()
	if err := m.runBatch(key{graph: "evaluation"}, ends{state: s, batch: b, evaluation: &e}); err != nil {
		return e, fmt.Errorf("plan: evaluation: %w", err)
	}
	return e, nil
}

// enter counts a chain as running until the function that it returns is called.
func enter() (leave func()) {
	atWork.Add(1)
	return leaveWork
}

func leaveWork() { atWork.Add(-1) }

// check looks at what a call is given before any graph is compiled.
func (m *machine[T]) check(ctx context.Context, vectors ...array.Array) error {
	for _, v := range vectors {
		if v.Len() != m.program.Layout.Parameters() {
			return fmt.Errorf("plan: a vector of %d numbers, the parameters have %d", v.Len(), m.program.Layout.Parameters())
		}
	}
	return ctx.Err()
}

func (m *machine[T]) runBatch(k key, e ends) error {
	if e.batch.Size < 1 {
		return fmt.Errorf("a batch of %d examples", e.batch.Size)
	}
	if given, wanted := len(e.batch.Inputs), len(m.program.Model.Inputs); given != wanted {
		return fmt.Errorf("the batch has %d inputs, the model %d", given, wanted)
	}
	k.batch = e.batch.Size
	return m.run(k, e)
}

// run compiles a graph when it is first needed, and runs it.
func (m *machine[T]) run(k key, e ends) error {
	if !e.state.Layout.Same(m.program.Layout) {
		return errors.New("the state has another layout than the program: another model's, or another optimizer's")
	}
	if d := e.state.Data.DType(); d != m.program.Precision {
		return fmt.Errorf("the state is %s, the program %s", d, m.program.Precision)
	}
	r, err := m.runner(k)
	if err != nil {
		return err
	}
	return r.run(e)
}

func (m *machine[T]) runner(k key) (*runner[T], error) {
	if r := m.runners[k]; r != nil {
		return r, nil
	}
	g, err := m.write(k)
	if err != nil {
		return nil, err
	}
	p, err := compile[T](g, true)
	if err != nil {
		return nil, fmt.Errorf("compiling: %w", err)
	}
	m.runners[k] = newRunner(p, g)
	return m.runners[k], nil
}

// write returns the graph of a key.
func (m *machine[T]) write(k key) (*program.Graph, error) {
	switch k.graph {
	case "step":
		return m.program.Step(k.batch, k.phase)
	case "gradient":
		return m.program.Gradient(k.batch)
	case "hvp":
		return m.program.HVP(k.batch)
	case "group":
		return m.program.Group(k.batch, k.parts, k.phase, k.secondOrder)
	case "update":
		return m.program.Update(k.phase)
	default:
		return m.program.Evaluation(k.batch)
	}
}

// Close forgets the plans and their memory.
func (m *machine[T]) Close() error {
	clear(m.runners)
	return nil
}
