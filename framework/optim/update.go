package optim

import (
	"fmt"

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

// Write lets an optimizer, whose options must be valid, write its update into g. The slots come in the order in which it asked for
// them.
func Write(o Optimizer, g *gorgonia.ExprGraph, d array.DType, params []Trained) (*Update, error) {
	if v, ok := o.(plugin.Validator); ok {
		if err := v.Validate(); err != nil {
			return nil, fmt.Errorf("optim: %T: %w", o, err)
		}
	}
	s := &Step{graph: g, precision: d, hypers: map[string]float64{}, entered: map[string]ops.Expr{}}
	for _, p := range params {
		s.params = append(s.params, &Param{step: s, name: p.Name, value: p.Value, gradient: p.Gradient})
	}
	o.Step(s)
	u := &Update{Scalars: s.scalars, Hypers: s.hypers}
	for _, p := range s.params {
		if p.next.Absent() {
			s.Fail("parameter %q is never set", p.name)
		}
		u.Params = append(u.Params, p.next)
		for _, slot := range p.slots {
			field := Field{Kind: Slot, Name: p.name, Slot: slot.name, Shape: p.Shape()}
			u.Slots = append(u.Slots, SlotUpdate{field, slot.old, slot.next})
		}
	}
	if s.err != nil {
		return nil, fmt.Errorf("optim: %T: %w", o, s.err)
	}
	return u, nil
}
