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

// still reports whether a kernel of one element reads at every position the element of the same number.
func (w Window) still() bool {
	return slices.Max(w.Strides) == 1 && slices.Max(w.Pads) == 0
}

// taps returns, for each kernel element and each output position, the spatial element that is read, or −1 in the padding.
func (w Window) taps(spatial, kernel, out []int) [][]int {
	table := [][]int{{0}}
	for axis, size := range spatial {
		table = w.refine(table, axis, size, kernel[axis], out[axis])
	}
	return table
}

// refine adds an axis to a table of taps.
func (w Window) refine(table [][]int, axis, size, kernel, out int) [][]int {
	fine := make([][]int, 0, len(table)*kernel)
	for _, coarse := range table {
		for element := range kernel {
			row := make([]int, 0, len(coarse)*out)
			for _, tap := range coarse {
				at := element*w.Dilations[axis] - w.Pads[axis]
				for range out {
					if tap < 0 || at < 0 || at >= size {
						row = append(row, -1)
					} else {
						row = append(row, tap*size+at)
					}
					at += w.Strides[axis]
				}
			}
			fine = append(fine, row)
		}
	}
	return fine
}

// run is a part of a row of taps: n positions from at read the elements from, from+step, …, or the padding if from is negative.
type run struct{ at, from, step, n int }

// runsOf divides a row of taps.
func runsOf(taps []int) []run {
	var runs []run
	for at := 0; at < len(taps); at += runs[len(runs)-1].n {
		runs = append(runs, runAt(taps, at))
	}
	return runs
}

// runAt returns the longest run from a position.
func runAt(taps []int, at int) run {
	r := run{at: at, from: taps[at], n: 1}
	if rest := taps[at+1:]; len(rest) > 0 && (rest[0] < 0) == (r.from < 0) {
		r.step = rest[0] - r.from
		for r.n <= len(rest) && rest[r.n-1] >= min(r.from, 0) && rest[r.n-1] == r.from+r.n*r.step {
			r.n++
		}
	}
	return r
}
