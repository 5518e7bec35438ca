package optim

import (
	"errors"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// portion is the objective as a group of parameters sees it: the gradient at the state. Anything else would be evaluated for one group
// while the others stay behind, so it is refused.
type portion struct {
	given   Given
	members []int
}

var errPortion = errors.New("an optimizer that evaluates the loss elsewhere, or its Hessian, moves all parameters together: it cannot have groups")

func (p portion) Gradient(point []Expr) []Expr {
	all := p.given.values()
	part := make([]Expr, len(p.members))
	for i, at := range p.members {
		if point[i] != all[at] {
			return p.refused()
		}
	}
	gradient := p.given.Objective.Gradient(all)
	for i, at := range p.members {
		part[i] = gradient[at]
	}
	return part
}

func (p portion) Loss([]Expr) Expr { return ops.Failed(errPortion) }

func (p portion) HVP(_, _ []Expr) []Expr { return p.refused() }

func (p portion) refused() []Expr {
	return slices.Repeat([]Expr{ops.Failed(errPortion)}, len(p.members))
}
