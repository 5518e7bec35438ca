package model

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// literal is the value that an input is fixed to.
type literal struct {
	shape   []int
	numbers []float64
	truth   bool // its elements are true and false, written as 1 and 0
}

// CheckFixed refuses what no input can be fixed to: it must be a boolean, a number, or lists of them, all of one length and kind, as
// Options.Fix has them.
func CheckFixed(value any) error {
	_, err := newLiteral(value)
	return err
}

func newLiteral(value any) (*literal, error) {
	switch v := value.(type) {
	case bool:
		l := &literal{numbers: []float64{0}, truth: true}
		if v {
			l.numbers[0] = 1
		}
		return l, nil
	case int64:
		return &literal{numbers: []float64{float64(v)}}, nil
	case float64:
		return &literal{numbers: []float64{v}}, nil
	case []any:
		return newList(v)
	}
	return nil, fmt.Errorf("want a number, true or false, or a list of these, not %v", value)
}

func newList(list []any) (*literal, error) {
	all := &literal{shape: []int{len(list)}}
	for i, element := range list {
		l, err := newLiteral(element)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			all.shape, all.truth = append(all.shape, l.shape...), l.truth
		}
		if l.truth != all.truth || !slices.Equal(l.shape, all.shape[1:]) {
			return nil, fmt.Errorf("want lists of one length and of one kind of elements, not %v", list)
		}
		all.numbers = append(all.numbers, l.numbers...)
	}
	return all, nil
}

// integers are the smallest and the largest integer of each type.
var integers = map[onnx.DataType][2]float64{
	onnx.Int8: {math.MinInt8, math.MaxInt8}, onnx.Uint8: {0, math.MaxUint8}, onnx.Int16: {math.MinInt16, math.MaxInt16},
	onnx.Uint16: {0, math.MaxUint16}, onnx.Int32: {math.MinInt32, math.MaxInt32}, onnx.Uint32: {0, math.MaxUint32},
	onnx.Int64: {math.MinInt64, math.MaxInt64}, onnx.Uint64: {0, math.MaxUint64}, onnx.Bool: {0, 1},
}

// fits refuses elements that a type does not have. Truth values may be written as 0 and 1.
func (l *literal) fits(d onnx.DataType) error {
	if l.truth && d != onnx.Bool {
		return fmt.Errorf("it holds %v elements, not true and false", d)
	}
	bounds, isInteger := integers[d]
	for _, v := range l.numbers {
		if isInteger && (v != math.Trunc(v) || v < bounds[0] || v > bounds[1]) {
			return fmt.Errorf("%v is no element of type %v", v, d)
		}
	}
	return nil
}

// broadcast repeats the elements until they have a shape, by NumPy's rules.
func (l *literal) broadcast(shape []int) (ops.Expr, error) {
	size := 1
	for _, n := range shape {
		if size *= n; size > maxConstant {
			return ops.Expr{}, fmt.Errorf("the shape %v has more than %d elements, too many for a constant", shape, maxConstant)
		}
	}
	if size == 0 {
		return ops.Constant(shape, nil), nil
	}
	from := slices.Concat(slices.Repeat([]int{1}, max(0, len(shape)-len(l.shape))), l.shape)
	for axis := range from {
		if len(from) != len(shape) || from[axis] != 1 && from[axis] != shape[axis] {
			return ops.Expr{}, fmt.Errorf("a value of shape %v does not fill the shape %v", l.shape, shape)
		}
	}
	x := ops.Constant(from, l.numbers).Expand(shape...)
	return x, x.Err()
}

// checkFix refuses values that no input of the file takes.
func (m *Model) checkFix() error {
	var names []string
	for _, in := range fed(m.graph) {
		names = append(names, in.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(m.options.Fix)) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("fix names %q, but the file has no such input%s", name, meant(name, names))
		}
	}
	return nil
}

// fixed returns the value that the options fix an input to, nil if they do not.
func (o Options) fixed(in *onnx.ValueInfo) (*literal, error) {
	value, is := o.Fix[in.Name]
	if !is {
		return nil, nil
	}
	l, err := newLiteral(value)
	if err == nil {
		err = l.fits(in.DType)
	}
	if err != nil {
		return nil, fmt.Errorf("fix: input %q: %w", in.Name, err)
	}
	return l, nil
}

// decide returns the sizes of a fixed input, where those that nobody else decides are the value's.
func (l *literal) decide(sizes []int, in, first *onnx.ValueInfo, o Options) []int {
	if !in.HasShape {
		return l.shape
	}
	for axis, dim := range in.Dims {
		_, given := o.given(in, axis)
		batch := dim.Param != "" && dim.Param == first.Dims[0].Param
		if dim.Value < 0 && !given && !batch && len(l.shape) == len(sizes) {
			sizes[axis] = l.shape[axis]
		}
	}
	return sizes
}

// Fixed returns the numbers of an input that the options fix, at a batch size; nil for others.
func (in Input) Fixed(batch int) ([]float64, error) {
	if in.value == nil {
		return nil, nil
	}
	x, err := in.value.broadcast(in.Shape(batch))
	if err != nil {
		return nil, fmt.Errorf("fix: input %q: %w", in.Name, err)
	}
	numbers, _ := x.Known()
	return numbers, nil
}

// IsFixed reports whether the options fix the input: it is not fed.
func (in Input) IsFixed() bool { return in.value != nil }

// fixable says how to make a value known that must be: by fixing the inputs that it is computed from. It is "" where these are only the
// examples themselves.
func (m *Model) fixable(name string) string {
	from := map[string]bool{name: true}
	m.collectSources(from)
	var inputs []Input
	for i, in := range m.Inputs {
		if from[in.Name] && (i > 0 || !isFloat(in.DType)) {
			inputs = append(inputs, in)
		}
	}
	if len(inputs) == 0 {
		return ""
	}
	return "; " + HowToFix(inputs...)
}

// HowToFix says how inputs are given a value once and for all, in a recipe and on the command line.
func HowToFix(inputs ...Input) string {
	var names, entries, flags []string
	for _, in := range inputs {
		value := "N"
		if in.DType == onnx.Bool {
			value = "true"
		}
		names = append(names, fmt.Sprintf("%q", in.Name))
		entries = append(entries, plugin.Key(in.Name)+" = "+value)
		flags = append(flags, "--fix "+shellWord(in.Name+"="+value))
	}
	noun := "input"
	if len(inputs) > 1 {
		noun = "inputs"
	}
	return fmt.Sprintf("to fix the %s %s, write fix = {%s} in [model], or %s",
		noun, strings.Join(names, ", "), strings.Join(entries, ", "), strings.Join(flags, " "))
}

// collectSources adds the values that those of a set are computed from.
func (m *Model) collectSources(from map[string]bool) {
	var visit func(nodes []*onnx.Node)
	visit = func(nodes []*onnx.Node) {
		for _, n := range slices.Backward(nodes) {
			if reads(from, n) {
				mentioned(n, func(name string, _ usage) { from[name] = true })
			}
			for _, g := range subgraphs(n) {
				visit(g.Nodes)
			}
		}
	}
	visit(m.nodes)
}
