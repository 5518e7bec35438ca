package optim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Step is one update while its graph is written: what [Optimizer.Step] reads from and writes to.
type Step struct {
	graph     *gorgonia.ExprGraph
	precision array.DType
	prefix    string // of the hyperparameters' names: a group's, or none
	objective Objective
	phase     int
	params    []*Param
	slots     []*slot
	gradients []ops.Expr // at the state, once they are asked for
	hypers    map[string]float64
	scalars   []ScalarInput
	entered   map[string]ops.Expr // scalars in the graph, by formula
	draws     []ops.Expr
	noise     map[string]ops.Expr // draws, by parameter and name
	err       error
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
		read = func(m Moment) float64 { return m.Rate(name) }
	}
	return Scalar{s, strconv.Quote(name), read, origin{rate: IsRate(name)}}
}

// Const returns a number that never changes.
func (s *Step) Const(v float64) Scalar {
	return Scalar{s, fmt.Sprint(v), func(Moment) float64 { return v }, origin{}}
}

// Count returns how many steps were applied to the state before this one. A bias correction wants [Step.Time].
func (s *Step) Count() Scalar {
	return Scalar{s, "count", func(m Moment) float64 { return float64(m.Count) }, origin{count: true}}
}

// Time returns how many steps were applied to the state, this one included: 1 in the first step.
func (s *Step) Time() Scalar {
	return Scalar{s, "time", func(m Moment) float64 { return float64(m.Count + 1) }, origin{count: true}}
}

// Fail refuses to write the update, as for options that contradict each other. The program is not made, and its error says why.
func (s *Step) Fail(format string, args ...any) {
	if s.err == nil {
		s.err = fmt.Errorf(format, args...)
	}
}

// Slot returns what the slot of that name held before the step: one number for the whole state, which starts at zero. A parameter's
// slots are [Param.Slot].
func (s *Step) Slot(name string) Expr { return s.slot(name).old }

// SetSlot makes the scalar v the slot's content after the step.
func (s *Step) SetSlot(name string, v Expr) {
	s.slot(name).next = v
	s.check(fmt.Sprintf("slot %q", name), v, nil)
}

func (s *Step) slot(name string) *slot {
	name = s.prefix + name
	return s.find(&s.slots, name, "slot "+strconv.Quote(name), nil)
}

// find returns the slot of that name, which joins the list and the graph when it is first asked for.
func (s *Step) find(list *[]*slot, name, input string, shape []int) *slot {
	for _, known := range *list {
		if known.name == name {
			return known
		}
	}
	x := s.newInput(input, shape)
	*list = append(*list, &slot{name, x, x})
	return (*list)[len(*list)-1]
}

// newInput adds an input to the graph.
func (s *Step) newInput(name string, shape []int) ops.Expr {
	x := ops.Input(s.graph, name, s.precision, shape...)
	if err := x.Err(); err != nil {
		s.Fail("%w", err)
	}
	return x
}

// check refuses to set what is named to anything but an expression of that shape.
func (s *Step) check(what string, v Expr, shape []int) {
	if err := s.allows(v, shape); err != nil {
		s.Fail("%s is set to %w", what, err)
	}
}

// allows returns what v is, if it is not an expression in the graph of that shape.
func (s *Step) allows(v Expr, shape []int) error {
	switch {
	case v.Err() != nil:
		return fmt.Errorf("a failed expression: %w", v.Err())
	case v.Node() == nil:
		return errors.New("an absent expression")
	case v.Node().Graph() != s.graph:
		return errors.New("an expression of another graph: was it kept from an earlier step?")
	case !slices.Equal(v.Shape(), shape):
		return fmt.Errorf("a value of shape %v, want %v", v.Shape(), tensor.Shape(shape))
	}
	return nil
}

func (s *Step) input(a Scalar) ops.Expr {
	if x, ok := s.entered[a.text]; ok {
		return x
	}
	x := s.newInput("scalar "+s.prefix+a.text, nil)
	s.entered[a.text] = x
	s.scalars = append(s.scalars, ScalarInput{x, a.eval, a.from})
	return x
}

// Param is one trained parameter in a [Step].
type Param struct {
	step  *Step
	index int // among the step's
	name  string
	value ops.Expr
	next  ops.Expr
	slots []*slot
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

// Gradient returns the gradient of the loss at the state before the step. It costs nothing unless it is asked for.
func (p *Param) Gradient() Expr { return p.step.Gradients()[p.index] }

// PenalizedGradient returns the gradient of the loss with an L2 penalty: the hyperparameter weight_decay, which has this value, times the
// parameter joins the gradient. If it is zero, nothing does.
func (p *Param) PenalizedGradient(weightDecay float64) Expr {
	if weightDecay == 0 {
		return p.Gradient()
	}
	return p.Gradient().Add(p.value.Mul(p.step.Hyper("weight_decay", weightDecay)))
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
	return p.step.find(&p.slots, name, fmt.Sprintf("slot %s of %s", name, p.name), p.Shape())
}

func (p *Param) check(what string, v Expr) { p.step.check(what, v, p.value.Shape()) }
