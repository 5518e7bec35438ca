package optim

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Objective is the mean loss of the step's batch as a function of the parameters. Points, directions and results have a part for each
// parameter, in the order of [Given.Params] and of their shapes. What cannot be written is a failed expression.
type Objective interface {
	Loss(point []Expr) Expr
	Gradient(point []Expr) []Expr
	HVP(point, direction []Expr) []Expr
}

// Values returns the parameters before the step, in the model's order.
func (s *Step) Values() []Expr {
	values := make([]Expr, len(s.params))
	for i, p := range s.params {
		values[i] = p.value
	}
	return values
}

// Gradients returns the gradient of the loss at the state before the step, as [Param.Gradient] does, for all parameters.
func (s *Step) Gradients() []Expr {
	if s.gradients == nil {
		s.gradients = s.objective.Gradient(s.Values())
	}
	return slices.Clone(s.gradients)
}

// LossAt returns the mean loss of the step's batch at a point, which has a part for each parameter, in the model's order: a scalar. The
// model reads the same examples and draws the same noise as at the state.
//
// A plugin that asks for more than the gradient at the state evaluates the loss itself, so its update cannot be written for a gradient
// that is given from outside.
//
// A model's buffers, such as BatchNormalization's running statistics, follow the pass at the state. If a plugin evaluates nothing there,
// they follow the pass at the first point that it asks for.
func (s *Step) LossAt(point []Expr) Expr {
	if err := s.fits("the point", point); err != nil {
		return ops.Failed(err)
	}
	return s.objective.Loss(point)
}

// GradientAt returns the gradient of the mean loss of the step's batch at a point, see [Step.LossAt]. The point is taken as it is: if it
// depends on the parameters, that is not differentiated.
func (s *Step) GradientAt(point []Expr) []Expr {
	if err := s.fits("the point", point); err != nil {
		return s.failed(err)
	}
	return s.objective.Gradient(point)
}

// HVP returns the product of the Hessian of the mean loss of the step's batch, at the state before the step, with a direction, which has a
// part for each parameter. See [Step.HVPAt].
func (s *Step) HVP(direction []Expr) []Expr { return s.HVPAt(s.Values(), direction) }

// HVPAt returns the product of the Hessian at a point with a direction, see [Step.LossAt]. Both are taken as they are: if they depend on
// the parameters, that is not differentiated.
func (s *Step) HVPAt(point, direction []Expr) []Expr {
	if err := errors.Join(s.fits("the point", point), s.fits("the direction", direction)); err != nil {
		return s.failed(err)
	}
	return s.objective.HVP(point, direction)
}

// Dot returns the inner product of two lists whose parts have equal shapes: the sum over all numbers of all parts, a scalar.
func Dot(x, y []Expr) Expr {
	if len(x) != len(y) || len(x) == 0 {
		return ops.Failed(fmt.Errorf("the inner product of a list of %d parts with one of %d", len(x), len(y)))
	}
	var sum Expr
	for i := range x {
		if a, b := x[i].Shape(), y[i].Shape(); x[i].Err() == nil && y[i].Err() == nil && !slices.Equal(a, b) {
			return ops.Failed(fmt.Errorf("part %d of an inner product has the shapes %v and %v", i, a, b))
		}
		product := x[i].Mul(y[i]).Sum(false)
		if i > 0 {
			product = sum.Add(product)
		}
		sum = product
	}
	return sum
}

// GlobalNorm returns the Euclidean norm of all numbers of all parts of a list, a scalar.
func GlobalNorm(x []Expr) Expr { return Dot(x, x).Sqrt() }

// fits returns why a list is not one of expressions in this graph, one for each parameter and of its shape.
func (s *Step) fits(what string, list []Expr) error {
	if len(list) != len(s.params) {
		return fmt.Errorf("%s has %d parts, there are %d parameters", what, len(list), len(s.params))
	}
	for i, p := range s.params {
		if err := s.allows(list[i], p.value.Shape()); err != nil {
			return fmt.Errorf("%s's part for parameter %q is %w", what, p.name, err)
		}
	}
	return nil
}

func (s *Step) failed(err error) []Expr {
	return slices.Repeat([]Expr{ops.Failed(err)}, len(s.params))
}
