package plan

import (
	"context"
	"errors"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Profile applies a word and tells where the time goes, in the steps of the last one's phase. All batches must have the size of the last.
func (m *machine[T]) Profile(ctx context.Context, s *optim.State, batches engine.Batches, word []int) (engine.Profile, error) {
	var p engine.Profile
	if len(word) == 0 {
		return p, errors.New("plan: a profile needs a step at least")
	}
	b, err := batches.Batch(word[len(word)-1])
	if err != nil {
		return p, err
	}
	phase, steps, err := m.lastPhase(s.Count, len(word))
	if err != nil {
		return p, err
	}
	r, err := m.runner(key{graph: "step", batch: b.Size, phase: phase})
	if err != nil {
		return p, err
	}
	c := r.chain
	c.times = make([]time.Duration, len(c.plan.instructions))
	defer func() { c.times = nil }()
	if err := m.Apply(ctx, s, batches, word); err != nil {
		return p, err
	}
	for i, in := range c.plan.instructions {
		p.Instructions = append(p.Instructions, engine.Instruction{Name: in.name, Detail: in.detail, Parts: in.parts, Time: c.times[i] / time.Duration(steps)})
	}
	size := int64(m.program.Precision.Size())
	p.Memory = size*int64(c.plan.arena+c.plan.scratch+c.plan.partial) + 8*int64(c.plan.sums)
	p.Alive = size * int64(c.plan.least)
	return p, nil
}

// lastPhase returns the phase of the last of some steps from a count on, and how many of them are in it.
func (m *machine[T]) lastPhase(count int64, length int) (phase, steps int, err error) {
	phase, err = m.program.Phase(count + int64(length) - 1)
	for i := range length {
		if p, _ := m.program.Phase(count + int64(i)); p == phase {
			steps++
		}
	}
	return phase, steps, err
}
