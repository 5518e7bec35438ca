package optim

import (
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Scalar is a number that may differ from step to step: a hyperparameter, the count of steps, or a formula over them. It is
// computed in float64 outside the graph, whatever the graph's precision (1 − 0.999 is off by 1e-5 in float32), and enters the
// graph as an input where it stands in an expression. It is an [ops.Operand].
type Scalar struct {
	step *Step
	text string // the formula; equal formulas are one input
	eval func(Moment) float64
	from origin
}

// origin says what a scalar is made from that may change from step to step.
type origin struct {
	count bool // how many steps were applied
	rate  bool // a learning rate, which a schedule multiplies
}

func (o origin) and(p origin) origin { return origin{o.count || p.count, o.rate || p.rate} }

// Moment is what the scalars of a step are computed from.
type Moment struct {
	Count    int64 // steps applied to the state before this one
	Batch    int   // k, from 1
	Hypers   map[string]float64
	Schedule *Scheduling // nil where learning rates stay

	Correction float64 // of the gradient of a group of batches: what its second-order term is multiplied by
}

// Rate returns the learning rate of that name: the hyperparameter as the schedule has it.
func (m Moment) Rate(name string) float64 { return m.Hypers[name] * m.factor() }

// factor returns what learning rates are multiplied by.
func (m Moment) factor() float64 {
	switch {
	case m.Schedule == nil:
		return 1
	case m.Schedule.Follow == FollowBatch:
		return m.Schedule.Factor(int64(m.Batch) - 1)
	default:
		return m.Schedule.Factor(m.Count)
	}
}

// Expr enters the scalar into the graph.
func (a Scalar) Expr() Expr { return a.step.input(a) }

// Add is a + b.
func (a Scalar) Add(b Scalar) Scalar {
	return a.combine("+", b, func(x, y float64) float64 { return x + y })
}

// Sub is a − b.
func (a Scalar) Sub(b Scalar) Scalar {
	return a.combine("-", b, func(x, y float64) float64 { return x - y })
}

// Mul is a·b.
func (a Scalar) Mul(b Scalar) Scalar {
	return a.combine("*", b, func(x, y float64) float64 { return x * y })
}

// Div is a/b.
func (a Scalar) Div(b Scalar) Scalar {
	return a.combine("/", b, func(x, y float64) float64 { return x / y })
}

// Pow is a to the power b.
func (a Scalar) Pow(b Scalar) Scalar { return a.combine("^", b, math.Pow) }

// OneMinus is 1 − a.
func (a Scalar) OneMinus() Scalar {
	return a.Map("one minus", func(x float64) float64 { return 1 - x })
}

// Sqrt is the square root of a.
func (a Scalar) Sqrt() Scalar { return a.Map("sqrt", math.Sqrt) }

// Map is f(a) for a pure function f. The name must tell f apart from other functions of the same plugin.
func (a Scalar) Map(name string, f func(float64) float64) Scalar {
	return Scalar{a.step, fmt.Sprintf("%s(%s)", name, a.text), func(m Moment) float64 { return f(a.eval(m)) }, a.from}
}

// Map2 is f(a, b); see Map.
func (a Scalar) Map2(name string, b Scalar, f func(a, b float64) float64) Scalar {
	return Scalar{a.step, fmt.Sprintf("%s(%s, %s)", name, a.text, b.text),
		func(m Moment) float64 { return f(a.eval(m), b.eval(m)) }, a.from.and(b.from)}
}

// Map3 is f(a, b, c); see Map.
func (a Scalar) Map3(name string, b, c Scalar, f func(a, b, c float64) float64) Scalar {
	return Scalar{a.step, fmt.Sprintf("%s(%s, %s, %s)", name, a.text, b.text, c.text),
		func(m Moment) float64 { return f(a.eval(m), b.eval(m), c.eval(m)) }, a.from.and(b.from).and(c.from)}
}

func (a Scalar) combine(sign string, b Scalar, f func(x, y float64) float64) Scalar {
	return Scalar{a.step, fmt.Sprintf("(%s%s%s)", a.text, sign, b.text),
		func(m Moment) float64 { return f(a.eval(m), b.eval(m)) }, a.from.and(b.from)}
}

// ScalarInput is a scalar that a graph reads.
type ScalarInput struct {
	Input ops.Expr
	Eval  func(Moment) float64
	from  origin
}

// ReadsCount reports whether the scalar is made from how many steps were applied: from [Step.Count] or [Step.Time], or from a learning rate
// under a schedule, which may be nil, that follows the count.
func (s ScalarInput) ReadsCount(schedule *Scheduling) bool {
	return s.from.count || s.from.rate && schedule != nil && schedule.Follow == FollowCount
}
