package optim

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"gorgonia.org/gorgonia"
)

// Given is what an update is written over: a graph, the precision of its nodes, the parameters in it, and what the plugin may ask about the
// loss.
type Given struct {
	Graph     *gorgonia.ExprGraph
	Precision array.DType
	Params    []Trained
	Objective Objective
	Phase     int // of a Phased optimizer
}

// Trained is a parameter that an update is written for.
type Trained struct {
	Name  string
	Value ops.Expr // in the graph
}

// Update is an optimizer's step as part of a graph.
type Update struct {
	Params  []ops.Expr // the new values, in the order of the parameters
	Slots   []SlotUpdate
	Scalars []ScalarInput
	Noise   []ops.Expr         // inputs that want numbers drawn uniformly from [0, 1), anew for every step
	Hypers  map[string]float64 // the hyperparameters' defaults
}

// SlotUpdate is a slot in a graph: the input that holds it before the step, and its value after it.
type SlotUpdate struct {
	Field    Field
	Old, New ops.Expr
}

// Write lets an optimizer, whose options must be valid, write its update. A parameter's slots come in the order
// in which it asked for them, and those of the whole state last.
func Write(o Optimizer, given Given) (*Update, error) {
	if v, ok := o.(plugin.Validator); ok {
		if err := v.Validate(); err != nil {
			return nil, fmt.Errorf("optim: %T: %w", o, err)
		}
	}
	s := &Step{
		graph: given.Graph, precision: given.Precision, objective: given.Objective, phase: given.Phase,
		hypers: map[string]float64{}, entered: map[string]ops.Expr{}, noise: map[string]ops.Expr{},
	}
	for i, p := range given.Params {
		s.params = append(s.params, &Param{step: s, index: i, name: p.Name, value: p.Value})
	}
	o.Step(s)
	u := &Update{Scalars: s.scalars, Noise: s.draws, Hypers: s.hypers}
	for _, p := range s.params {
		if p.next.Absent() {
			s.Fail("parameter %q is never set", p.name)
		}
		u.Params = append(u.Params, p.next)
		u.add(p.slots, p.name, p.Shape())
	}
	u.add(s.slots, "", nil)
	if s.err != nil {
		return nil, fmt.Errorf("optim: %T: %w", o, s.err)
	}
	return u, nil
}

// add lists the slots of a parameter, or of the whole state.
func (u *Update) add(slots []*slot, name string, shape []int) {
	for _, s := range slots {
		u.Slots = append(u.Slots, SlotUpdate{Field{Kind: Slot, Name: name, Slot: s.name, Shape: shape}, s.old, s.next})
	}
}
