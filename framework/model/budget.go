package model

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// What operators make of constants is computed while the graph is written, so a small file could ask for any memory and time. The
// bounds are those of one Write, in numbers. Each constant is bounded by package ops.
const (
	maxConstants = 1 << 26 // that are computed
	maxRead      = 1 << 27 // that operators read, as often as they do
)

// budget counts constants against the bounds.
type budget struct{ computed, read int }

// read counts what a node reads, before it is imported.
func (w *writer) read(n *onnx.Node) error {
	sum, product, data := 0, 1, false
	for _, name := range n.Inputs {
		v := w.values[name]
		numbers, known := v.expr.Known()
		data = data || !known && !v.expr.Absent()
		sum += len(numbers)
		product = min(product*max(1, len(numbers)), 1+maxRead)
	}
	if !data && multiplies(n.OpType) {
		sum = max(sum, product)
	}
	if w.budget.read += sum; w.budget.read > maxRead {
		return fmt.Errorf("the constants that operators read up to here are too many and too large to be computed while the graph is written")
	}
	return nil
}

// multiplies reports whether an operator may read an input as often as another has elements.
func multiplies(name string) bool {
	for _, family := range []map[string]operator{linear, convolution, recurrent} {
		if _, is := family[name]; is {
			return true
		}
	}
	return false
}

// keep counts what a node computes.
func (w *writer) keep(v value) error {
	numbers, _ := v.expr.Known()
	if w.budget.computed += len(numbers); w.budget.computed > maxConstants {
		return fmt.Errorf("the constants up to here have more than %d numbers, too many to be computed while the graph is written", maxConstants)
	}
	return nil
}
