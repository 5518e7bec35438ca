package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/program"
)

// checkData refuses data that the model or the loss cannot read.
func (r *Run) checkData() error {
	train, m := r.Data.Train, r.Program.Model
	evaluation, err := r.Program.Evaluation(r.Recipe.Data.Batch)
	if err != nil {
		return err
	}
	if wanted := exampleShape(evaluation, program.FromBatch); !fits(train.Shape, wanted) {
		return fmt.Errorf("run: the model's input %q takes examples of shape %v%s, the data set %s has %v%s",
			m.Inputs[0].Name, wanted, r.withDims(), r.Data.Name, train.Shape, rearranged("x", train.Shape, wanted))
	}
	if err := r.checkClasses(evaluation); err != nil {
		return err
	}
	wanted, shape := exampleShape(evaluation, program.FromTargets), train.TargetShape
	if shape == nil {
		shape = []int{train.TargetSize()}
	}
	if !fits(shape, wanted) {
		return fmt.Errorf("run: the loss %s compares %v numbers for each example, the data set %s has %v%s",
			r.Recipe.Loss.Name, wanted, r.Data.Name, shape, rearranged("y", shape, wanted))
	}
	return nil
}

// exampleShape returns the shape that a graph reads one example's inputs or targets in.
func exampleShape(g *program.Graph, s program.Source) []int {
	for _, in := range g.Inputs {
		if in.Source == s {
			return in.Node.Shape()[1:]
		}
	}
	return nil
}

// withDims says which sizes of the model's input the recipe gives.
func (r *Run) withDims() string {
	if len(r.Recipe.Model.Dims) == len(r.inferred) {
		return ""
	}
	return fmt.Sprintf(" (with dims = %s)", inlineTable(r.Recipe.Model.Dims))
}

// fits reports whether numbers in one shape mean the same in another: axes of one element do not count, and numbers without axes beside
// that of the examples are taken in the order of the other side.
func fits(shape, wanted []int) bool {
	a, b := squeezed(shape), squeezed(wanted)
	return slices.Equal(a, b) || elements(a) == elements(b) && min(len(a), len(b)) <= 1
}

func squeezed(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(n int) bool { return n == 1 })
}

func elements(shape []int) int {
	size := 1
	for _, n := range shape {
		size *= n
	}
	return size
}

// rearranged says how to write arrays in the shape that is wanted, where they have as many numbers.
func rearranged(name string, shape, wanted []int) string {
	if elements(shape) != elements(wanted) {
		return ""
	}
	if axes := permutation(shape, wanted); axes != nil {
		return fmt.Sprintf(", the same axes in another order: save np.transpose(%s, (%s))", name, tuple(append([]int{0}, axes...)))
	}
	return fmt.Sprintf(", as many numbers in other axes: if their order is right, save np.reshape(%s, (%s))", name, tuple(append([]int{-1}, wanted...)))
}

// permutation returns axes of arrays of examples, counted from 1, whose order gives them the wanted shape, but for axes of one element;
// nil if there is none. Axes of one size stay in their order.
func permutation(shape, wanted []int) (axes []int) {
	if len(shape) != len(wanted) {
		wanted = squeezed(wanted)
	}
	take := func(size int) bool {
		for i, n := range shape {
			if n == size && !slices.Contains(axes, i+1) {
				axes = append(axes, i+1)
				return true
			}
		}
		return false
	}
	for _, size := range wanted {
		if !take(size) {
			return nil
		}
	}
	for take(1) { // what was left out
	}
	if len(axes) != len(shape) {
		return nil
	}
	return axes
}

// tuple writes numbers as Python does between the parentheses of a tuple.
func tuple(numbers []int) string {
	var list []string
	for _, n := range numbers {
		list = append(list, fmt.Sprint(n))
	}
	return strings.Join(list, ", ")
}
