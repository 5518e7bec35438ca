package ops_test

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

func joinCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		axis int
		in   [][]int
		out  []int
	}{
		{0, [][]int{{1}}, []int{1}},
		{0, [][]int{{3}, {1}, {2}}, []int{6}},
		{0, [][]int{{2, 3}, {1, 3}}, []int{3, 3}},
		{1, [][]int{{2, 3}, {2, 1}}, []int{2, 4}},
		{1, [][]int{{2, 1, 2}, {2, 3, 2}, {2, 1, 2}, {2, 2, 2}}, []int{2, 7, 2}},
		{3, [][]int{{2, 1, 2, 1}, {2, 1, 2, 3}}, []int{2, 1, 2, 4}},
	} {
		cases = append(cases, operatorCase{ops.Concat{Axis: c.axis, Inputs: len(c.in)}, c.in, c.out, joined(c.axis), signed})
	}
	return cases
}

func sliceCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct{ start, step, size, dims []int }{
		{[]int{}, []int{}, []int{}, []int{}},
		{[]int{0}, []int{1}, []int{1}, []int{1}},
		{[]int{0}, []int{1}, []int{4}, []int{4}},
		{[]int{1}, []int{1}, []int{2}, []int{4}},
		{[]int{3}, []int{-1}, []int{4}, []int{4}},
		{[]int{4}, []int{-2}, []int{3}, []int{5}},
		{[]int{1}, []int{100}, []int{1}, []int{4}},
		{[]int{1, 0}, []int{1, 1}, []int{2, 3}, []int{4, 3}},
		{[]int{0, 2}, []int{2, 1}, []int{2, 1}, []int{3, 3}},
		{[]int{2, 3}, []int{-1, -3}, []int{3, 2}, []int{3, 4}},
		{[]int{0, 1, 0}, []int{1, 2, 1}, []int{2, 2, 3}, []int{2, 4, 3}},
		{[]int{1, 0, 2, 0}, []int{1, 1, -1, 2}, []int{1, 2, 2, 2}, []int{2, 2, 3, 3}},
	} {
		cases = append(cases,
			operatorCase{ops.Slice{Start: c.start, Step: c.step, Size: c.size}, [][]int{c.dims}, c.size, taken(c.start, c.step), signed},
			operatorCase{ops.Place{Start: c.start, Step: c.step, Dims: c.dims, Fill: -0.5}, [][]int{c.size}, c.dims,
				placed(c.start, c.step, -0.5), signed},
		)
	}
	return cases
}

func gatherCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		axis, indices int
		x, y          []int
	}{
		{0, 1, []int{1}, []int{1}},
		{0, 5, []int{3}, []int{5}},
		{0, 2, []int{3, 2}, []int{2, 2}},
		{1, 4, []int{2, 3}, []int{2, 4}},
		{1, 3, []int{2, 2, 3}, []int{2, 3, 3}},
		{3, 2, []int{1, 2, 1, 3}, []int{1, 2, 1, 2}},
	} {
		indices := []int{c.indices}
		cases = append(cases,
			operatorCase{ops.Gather{Axis: c.axis}, [][]int{c.x, indices}, c.y, takenSlices(c.axis), signed},
			operatorCase{ops.ScatterAdd{Axis: c.axis, Size: c.x[c.axis]}, [][]int{c.y, indices}, c.x, addedSlices(c.axis), signed},
		)
	}
	for _, c := range []struct {
		axis       int
		x, indices []int
	}{
		{0, []int{1}, []int{1}},
		{0, []int{3}, []int{5}},
		{0, []int{3, 2}, []int{2, 2}},
		{0, []int{3, 3}, []int{4, 2}},
		{1, []int{2, 3}, []int{2, 4}},
		{1, []int{3, 2, 3}, []int{2, 3, 1}},
		{3, []int{2, 2, 1, 3}, []int{1, 2, 1, 2}},
	} {
		cases = append(cases,
			operatorCase{ops.GatherElements{Axis: c.axis}, [][]int{c.x, c.indices}, c.indices, takenElements(c.axis), signed},
			operatorCase{ops.ScatterAddElements{Axis: c.axis, Dims: c.x}, [][]int{c.indices, c.indices}, c.x, addedElements(c.axis), signed},
			operatorCase{ops.ScatterReduce{Axis: c.axis, Func: ops.Mul}, [][]int{c.x, c.indices, c.indices}, c.x,
				combinedElements(c.axis, func(a, b float64) float64 { return a * b }), signed},
			operatorCase{ops.ScatterReduce{Axis: c.axis, Func: ops.Max}, [][]int{c.x, c.indices, c.indices}, c.x,
				combinedElements(c.axis, math.Max), signed},
		)
	}
	return cases
}
