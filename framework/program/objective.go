package program

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"gorgonia.org/gorgonia"
)

// objective is the loss of a graph's batch as a function of the parameters. It is differentiated where it was written, at the state. At
// another point, the result is written again with other parameters over the same inputs, targets and noise: where the parameters of a point
// depend on each other, that is not differentiated.
type objective struct {
	*builder
	atState  bool          // whether anything was evaluated at the state
	first    *substitution // the first other point
	asked    string        // the first thing that was asked for beyond the gradient at the state
	gradient []ops.Expr    // at the state
	along    []ops.Expr    // inputs that stand for a direction
	products []ops.Expr    // the Hessian at the state times along
	err      error         // the first failure to differentiate
}

var _ optim.Objective = (*objective)(nil)

// Loss returns the mean loss at a point.
func (o *objective) Loss(point []ops.Expr) ops.Expr {
	o.ask("the loss")
	return o.at(point).of(o.loss)
}

// Gradient returns the gradient at a point.
func (o *objective) Gradient(point []ops.Expr) []ops.Expr {
	at := o.at(point)
	if !at.state {
		o.ask("the gradient at another point")
	}
	if o.gradient == nil && o.err == nil {
		o.gradient, o.err = autodiff.Grad(o.loss, o.params...)
	}
	return o.all(at, o.gradient)
}

// HVP returns the product of the Hessian at a point with a direction.
func (o *objective) HVP(point, direction []ops.Expr) []ops.Expr {
	o.ask("a Hessian-vector product")
	if o.along == nil {
		o.along = o.directions()
	}
	at := o.at(point).with(o.along, direction)
	if o.products == nil && o.err == nil {
		o.products, o.err = autodiff.HVP(o.loss, o.params, o.along)
	}
	return o.all(at, o.products)
}

// ask records the first thing that a gradient from outside would not answer.
func (o *objective) ask(what string) {
	if o.asked == "" {
		o.asked = what
	}
}

// at starts to write what is known at the state at another point.
func (o *objective) at(point []ops.Expr) *substitution {
	s := newSubstitution(o.params, point)
	if s.state {
		o.atState = true
	} else if o.first == nil {
		o.first = s
	}
	return s
}

// directions returns inputs that are replaced wherever they are used, so that no run needs their values.
func (b *builder) directions() []ops.Expr {
	along := make([]ops.Expr, len(b.params))
	for i, f := range b.program.parameterFields() {
		along[i] = ops.Input(b.graph.Expr, "direction "+f.Name, b.program.Precision, b.params[i].Shape()...)
	}
	return along
}

func (o *objective) all(at *substitution, list []ops.Expr) []ops.Expr {
	if o.err != nil {
		return slices.Repeat([]ops.Expr{ops.Failed(o.err)}, len(o.params))
	}
	return at.all(list)
}

// buffersAfter returns what the step makes of the buffers: what the pass at the state does, or that at the first other point if nothing
// was evaluated at the state.
func (o *objective) buffersAfter() []ops.Expr {
	if o.atState || o.first == nil {
		return o.buffers
	}
	return o.all(o.first, o.buffers)
}

// substitution writes expressions again with some of their inputs replaced.
type substitution struct {
	state   bool // whether nothing is replaced
	written map[*gorgonia.Node]ops.Expr
}

func newSubstitution(inputs, by []ops.Expr) *substitution {
	s := &substitution{state: slices.Equal(inputs, by), written: map[*gorgonia.Node]ops.Expr{}}
	return s.with(inputs, by)
}

// with returns s with more inputs replaced. It must come before anything is written that reads them.
func (s *substitution) with(inputs, by []ops.Expr) *substitution {
	for i, x := range inputs {
		s.written[x.Node()] = by[i]
	}
	return s
}

// of returns x with the inputs replaced. What depends on none of them is the same node.
func (s *substitution) of(x ops.Expr) ops.Expr {
	n := x.Node()
	if n == nil {
		return x
	}
	if y, done := s.written[n]; done {
		return y
	}
	inputs := ops.Inputs(n)
	replaced, changed := make([]ops.Expr, len(inputs)), false
	for i, in := range inputs {
		replaced[i] = s.of(ops.FromNode(in))
		changed = changed || replaced[i].Node() != in
	}
	if changed {
		x = ops.Apply(ops.Of(n), replaced...)
	}
	s.written[n] = x
	return x
}

// all returns a list with the inputs replaced.
func (s *substitution) all(list []ops.Expr) []ops.Expr {
	written := make([]ops.Expr, len(list))
	for i, x := range list {
		written[i] = s.of(x)
	}
	return written
}

// given is the objective of an update for a gradient that is given.
type given struct{ gradient []ops.Expr }

var errOnlyAGradient = errors.New("only a gradient at the state is given")

// Gradient returns what is given, at the state.
func (g given) Gradient([]ops.Expr) []ops.Expr { return g.gradient }

// Loss is not known.
func (g given) Loss([]ops.Expr) ops.Expr { return ops.Failed(errOnlyAGradient) }

// HVP is not known.
func (g given) HVP(point, _ []ops.Expr) []ops.Expr {
	return slices.Repeat([]ops.Expr{ops.Failed(errOnlyAGradient)}, len(point))
}

// needs returns why an update needs more than a gradient that is given, or "".
func (o *objective) needs(u *optim.Update) string {
	switch {
	case o.asked != "":
		return "evaluates the loss itself (it asks for " + o.asked + ")"
	case len(u.Noise) > 0:
		return "draws noise, which belongs to a batch"
	}
	return ""
}

// TakesGradient returns nil if the optimizer's update can be written for a gradient that is given, see [Program.Update]. Otherwise the error
// says what else the optimizer needs.
func (p *Program) TakesGradient() error {
	if p.needs == "" {
		return nil
	}
	return fmt.Errorf("program: %T %s, so it cannot be given a gradient", p.Optimizer, p.needs)
}
