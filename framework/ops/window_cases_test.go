package ops_test

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// window fills in strides and dilations of one and no padding.
func window(axes int, set func(*ops.Window)) ops.Window {
	w := ops.Window{Strides: slices.Repeat([]int{1}, axes), Pads: make([]int, 2*axes), Dilations: slices.Repeat([]int{1}, axes)}
	if set != nil {
		set(&w)
	}
	return w
}

func convCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		window        ops.Window
		groups        int
		x, weights, y []int
	}{
		{window(1, nil), 1, []int{2, 1, 4}, []int{2, 1, 2}, []int{2, 2, 3}},
		{window(1, func(w *ops.Window) { w.Strides[0], w.Pads, w.Dilations[0] = 2, []int{2, 1}, 2 }),
			1, []int{1, 2, 5}, []int{3, 2, 3}, []int{1, 3, 2}},
		{window(1, func(w *ops.Window) { w.Pads, w.Dilations[0] = []int{2, 2}, 3 }), // the outer windows hold padding only
			1, []int{1, 1, 1}, []int{1, 1, 2}, []int{1, 1, 2}},
		{window(1, func(w *ops.Window) { w.Strides[0], w.Ceil = 2, true }), // the last window hangs over
			1, []int{1, 1, 4}, []int{1, 1, 3}, []int{1, 1, 2}},
		{window(2, nil), 1, []int{1, 1, 1, 1}, []int{1, 1, 1, 1}, []int{1, 1, 1, 1}},
		{window(2, nil), 1, []int{2, 2, 3, 3}, []int{3, 2, 2, 2}, []int{2, 3, 2, 2}},
		{window(2, func(w *ops.Window) { w.Strides = []int{2, 1} }), 1, []int{1, 2, 4, 3}, []int{2, 2, 2, 3}, []int{1, 2, 2, 1}},
		{window(2, func(w *ops.Window) { w.Pads = []int{1, 0, 2, 1} }), 1, []int{1, 1, 2, 3}, []int{2, 1, 3, 2}, []int{1, 2, 3, 3}},
		{window(2, func(w *ops.Window) { w.Dilations = []int{1, 2} }), 1, []int{1, 2, 3, 4}, []int{1, 2, 2, 2}, []int{1, 1, 2, 2}},
		{window(2, func(w *ops.Window) { w.Pads = []int{1, 1, 1, 1} }), 2, []int{2, 4, 2, 2}, []int{4, 2, 3, 3}, []int{2, 4, 2, 2}},
		{window(2, nil), 3, []int{2, 3, 3, 2}, []int{3, 1, 2, 2}, []int{2, 3, 2, 1}},                                             // depthwise
		{window(2, func(w *ops.Window) { w.Strides = []int{2, 2} }), 2, []int{1, 2, 3, 3}, []int{6, 1, 2, 2}, []int{1, 6, 1, 1}}, // with a multiplier
		{window(3, nil), 1, []int{1, 2, 2, 2, 3}, []int{2, 2, 1, 2, 2}, []int{1, 2, 2, 1, 2}},
		{window(3, func(w *ops.Window) {
			w.Strides, w.Pads, w.Dilations = []int{1, 2, 1}, []int{0, 1, 1, 1, 0, 0}, []int{1, 1, 2}
		}), 2, []int{1, 2, 2, 3, 2}, []int{2, 1, 2, 2, 2}, []int{1, 2, 2, 2, 1}},
	} {
		spatial, kernel := c.x[2:], c.weights[2:]
		cases = append(cases,
			operatorCase{ops.Conv{Window: c.window, Groups: c.groups}, [][]int{c.x, c.weights}, c.y,
				convolution(c.window, c.groups), signed},
			operatorCase{ops.ConvInput{Window: c.window, Groups: c.groups, Spatial: spatial}, [][]int{c.y, c.weights}, c.x,
				convolutionInput(c.window, c.groups), signed},
			operatorCase{ops.ConvWeights{Window: c.window, Groups: c.groups, Kernel: kernel}, [][]int{c.x, c.y}, c.weights,
				convolutionWeights(c.window, c.groups), signed},
		)
	}
	return cases
}

