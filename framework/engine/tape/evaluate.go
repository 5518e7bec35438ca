package tape

import (
	"errors"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// EvaluateGraph returns the value of an expression in a graph that holds all its inputs, see [ops.HeldBy].
func (Engine) EvaluateGraph(x ops.Expr) (array.Array, error) {
	switch {
	case x.Err() != nil:
		return array.Array{}, x.Err()
	case x.Node() == nil:
		return array.Array{}, errors.New("tape: the expression is no node")
	case x.Node().Op() == nil:
		return numbers(x.Node().Value()).Clone(), nil
	}
	vm := gorgonia.NewTapeMachine(x.Node().Graph().SubgraphRoots(x.Node()))
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		return array.Array{}, cause(err)
	}
	return numbers(x.Node().Value()), nil
}
