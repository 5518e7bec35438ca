package optim

import (
	"fmt"
	"maps"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"gorgonia.org/gorgonia"
)

// Trained is a parameter that an update is written for: its value and its gradient in the graph.
type Trained struct {
	Name            string
	Value, Gradient ops.Expr
}

// Update is an optimizer's step as part of a graph.
type Update struct {
	Params  []ops.Expr // the new values, in the order of the parameters
	Slots   []SlotUpdate
	Scalars []ScalarInput
	Hypers  map[string]float64 // the hyperparameters' defaults
}

// SlotUpdate is a slot in a graph: the input that holds it before the step, and its value after it.
type SlotUpdate struct {
	Field    Field
	Old, New ops.Expr
}

// Write lets an optimizer, whose options must be valid, write its update into g as the policy says. The slots come in the order in which
// it asked for them.
func Write(o Optimizer, policy Policy, g *gorgonia.ExprGraph, d array.DType, params []Trained) (*Update, error) {
	clipping := newStep(g, d, clippingPrefix)
	params = policy.Clipping.clip(clipping, params)
	u := &Update{Hypers: map[string]float64{}}
	u.collect(clipping)
	written := make([]*Param, len(params))
	for _, part := range policy.parts(o, params) {
		s := newStep(g, d, part.prefix)
		for _, i := range part.members {
			p := params[i]
			written[i] = &Param{step: s, name: p.Name, value: p.Value, gradient: p.Gradient}
			s.params = append(s.params, written[i])
		}
		if err := s.write(part.optimizer); err != nil {
			return nil, fmt.Errorf("optim: %s%T: %w", part.where, part.optimizer, err)
		}
		u.collect(s)
	}
	for _, p := range written {
		u.Params = append(u.Params, p.next)
		for _, slot := range p.slots {
			field := Field{Kind: Slot, Name: p.name, Slot: slot.name, Shape: p.Shape()}
			u.Slots = append(u.Slots, SlotUpdate{field, slot.old, slot.next})
		}
	}
	return u, nil
}

// write lets an optimizer write its update for the parameters of s.
func (s *Step) write(o Optimizer) error {
	if v, ok := o.(plugin.Validator); ok {
		if err := v.Validate(); err != nil {
			return err
		}
	}
	o.Step(s)
	for _, p := range s.params {
		if p.next.Absent() {
			s.Fail("parameter %q is never set", p.name)
		}
	}
	return s.err
}

// collect adds what a step reads besides parameters and slots.
func (u *Update) collect(s *Step) {
	u.Scalars = append(u.Scalars, s.scalars...)
	maps.Copy(u.Hypers, s.hypers)
}
