package ops_test

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

func maximumCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		op      ops.ReduceMax
		in, out []int
	}{
		{ops.ReduceMax{}, []int{}, []int{}},
		{ops.ReduceMax{}, []int{2, 3}, []int{2, 3}},
		{ops.ReduceMax{Axes: []int{0}}, []int{1}, []int{}},
		{ops.ReduceMax{Axes: []int{0}, Keep: true}, []int{3}, []int{1}},
		{ops.ReduceMax{Axes: []int{0}}, []int{3, 2}, []int{2}},
		{ops.ReduceMax{Axes: []int{1, 0}}, []int{2, 3}, []int{}},
		{ops.ReduceMax{Axes: []int{1}}, []int{2, 3, 2}, []int{2, 2}},
		{ops.ReduceMax{Axes: []int{0, 2}, Keep: true}, []int{2, 3, 2, 1}, []int{1, 3, 1, 1}},
	} {
		cases = append(cases, operatorCase{c.op, [][]int{c.in}, c.out, maximumOver(c.op.Axes...), spread})
	}
	for _, c := range []struct {
		axis    int
		in, out []int
	}{
		{0, []int{1}, []int{}},
		{0, []int{4}, []int{}},
		{0, []int{3, 2}, []int{2}},
		{1, []int{2, 4}, []int{2}},
		{1, []int{2, 3, 2}, []int{2, 2}},
		{3, []int{1, 2, 1, 3}, []int{1, 2, 1}},
	} {
		for _, flag := range []bool{false, true} {
			cases = append(cases,
				operatorCase{ops.ArgMax{Axis: c.axis, Last: flag}, [][]int{c.in}, c.out, indexOfMaximum(c.axis), spread},
				operatorCase{ops.Order{Axis: c.axis, Descending: flag}, [][]int{c.in}, c.in, sorting(c.axis, flag), spread},
			)
		}
	}
	return cases
}

func maximumOver(axes ...int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := slices.Repeat([]float64{math.Inf(-1)}, size(shape))
		kept := slices.Clone(in[0].shape)
		for _, axis := range axes {
			kept[axis] = 1
		}
		for _, index := range indices(in[0].shape) {
			to := slices.Clone(index)
			for _, axis := range axes {
				to[axis] = 0
			}
			at := ndarray{shape: kept}.offset(to)
			out[at] = math.Max(out[at], in[0].at(index...))
		}
		return out
	}
}

func lineAt(x ndarray, axis int, index []int) []float64 {
	var line []float64
	for i := range x.shape[axis] {
		other := slices.Clone(index)
		other[axis] = i
		line = append(line, x.at(other...))
	}
	return line
}

func indexOfMaximum(axis int) oracle {
	return each(func(index []int, in []ndarray) float64 {
		line := lineAt(in[0], axis, slices.Insert(slices.Clone(index), axis, 0))
		return float64(slices.Index(line, slices.Max(line)))
	})
}

// sorting finds the element that has as many before it as the index says.
func sorting(axis int, descending bool) oracle {
	return each(func(index []int, in []ndarray) float64 {
		line := lineAt(in[0], axis, index)
		sorted := slices.Sorted(slices.Values(line))
		if descending {
			slices.Reverse(sorted)
		}
		return float64(slices.Index(line, sorted[index[axis]]))
	})
}

func TestProducts(t *testing.T) {
	for _, c := range []struct {
		rule string
		in   []float64
		want float64
		grad []float64
	}{
		{"of one number", []float64{3}, 3, []float64{1}},
		{"of two numbers", []float64{3, -2}, -6, []float64{-2, 3}},
		{"of an odd number of them", []float64{1, 2, 3, 4, 5}, 120, []float64{120, 60, 40, 30, 24}},
		{"with a zero", []float64{2, 0, 3}, 0, []float64{0, 6, 0}},
		{"with two zeros", []float64{2, 0, 3, 0}, 0, []float64{0, 0, 0, 0}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, len(c.in))
			y := x.ReduceProd(false)
			gradients, err := autodiff.Grad(y, x)
			if err != nil {
				t.Fatal(err)
			}
			got := opstest.Run(t, opstest.Values{x: c.in}, y, gradients[0])
			identical(t, "product", got[0], []float64{c.want})
			identical(t, "gradient", got[1], c.grad)
		})
	}
}

func TestReductionsNameAxesAndKeepThem(t *testing.T) {
	x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, 2, 3, 2)
	y := []ops.Expr{x.ReduceProd(false, 1), x.ReduceProd(true, 0, 2), x.ReduceMax(true), x.ReduceMax(false, 2),
		x.ReduceMin(false, 0, 1), x.ReduceMin(true, 1)}
	shapes := [][]int{{2, 2}, {1, 3, 1}, {1, 1, 1}, {2, 3}, {2}, {2, 1, 2}}
	values := [][]float64{{1 * 3 * 5, 2 * 4 * 6, 7 * 9 * 11, 8 * 10 * 12},
		{1 * 2 * 7 * 8, 3 * 4 * 9 * 10, 5 * 6 * 11 * 12},
		{12}, {2, 4, 6, 8, 10, 12}, {1, 2}, {1, 2, 7, 8}}
	for i, got := range opstest.Run(t, opstest.Values{x: {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}, y...) {
		if !slices.Equal(y[i].Shape(), shapes[i]) {
			t.Errorf("%d has shape %v, want %v", i, y[i].Shape(), shapes[i])
		}
		identical(t, "value", got, values[i])
	}
}
