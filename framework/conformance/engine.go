package conformance

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Evaluator is an engine that runs not only programs but any graph. An engine takes part in the tests by implementing it.
type Evaluator interface {
	// EvaluateGraph returns the value of an expression in a graph that holds all its inputs, see [ops.HeldBy].
	EvaluateGraph(x ops.Expr) (array.Array, error)
}

// NewEvaluator returns the registered engine of that name.
func NewEvaluator(name string) (Evaluator, error) {
	e, err := engine.New(name)
	if err != nil {
		return nil, err
	}
	evaluator, can := e.(Evaluator)
	if !can {
		return nil, fmt.Errorf("the engine %q runs programs only, not the graphs of tests", name)
	}
	return evaluator, nil
}

// Engines returns the names of the registered engines that are evaluators.
func Engines() []string {
	return slices.DeleteFunc(engine.Names(), func(name string) bool {
		_, err := NewEvaluator(name)
		return err != nil
	})
}
