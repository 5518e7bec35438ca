package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Window says how a kernel slides over the spatial axes of a tensor of shape (batch, channels, spatial…). Each list has one
// entry for each spatial axis; Pads has two: all beginnings, then all ends, as in ONNX.
type Window struct {
	Strides, Pads, Dilations []int
	Ceil                     bool // round the output's size up, so that a last window may hang over the end
}

// maxTaps bounds the table of a window, which a few bytes of a file could otherwise make arbitrarily large, and every attribute.
const maxTaps = 1 << 28

// check refuses a window that does not fit the spatial axes.
func (w Window) check(spatial, kernel []int) error {
	n := len(spatial)
	if n < 1 || len(kernel) != n || len(w.Strides) != n || len(w.Dilations) != n || len(w.Pads) != 2*n {
		return fmt.Errorf("kernel %v with strides %v, dilations %v, pads %v does not fit %d spatial axes",
			kernel, w.Strides, w.Dilations, w.Pads, n)
	}
	for _, sizes := range [][]int{spatial, kernel, w.Strides, w.Dilations} {
		if slices.Min(sizes) < 1 || slices.Max(sizes) > maxTaps {
			return fmt.Errorf("spatial axes %v, kernel %v, strides %v and dilations %v must be between 1 and %d",
				spatial, kernel, w.Strides, w.Dilations, maxTaps)
		}
	}
	if slices.Min(w.Pads) < 0 || slices.Max(w.Pads) > maxTaps {
		return fmt.Errorf("pads %v must be between 0 and %d", w.Pads, maxTaps)
	}
	return nil
}

// slide returns the number of positions along every spatial axis.
func (w Window) slide(spatial, kernel []int) (tensor.Shape, error) {
	if err := w.check(spatial, kernel); err != nil {
		return nil, err
	}
	n := len(spatial)
	out := make(tensor.Shape, n)
	for i := range out {
		room := spatial[i] + w.Pads[i] + w.Pads[n+i] - w.Dilations[i]*(kernel[i]-1) - 1
		if room < 0 {
			return nil, fmt.Errorf("kernel %v with dilations %v is larger than the padded input %v", kernel, w.Dilations, spatial)
		}
		out[i] = room/w.Strides[i] + 1
		// A window that hangs over may not start in the padding behind the input.
		if w.Ceil && room%w.Strides[i] != 0 && out[i]*w.Strides[i] < spatial[i]+w.Pads[i] {
			out[i]++
		}
	}
	if product(out)*product(kernel) > maxTaps {
		return nil, fmt.Errorf("%v positions of a kernel %v are more than this operator supports", out, kernel)
	}
	return out, nil
}

// taps returns, for each kernel element and each output position, the spatial element that is read, or −1 in the padding.
func (w Window) taps(spatial, kernel, out []int) [][]int {
	elements := tensor.Shape(kernel).TotalSize()
	positions := tensor.Shape(out).TotalSize()
	table := make([][]int, elements)
	flat := make([]int, elements*positions)
	for e := range table {
		table[e] = flat[e*positions : (e+1)*positions]
		for p := range table[e] {
			table[e][p] = w.tap(spatial, kernel, out, e, p)
		}
	}
	return table
}

func (w Window) tap(spatial, kernel, out []int, element, position int) int {
	flat, stride := 0, 1
	for i := len(spatial) - 1; i >= 0; i-- {
		at := position%out[i]*w.Strides[i] - w.Pads[i] + element%kernel[i]*w.Dilations[i]
		if at < 0 || at >= spatial[i] {
			return -1
		}
		flat += at * stride
		stride *= spatial[i]
		position /= out[i]
		element /= kernel[i]
	}
	return flat
}
