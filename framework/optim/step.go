package optim

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// Step is one update while its graph is written: what [Optimizer.Step] reads from and writes to.
type Step struct {
	graph     *gorgonia.ExprGraph
	precision array.DType
	prefix    string // of the hyperparameters' names: a group's, or none
	params    []*Param
	hypers    map[string]float64
	scalars   []ScalarInput
	entered   map[string]ops.Expr // scalars in the graph, by formula
	err       error
}

// newStep starts an update without parameters.
func newStep(g *gorgonia.ExprGraph, d array.DType, prefix string) *Step {
	return &Step{graph: g, precision: d, prefix: prefix, hypers: map[string]float64{}, entered: map[string]ops.Expr{}}
}

// Params returns the trained parameters in the model's order; where a recipe has groups, those of one.
func (s *Step) Params() []*Param { return slices.Clone(s.params) }

// Hyper returns a hyperparameter. The value is its default: a run may change it between steps without building the graph anew.
// By convention the name is the option's.
func (s *Step) Hyper(name string, value float64) Scalar {
	name = s.prefix + name
	if old, named := s.hypers[name]; named && old != value {
		s.Fail("hyperparameter %q is given two values, %v and %v", name, old, value)
	}
	s.hypers[name] = value
	read := func(m Moment) float64 { return m.Hypers[name] }
	if IsRate(name) {
		read = func(m Moment) float64 { return m.Hypers[name] * m.factor() }
	}
	return Scalar{s, strconv.Quote(name), read}
}

// Const returns a number that never changes.
func (s *Step) Const(v float64) Scalar {
	return Scalar{s, fmt.Sprint(v), func(Moment) float64 { return v }}
}

// Count returns how many steps were applied to the state before this one. A bias correction wants [Step.Time].
func (s *Step) Count() Scalar {
	return Scalar{s, "count", func(m Moment) float64 { return float64(m.Count) }}
}

// Time returns how many steps were applied to the state, this one included: 1 in the first step.
func (s *Step) Time() Scalar {
	return Scalar{s, "time", func(m Moment) float64 { return float64(m.Count + 1) }}
}

// Fail refuses to write the update, as for options that contradict each other. The program is not made, and its error says why.
func (s *Step) Fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

func (s *Step) input(a Scalar) ops.Expr {
	if x, ok := s.entered[a.text]; ok {
		return x
	}
	x := ops.Input(s.graph, "scalar "+s.prefix+a.text, s.precision)
	s.entered[a.text] = x
	s.scalars = append(s.scalars, ScalarInput{x, a.eval})
	return x
}

// Param is one trained parameter in a [Step].
type Param struct {
	step     *Step
	name     string
	value    ops.Expr
	gradient ops.Expr
	next     ops.Expr
	slots    []*slot
}

type slot struct {
	name      string
	old, next ops.Expr
}

// Name returns the parameter's name in the model.
func (p *Param) Name() string { return p.name }

// Shape returns the parameter's dimensions.
func (p *Param) Shape() []int { return p.value.Shape() }

// Value returns the parameter before the step.
func (p *Param) Value() Expr { return p.value }

// Gradient returns the gradient of the loss at the state before the step.
func (p *Param) Gradient() Expr { return p.gradient }

// PenalizedGradient returns the gradient of the loss with an L2 penalty: the hyperparameter weight_decay, which has this value, times the
// parameter joins the gradient. If it is zero, nothing does.
func (p *Param) PenalizedGradient(weightDecay float64) Expr {
	if weightDecay == 0 {
		return p.gradient
	}
	return p.gradient.Add(p.value.Mul(p.step.Hyper("weight_decay", weightDecay)))
}

// MovingAverage keeps an exponential moving average of x, which starts at zero, in the slot of that name: decay times what it held plus
// one minus decay times x. It returns what the slot holds after the step.
func (p *Param) MovingAverage(slot string, decay Scalar, x Expr) Expr {
	average := p.Slot(slot).Mul(decay).Add(x.Mul(decay.OneMinus()))
	p.SetSlot(slot, average)
	return average
}

// Set makes v the parameter after the step.
func (p *Param) Set(v Expr) {
	p.next = v
	p.check(fmt.Sprintf("parameter %q", p.name), v)
}

// Slot returns what the slot of that name held before the step. It has the parameter's shape and starts at zero.
func (p *Param) Slot(name string) Expr { return p.slot(name).old }

// SetSlot makes v the slot's content after the step.
func (p *Param) SetSlot(name string, v Expr) {
	p.slot(name).next = v
	p.check(fmt.Sprintf("slot %q of %q", name, p.name), v)
}

func (p *Param) slot(name string) *slot {
	for _, s := range p.slots {
		if s.name == name {
			return s
		}
	}
	s := &slot{name: name}
	s.old = ops.Input(p.step.graph, fmt.Sprintf("slot %s of %s", name, p.name), p.step.precision, p.Shape()...)
	s.next = s.old
	p.slots = append(p.slots, s)
	return s
}

func (p *Param) check(what string, v Expr) {
	switch {
	case v.Err() != nil:
		p.step.Fail("%s: %w", what, v.Err())
	case v.Absent():
		p.step.Fail("%s is set to an absent expression", what)
	case v.Node().Graph() != p.step.graph:
		p.step.Fail("%s is set to an expression of another graph: was it kept from an earlier step?", what)
	case !slices.Equal(v.Shape(), p.value.Shape()):
		p.step.Fail("%s has the shape %v but is set to a value of shape %v", what, p.value.Shape(), v.Shape())
	}
}
