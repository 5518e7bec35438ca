package model

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// labeled is a tensor whose axes have labels, each only once.
type labeled struct {
	x      ops.Expr
	labels []label
}

// label names an axis: a letter, or one of those that an ellipsis stands for, counted from the last, as a negative number.
type label int

const ellipsis = "..."

// einsum contracts its operands from left to right (ONNX Einsum, opset 12; Einstein's convention as numpy.einsum has it). Axes
// of size one broadcast.
func einsum(c *call) ops.Expr {
	inputs, equation := c.exprs(), c.attrString("equation", "")
	if c.err != nil {
		return ops.Expr{}
	}
	y, err := contract(inputs, strings.ReplaceAll(equation, " ", ""))
	if err != nil {
		c.fail("equation %q: %w", equation, err)
	}
	return y
}

func contract(inputs []ops.Expr, equation string) (ops.Expr, error) {
	left, right, isExplicit := strings.Cut(equation, "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(inputs) {
		return ops.Expr{}, fmt.Errorf("%d terms for %d inputs", len(terms), len(inputs))
	}
	subscripts, widest := make([][]label, len(terms)), 0
	for i, term := range terms {
		labels, err := subscript(term, inputs[i].Rank())
		if err != nil {
			return ops.Expr{}, err
		}
		subscripts[i] = labels
		if strings.Contains(term, ellipsis) {
			widest = max(widest, len(labels)-len(term)+len(ellipsis))
		}
	}
	output := implicitOutput(subscripts)
	if isExplicit {
		var err error
		if output, err = explicitOutput(right, widest); err != nil {
			return ops.Expr{}, err
		}
	}
	if err := checkOutput(output, subscripts); err != nil {
		return ops.Expr{}, err
	}
	operands, err := diagonals(inputs, subscripts)
	if err != nil {
		return ops.Expr{}, err
	}
	return multiplied(operands, output), nil
}

// multiplied multiplies from left to right, and sums over each label that is not in the output once no later operand has it.
func multiplied(operands []labeled, output []label) ops.Expr {
	result := operands[0]
	for i, next := range operands[1:] {
		kept := slices.Clone(output)
		for _, later := range operands[i+2:] {
			kept = append(kept, later.labels...)
		}
		result = result.summedBut(slices.Concat(kept, next.labels)).times(next.summedBut(slices.Concat(kept, result.labels)), kept)
	}
	return result.summedBut(output).arranged(output)
}

// explicitOutput returns the labels of a term in which an ellipsis stands for as many axes as the widest among the inputs'.
func explicitOutput(term string, widest int) ([]label, error) {
	rank := len(term)
	if strings.Contains(term, ellipsis) {
		rank += widest - len(ellipsis)
	}
	return subscript(term, rank)
}

// subscript returns the labels of a tensor of that rank.
func subscript(term string, rank int) ([]label, error) {
	head, tail, open := strings.Cut(term, ellipsis)
	hidden := rank - len(head) - len(tail)
	if hidden < 0 || hidden > 0 && !open {
		return nil, fmt.Errorf("the term %q is not that of a tensor with %d axes", term, rank)
	}
	var labels []label
	for _, letter := range head {
		labels = append(labels, label(letter))
	}
	for i := range hidden {
		labels = append(labels, label(i-hidden))
	}
	for _, letter := range tail {
		labels = append(labels, label(letter))
	}
	for _, l := range labels {
		if l >= 0 && !(l >= 'a' && l <= 'z' || l >= 'A' && l <= 'Z') {
			return nil, fmt.Errorf("the term %q is not one of letters and an ellipsis", term)
		}
	}
	return labels, nil
}

// implicitOutput has what ellipses stand for and then, in alphabetical order, the letters that occur once.
func implicitOutput(subscripts [][]label) []label {
	count := map[label]int{}
	for _, labels := range subscripts {
		for _, l := range labels {
			count[l]++
		}
	}
	maps.DeleteFunc(count, func(l label, n int) bool { return l >= 0 && n > 1 })
	return slices.Sorted(maps.Keys(count))
}

func checkOutput(output []label, subscripts [][]label) error {
	used := map[label]bool{}
	for _, l := range slices.Concat(subscripts...) {
		used[l] = true
	}
	for i, l := range output {
		if !used[l] || slices.Contains(output[:i], l) {
			return fmt.Errorf("the output has the label %q, which no input has, or has it twice", rune(l))
		}
	}
	for l := range used {
		if l < 0 && !slices.Contains(output, l) {
			return errors.New("the inputs have an ellipsis, and the output has none")
		}
	}
	return nil
}