func poolCases() []operatorCase {
	var cases []operatorCase
	for _, c := range []struct {
		window ops.Window
		kernel []int
		x, y   []int
	}{
		{window(1, nil), []int{1}, []int{1, 1, 1}, []int{1, 1, 1}},
		{window(1, nil), []int{2}, []int{2, 2, 4}, []int{2, 2, 3}},
		{window(1, func(w *ops.Window) { w.Strides[0], w.Pads, w.Dilations[0] = 2, []int{2, 1}, 2 }),
			[]int{3}, []int{1, 2, 5}, []int{1, 2, 2}},
		{window(1, func(w *ops.Window) { w.Dilations[0] = 3 }), []int{2}, []int{1, 1, 4}, []int{1, 1, 1}},
		{window(2, func(w *ops.Window) { w.Strides = []int{2, 2} }), []int{2, 2}, []int{2, 2, 4, 4}, []int{2, 2, 2, 2}},
		{window(2, func(w *ops.Window) { w.Strides = []int{1, 2} }), []int{2, 1}, []int{1, 2, 3, 3}, []int{1, 2, 2, 2}},
		{window(2, func(w *ops.Window) { w.Strides, w.Pads = []int{2, 2}, []int{1, 1, 1, 1} }),
			[]int{3, 3}, []int{1, 2, 4, 4}, []int{1, 2, 2, 2}},
		{window(2, func(w *ops.Window) { w.Pads = []int{1, 0, 0, 1} }), []int{2, 2}, []int{1, 1, 2, 3}, []int{1, 1, 2, 3}},
		{window(2, func(w *ops.Window) { w.Strides, w.Ceil = []int{2, 2}, true }), []int{2, 2}, []int{1, 1, 3, 5}, []int{1, 1, 2, 3}},
		{window(2, func(w *ops.Window) { w.Strides, w.Ceil = []int{3, 3}, true }), []int{2, 2}, []int{1, 1, 4, 3}, []int{1, 1, 2, 1}},
		{window(2, func(w *ops.Window) { w.Strides, w.Pads, w.Ceil = []int{2, 2}, []int{1, 1, 1, 1}, true }), // none starts behind the input
			[]int{2, 2}, []int{1, 1, 3, 3}, []int{1, 1, 2, 2}},
		{window(2, func(w *ops.Window) { w.Dilations, w.Ceil, w.Strides = []int{2, 1}, true, []int{2, 3} }),
			[]int{2, 3}, []int{1, 2, 4, 5}, []int{1, 2, 2, 2}},
		{window(3, func(w *ops.Window) { w.Strides, w.Pads = []int{1, 2, 1}, []int{0, 1, 0, 0, 0, 1} }),
			[]int{2, 2, 2}, []int{1, 1, 2, 3, 2}, []int{1, 1, 1, 2, 2}},
	} {
		cases = append(cases,
			operatorCase{ops.PoolSelect{Window: c.window, Kernel: c.kernel}, [][]int{c.x, c.x}, c.y, poolSelect(c.window, c.kernel), spread},
			operatorCase{ops.PoolScatter{Window: c.window, Kernel: c.kernel}, [][]int{c.x, c.y}, c.x, poolScatter(c.window, c.kernel), spread},
			operatorCase{ops.PoolArg{Window: c.window, Kernel: c.kernel}, [][]int{c.x}, c.y, poolArg(c.window, c.kernel), spread},
		)
		cases = append(cases, sumCases(c.window, c.kernel, c.x, c.y)...)
	}
	return slices.Concat(cases,
		sumCases(window(1, func(w *ops.Window) { w.Pads = []int{2, 3} }), []int{2}, []int{2, 1, 1}, []int{2, 1, 5}), // the outer windows hold padding only
		sumCases(window(1, func(w *ops.Window) { w.Pads, w.Dilations[0] = []int{1, 1}, 2 }), []int{2}, []int{1, 2, 1}, []int{1, 2, 1}),
	)
}

func sumCases(w ops.Window, kernel, x, y []int) []operatorCase {
	return []operatorCase{
		{ops.PoolSum{Window: w, Kernel: kernel}, [][]int{x}, y, poolSum(w, kernel), signed},
		{ops.PoolSpread{Window: w, Kernel: kernel, Spatial: x[2:]}, [][]int{y}, x, poolSpread(w, kernel), signed},
	}
}
