// Package tape runs programs on Gorgonia's own tape machine, with the reference kernels of package ops. It is the oracle that
// other engines are compared with: correct and simple, and it allocates every result anew.
package tape

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

func init() {
	engine.Register("tape", "Gorgonia's tape machine: the reference, any platform", func() engine.Engine { return Engine{} })
}

// Engine runs programs on tape machines.
type Engine struct{}

// Open returns a machine that compiles graphs as they are needed.
func (Engine) Open(p *program.Program) (engine.Machine, error) {
	return &machine{program: p, tapes: map[key]*tape{}}, nil
}

// Kernels returns "go": there is no choice.
func (Engine) Kernels() string { return "go" }

// machine holds one tape for each graph, batch size and phase that it was asked for.
type machine struct {
	program *program.Program
	tapes   map[key]*tape
	group   engine.Together
}

type key struct {
	graph string
	batch int // 0 for a graph that reads none
	phase int // of the optimizer, if it writes the graph

	parts       int  // of a group
	secondOrder bool // whether a group's gradient has that term
}

// Apply applies T_k for every k of the word.
func (m *machine) Apply(ctx context.Context, s *optim.State, batches engine.Batches, word []int) error {
	for _, k := range word {
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := batches.Batch(k)
		if err != nil {
			return fmt.Errorf("tape: batch %d: %w", k, err)
		}
		if err := m.step(ends{state: s, batch: b, moment: m.program.Moment(s, k)}); err != nil {
			return fmt.Errorf("tape: step %d: %w", k, err)
		}
		s.Count++
	}
	return nil
}

// ApplyGroup makes one update of all batches of the word.
func (m *machine) ApplyGroup(ctx context.Context, s *optim.State, batches engine.Batches, word []int, c engine.Correction) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	if err := m.applyGroup(s, batches, word, c); err != nil {
		return fmt.Errorf("tape: group %v: %w", word, err)
	}
	s.Count++
	return nil
}

// Gradient stores the gradient and returns the output and the losses of the batch.
func (m *machine) Gradient(ctx context.Context, s *optim.State, b engine.Batch, gradient array.Array) (engine.Evaluation, error) {
	var e engine.Evaluation
	if err := m.check(ctx, gradient); err != nil {
		return e, err
	}
	if err := m.runBatch(key{graph: "gradient"}, m.program.Gradient, ends{state: s, batch: b, result: gradient, evaluation: &e}); err != nil {
		return e, fmt.Errorf("tape: gradient: %w", err)
	}
	return e, nil
}

// HVP stores the product of the Hessian with direction.
func (m *machine) HVP(ctx context.Context, s *optim.State, b engine.Batch, direction, product array.Array) error {
	if err := m.check(ctx, direction, product); err != nil {
		return err
	}
	if err := m.runBatch(key{graph: "hvp"}, m.program.HVP, ends{state: s, batch: b, vector: direction, result: product}); err != nil {
		return fmt.Errorf("tape: Hessian-vector product: %w", err)
	}
	return nil
}

// Update applies the optimizer's step with this gradient.
func (m *machine) Update(ctx context.Context, s *optim.State, k int, gradient array.Array) error {
	if err := m.check(ctx, gradient); err != nil {
		return err
	}
	if err := m.update(ends{state: s, vector: gradient, moment: m.program.Moment(s, k)}); err != nil {
		return fmt.Errorf("tape: update: %w", err)
	}
	s.Count++
	return nil
}

// Evaluate returns the output and the losses of the batch.
func (m *machine) Evaluate(ctx context.Context, s *optim.State, b engine.Batch) (engine.Evaluation, error) {
	var e engine.Evaluation
	if err := m.check(ctx); err != nil {
		return e, err
	}
	if err := m.runBatch(key{graph: "evaluation"}, m.program.Evaluation, ends{state: s, batch: b, evaluation: &e}); err != nil {
		return e, fmt.Errorf("tape: evaluation: %w", err)
	}
	return e, nil
}

// check looks at what a call is given before any graph is compiled.
func (m *machine) check(ctx context.Context, vectors ...array.Array) error {
	for _, v := range vectors {
		if v.Len() != m.program.Layout.Parameters() {
			return fmt.Errorf("tape: a vector of %d numbers, the parameters have %d", v.Len(), m.program.Layout.Parameters())
		}
	}
	return ctx.Err()
}

// step applies T_k in the phase of the state.
func (m *machine) step(e ends) error {
	phase, err := m.program.Phase(e.state.Count)
	if err != nil {
		return err
	}
	return m.runBatch(key{graph: "step", phase: phase}, func(batch int) (*program.Graph, error) { return m.program.Step(batch, phase) }, e)
}

// update applies the optimizer's step with a given gradient in the phase of the state.
func (m *machine) update(e ends) error {
	phase, err := m.program.Phase(e.state.Count)
	if err != nil {
		return err
	}
	return m.run(key{graph: "update", phase: phase}, func() (*program.Graph, error) { return m.program.Update(phase) }, e)
}

func (m *machine) applyGroup(s *optim.State, batches engine.Batches, word []int, c engine.Correction) error {
	if err := m.group.Read(batches, word, len(m.program.Model.Inputs)); err != nil {
		return err
	}
	moment, err := c.Moment(m.program, s, word)
	if err != nil {
		return err
	}
	phase, err := m.program.Phase(s.Count)
	if err != nil {
		return err
	}
	k := key{graph: "group", batch: m.group.Batch.Size, phase: phase, parts: len(word), secondOrder: c.Strength != 0}
	write := func() (*program.Graph, error) { return m.program.Group(k.batch, k.parts, k.phase, k.secondOrder) }
	return m.run(k, write, ends{state: s, batch: m.group.Batch, group: m.group.Noise, moment: moment})
}

func (m *machine) runBatch(k key, write func(batch int) (*program.Graph, error), e ends) error {
	if e.batch.Size < 1 {
		return fmt.Errorf("a batch of %d examples", e.batch.Size)
	}
	if given, wanted := len(e.batch.Inputs), len(m.program.Model.Inputs); given != wanted {
		return fmt.Errorf("the batch has %d inputs, the model %d", given, wanted)
	}
	k.batch = e.batch.Size
	return m.run(k, func() (*program.Graph, error) { return write(e.batch.Size) }, e)
}

// run compiles a graph when it is first needed, and runs it.
func (m *machine) run(k key, write func() (*program.Graph, error), e ends) error {
	if !e.state.Layout.Same(m.program.Layout) {
		return errors.New("the state has another layout than the program: another model's, or another optimizer's")
	}
	t, compiled := m.tapes[k]
	if !compiled {
		g, err := write()
		if err != nil {
			return err
		}
		if t, err = newTape(g); err != nil {
			return fmt.Errorf("compiling: %w", err)
		}
		m.tapes[k] = t
	}
	return t.run(e)
}

// Close closes the tapes.
func (m *machine) Close() error {
	for k, t := range m.tapes {
		if err := t.close(); err != nil {
			return err
		}
		delete(m.tapes, k)
	}
	return nil
}