// diagonals makes the inputs tensors whose labels differ, and drops axes of size one that broadcast.
func diagonals(inputs []ops.Expr, subscripts [][]label) ([]labeled, error) {
	sizes := map[label]int{}
	for i, labels := range subscripts {
		for axis, l := range labels {
			n := inputs[i].Shape()[axis]
			if size, known := sizes[l]; known && size != n && size != 1 && n != 1 {
				return nil, fmt.Errorf("the axes %q have the sizes %d and %d", rune(l), size, n)
			}
			sizes[l] = max(sizes[l], n)
		}
	}
	operands := make([]labeled, len(inputs))
	for i, labels := range subscripts {
		t := labeled{x: inputs[i]}
		var dims []int
		for axis, n := range inputs[i].Shape() {
			if n == sizes[labels[axis]] {
				t.labels, dims = append(t.labels, labels[axis]), append(dims, n)
			}
		}
		if t.x = t.x.Reshape(dims...); t.x.Err() != nil {
			return nil, t.x.Err()
		}
		operands[i] = t.diagonal()
	}
	return operands, nil
}

// diagonal makes one axis of those that have the same label.
func (t labeled) diagonal() labeled {
	for i, l := range t.labels {
		j := slices.Index(t.labels[i+1:], l)
		if j < 0 {
			continue
		}
		j += i + 1
		others := slices.Delete(slices.Delete(counted(len(t.labels)), j, j+1), i, i+1)
		x := t.x.Transpose(append(others, i, j)...)
		shape, n := x.Shape(), x.Shape()[len(others)]
		x = x.Reshape(product(shape[:len(others)]), n*n)
		x = ops.Apply(ops.Gather{Axis: 1}, x, counting(0, n+1, n))
		labels := slices.Delete(slices.Clone(t.labels), j, j+1)
		labels = append(slices.Delete(labels, i, i+1), l)
		return labeled{x.Reshape(append(slices.Clone(shape[:len(others)]), n)...), labels}.diagonal()
	}
	return t
}

// summedBut sums over the axes whose labels are not kept.
func (t labeled) summedBut(kept []label) labeled {
	var axes []int
	var labels []label
	for axis, l := range t.labels {
		if slices.Contains(kept, l) {
			labels = append(labels, l)
		} else {
			axes = append(axes, axis)
		}
	}
	if axes == nil {
		return t
	}
	return labeled{t.x.Sum(false, axes...), labels}
}

// times multiplies, and sums over the labels that both have and that are not kept: as a stack of products of matrices.
func (t labeled) times(u labeled, kept []label) labeled {
	var stack, rows, inner, columns []label
	for _, l := range t.labels {
		switch {
		case !slices.Contains(u.labels, l):
			rows = append(rows, l)
		case slices.Contains(kept, l):
			stack = append(stack, l)
		default:
			inner = append(inner, l)
		}
	}
	for _, l := range u.labels {
		if !slices.Contains(t.labels, l) {
			columns = append(columns, l)
		}
	}
	a, b := t.arranged(slices.Concat(stack, rows, inner)), u.arranged(slices.Concat(stack, inner, columns))
	labels := slices.Concat(stack, rows, columns)
	if err := cmp.Or(a.Err(), b.Err()); err != nil {
		return labeled{ops.Failed(err), labels}
	}
	depth, height := len(stack), len(stack)+len(rows)
	dims := slices.Concat(a.Shape()[:height], b.Shape()[depth+len(inner):])
	n, m, k := product(a.Shape()[:depth]), product(a.Shape()[depth:height]), product(a.Shape()[height:])
	a, b = a.Reshape(n, m, k), b.Reshape(n, k, product(dims[height:]))
	var y ops.Expr
	if len(inner) == 0 {
		y = a.Mul(b)
	} else {
		y = a.MatMul(b)
	}
	return labeled{y.Reshape(dims...), labels}
}

// arranged brings the axes into the order of the labels.
func (t labeled) arranged(labels []label) ops.Expr {
	perm := make([]int, len(labels))
	for i, l := range labels {
		perm[i] = slices.Index(t.labels, l)
	}
	if slices.IsSorted(perm) {
		return t.x
	}
	return t.x.Transpose(perm...)
}
