package model

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// A few bytes of a file can ask for any size. The first two bounds are those of package ops.
const (
	maxElements = 1 << 31 // of a tensor, and with it every dimension
	maxAxes     = 64      // of a tensor
	maxConstant = 1 << 22 // numbers of a constant that an operator makes
)

// What operators make of constants is computed while the graph is written, so a small file could ask for any memory and time. The
// bounds are those of one Write, in numbers.
const (
	maxComputed = 1 << 26 // in all constants that are computed
	maxRead     = 1 << 27 // in all that operators read, as often as they do
)

// budget counts constants against the bounds.
type budget struct {
	computed int
	read     float64
}

// read counts what a node reads, before it is imported.
func (w *writer) read(n *onnx.Node) error {
	sum, pairs, data := 0., 1., false
	for _, name := range n.Inputs {
		v := w.values[name].expr
		numbers, known := v.Known()
		data = data || !known && !v.Absent()
		sum += float64(len(numbers))
		pairs *= float64(max(1, len(numbers)))
	}
	if !data {
		sum = max(sum, pairs*w.meeting(n))
	}
	if w.budget.read += sum; w.budget.read > maxRead {
		return fmt.Errorf("the constants that operators read are too many or too large to be computed while the graph is written")
	}
	return nil
}

// meeting returns which part of all pairs of elements of a node's inputs an operator multiplies: in a product of matrices an
// element meets one row of the other, in a convolution it may meet all weights. Other operators multiply no more than they read.
func (w *writer) meeting(n *onnx.Node) float64 {
	if _, is := linear[n.OpType]; is {
		shape := w.values[n.Inputs[0]].expr.Shape()
		if len(shape) == 0 {
			return 1
		}
		return 1 / float64(max(1, shape[len(shape)-1]))
	}
	for _, family := range []map[string]operator{convolution, recurrent} {
		if _, is := family[n.OpType]; is {
			return 1
		}
	}
	return 0
}

// keep counts what a node computes.
func (w *writer) keep(v value) error {
	numbers, _ := v.expr.Known()
	if w.budget.computed += len(numbers); w.budget.computed > maxComputed {
		return fmt.Errorf("the constants up to here have more than %d numbers, too many to be computed while the graph is written", maxComputed)
	}
	return nil
}
