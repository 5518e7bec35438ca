package optim

import (
	"fmt"
	"maps"

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

// Write lets an optimizer, whose options must be valid, write its update as the policy says. A parameter's slots come in the order in
// which it asked for them, and those of the whole state last.
func Write(o Optimizer, policy Policy, given Given) (*Update, error) {
	u := &Update{Hypers: map[string]float64{}}
	clipping := given.newStep(clippingPrefix)
	given.Objective = policy.Clipping.of(given, clipping)
	parts := policy.parts(o, given.Params)
	written := make([]*Param, len(given.Params))
	var steps []*Step
	for _, part := range parts {
		s := given.newStep(part.prefix)
		if _, phased := part.optimizer.(Phased); phased && (len(parts) > 1 || part.where != "") {
			return nil, fmt.Errorf("optim: %s%T has phases, which groups do not share: it cannot have groups", part.where, part.optimizer)
		}
		if len(parts) > 1 {
			s.objective = portion{given, part.members}
		}
		for i, at := range part.members {
			written[at] = &Param{step: s, index: i, name: given.Params[at].Name, value: given.Params[at].Value}
			s.params = append(s.params, written[at])
		}
		if err := s.write(part.optimizer); err != nil {
			return nil, fmt.Errorf("optim: %s%T: %w", part.where, part.optimizer, err)
		}
		steps = append(steps, s)
	}
	for _, p := range written {
		u.Params = append(u.Params, p.next)
		u.add(p.slots, p.name, p.Shape())
	}
	for _, s := range append(steps, clipping) {
		u.add(s.slots, "", nil)
		u.Scalars = append(u.Scalars, s.scalars...)
		u.Noise = append(u.Noise, s.draws...)
		maps.Copy(u.Hypers, s.hypers)
	}
	return u, nil
}

// newStep starts an update without parameters.
func (g Given) newStep(prefix string) *Step {
	return &Step{
		graph: g.Graph, precision: g.Precision, prefix: prefix, objective: g.Objective, phase: g.Phase,
		hypers: map[string]float64{}, entered: map[string]ops.Expr{}, noise: map[string]ops.Expr{},
	}
}

// values returns the parameters at the state.
func (g Given) values() []Expr {
	values := make([]Expr, len(g.Params))
	for i, p := range g.Params {
		values[i] = p.Value
	}
	return values
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

// add lists the slots of a parameter, or of the whole state.
func (u *Update) add(slots []*slot, name string, shape []int) {
	for _, s := range slots {
		u.Slots = append(u.Slots, SlotUpdate{Field{Kind: Slot, Name: name, Slot: s.name, Shape: shape}, s.old, s.next})
	}
}
