package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Convolutions and pools slide a window over the spatial axes of (batch, channels, spatial…).
var convolution = map[string]operator{
	"Conv":              takes(2, 3, conv),
	"ConvTranspose":     takes(2, 3, convTranspose),
	"MaxPool":           takes(1, 1, maxPool),
	"AveragePool":       takes(1, 1, averagePool),
	"LpPool":            takes(1, 1, lpPool),
	"GlobalAveragePool": takes(1, 1, global(ops.Expr.Mean)),
	"GlobalMaxPool":     takes(1, 1, global(ops.Expr.ReduceMax)),
	"GlobalLpPool":      takes(1, 1, globalLpPool),
	"MaxUnpool":         takes(2, 3, maxUnpool).settings(1, 2),
}

func conv(c *call) ops.Expr {
	x, w := c.expr(0), c.expr(1)
	if c.err == nil && (x.Rank() < 3 || w.Rank() != x.Rank()) {
		c.fail("input of shape %v with weights of shape %v", x.Shape(), w.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	window := c.window(x.Shape()[2:], c.kernel(w))
	return c.biased(ops.Apply(ops.Conv{Window: window, Groups: c.attrInt("group", 1)}, x, w))
}

// kernel returns the spatial shape of weights, which the attribute kernel_shape may only repeat.
func (c *call) kernel(w ops.Expr) []int {
	kernel := w.Shape()[2:]
	if declared := c.attrInts("kernel_shape"); declared != nil && !slices.Equal(declared, kernel) {
		c.fail("kernel_shape %v, but the weights have the shape %v", declared, w.Shape())
	}
	return kernel
}

// biased adds the third input, where there is one, to the channels of y.
func (c *call) biased(y ops.Expr) ops.Expr {
	if !c.has(2) || y.Err() != nil || y.Absent() {
		return y
	}
	shape := slices.Repeat([]int{1}, y.Rank()-1)
	shape[0] = y.Shape()[1]
	return y.Add(c.forEach(2, "bias", "channels of the output", shape...))
}

// convTranspose is the adjoint of a convolution in its input; output_padding makes the output larger at the end, and output_shape
// decides the pads.
func convTranspose(c *call) ops.Expr {
	x, w, groups := c.expr(0), c.expr(1), c.attrInt("group", 1)
	if c.err == nil && (x.Rank() < 3 || w.Rank() != x.Rank()) {
		c.fail("input of shape %v with weights of shape %v", x.Shape(), w.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	window, spatial := c.transposedWindow(x.Shape()[2:], c.kernel(w))
	return c.biased(ops.Apply(ops.ConvInput{Window: window, Groups: groups, Spatial: spatial}, x, w))
}

// transposedWindow reads how the kernel of a transposed convolution slides over its output, and the output's spatial shape. Where
// output_shape or auto_pad decide that, an odd pad goes to the end with SAME_UPPER, and otherwise to the beginning.
func (c *call) transposedWindow(positions, kernel []int) (w ops.Window, spatial []int) {
	axes := len(positions)
	w = c.sliding(axes)
	lower := c.attrString("auto_pad", "NOTSET") != "SAME_UPPER"
	extra, wanted := c.attrInts("output_padding"), c.attrInts("output_shape")
	if extra == nil {
		extra = make([]int, axes)
	}
	switch mode := c.attrString("auto_pad", "NOTSET"); {
	case c.err != nil:
		return w, nil
	case mode == "VALID":
		w.Pads = make([]int, 2*axes)
	case (mode == "SAME_UPPER" || mode == "SAME_LOWER") && wanted == nil:
		for i, n := range positions {
			wanted = append(wanted, n*w.Strides[i])
		}
	case !slices.Contains(paddingModes, mode):
		c.fail("attribute auto_pad = %q is not known", mode)
	}
	if c.err == nil && (len(extra) != axes || wanted != nil && len(wanted) != axes || len(w.Pads) != 2*axes) {
		c.fail("output_padding %v, output_shape %v and pads %v for %d spatial axes", extra, wanted, w.Pads, axes)
	}
	if c.err != nil {
		return w, nil
	}
	spatial = make([]int, axes)
	for i, n := range positions {
		full := w.Strides[i]*(n-1) + extra[i] + w.Dilations[i]*(kernel[i]-1) + 1
		if wanted != nil {
			spatial[i] = wanted[i]
			w.Pads[i], w.Pads[axes+i] = halves(max(0, full-wanted[i]), lower)
		} else {
			spatial[i] = full - w.Pads[i] - w.Pads[axes+i]
		}
	}
	return w, spatial
}

// halves divides padding between the beginning and the end, which has the odd element, or the beginning if lower.
func halves(total int, lower bool) (before, after int) {
	if lower {
		return total - total/2, total / 2
	}
	return total / 2, total - total/2
}

// pooled returns the input of a pooling operator with its window, whose dilations and ceil_mode came with later opsets.
func (c *call) pooled() (x ops.Expr, kernel []int, window ops.Window) {
	x, kernel = c.expr(0), c.attrInts("kernel_shape")
	if c.err == nil && (x.Rank() < 3 || len(kernel) != x.Rank()-2) {
		c.fail("kernel_shape %v for an input of shape %v", kernel, x.Shape())
	}
	if c.err == nil {
		window = c.window(x.Shape()[2:], kernel)
		window.Ceil = c.attrBool("ceil_mode")
	}
	return x, kernel, window
}

// maxPool has, as its second output, the places of the maxima in the flattened input; with storage_order = 1 the columns of a plane
// are counted first.
func maxPool(c *call) ops.Expr {
	x, kernel, window := c.pooled()
	order := c.attrInt("storage_order", 0)
	if c.err != nil {
		return ops.Expr{}
	}
	if c.wants(1) {
		places := ops.Apply(ops.PoolArg{Window: window, Kernel: kernel}, x)
		if order != 0 {
			places = c.byColumns(places, x.Shape())
		}
		c.also(1, places, onnx.Int64)
	}
	return x.MaxPool(kernel, window)
}

// byColumns turns places in a tensor of that shape, whose planes are stored row by row, into those where they are stored column by
// column.
func (c *call) byColumns(places ops.Expr, shape []int) ops.Expr {
	if len(shape) != 4 {
		c.fail("attribute storage_order = 1 is not supported for %d spatial axes", len(shape)-2)
		return ops.Expr{}
	}
	height, width := float64(shape[2]), float64(shape[3])
	column := places.Mod(ops.Scalar(width))
	row := places.Sub(column).Div(ops.Scalar(width)) // over all planes
	inPlane := row.Mod(ops.Scalar(height))
	plane := row.Sub(inPlane).Div(ops.Scalar(height))
	return plane.Scale(height * width).Add(column.Scale(height)).Add(inPlane)
}

// averagePool divides by the number of elements of a window that are no padding or, with count_include_pad, that lie on the padded
// input.
func averagePool(c *call) ops.Expr {
	x, kernel, window := c.pooled()
	include := c.attrBool("count_include_pad")
	if c.err != nil {
		return ops.Expr{}
	}
	sums := x.PoolSum(kernel, window)
	if sums.Err() != nil { // the window may not even have pads for every axis
		return sums
	}
	axes := len(kernel)
	spatial, over := slices.Clone([]int(x.Shape()[2:])), window
	if include {
		over.Pads = make([]int, 2*axes)
		for i := range spatial {
			spatial[i] += window.Pads[i] + window.Pads[axes+i]
		}
	}
	counts := ops.Scalar(1).Expand(append([]int{1, 1}, spatial...)...).PoolSum(kernel, over)
	for axis := 2; axis < sums.Rank(); axis++ { // a window that hangs over may fit once more where padding counts
		counts = counts.Narrow(axis, 0, sums.Shape()[axis])
	}
	if n, uniform := same(counts); uniform {
		return sums.Scale(1 / n)
	}
	return sums.Div(counts)
}

// same returns the number that a constant holds everywhere.
func same(x ops.Expr) (v float64, is bool) {
	data, known := x.Known()
	if !known || len(data) == 0 {
		return 0, false
	}
	return data[0], !slices.ContainsFunc(data, func(other float64) bool { return other != data[0] })
}

// lpPool is the root of the sum of powers of a window.
func lpPool(c *call) ops.Expr {
	x, kernel, window := c.pooled()
	p := float64(c.attrInt("p", 2))
	if c.err != nil {
		return ops.Expr{}
	}
	if p == 2 {
		return root(x.Square().PoolSum(kernel, window), ops.Expr.Sqrt)
	}
	return root(x.Abs().Pow(ops.Scalar(p)).PoolSum(kernel, window), inverse(p))
}

// inverse is the inverse of the p-th power.
func inverse(p float64) func(ops.Expr) ops.Expr {
	return func(x ops.Expr) ops.Expr { return x.Pow(ops.Scalar(1 / p)) }
}

// global reduces all spatial axes.
func global(f func(x ops.Expr, keep bool, axes ...int) ops.Expr) importer {
	return func(c *call) ops.Expr {
		x := c.expr(0)
		if c.err == nil && x.Rank() < 3 {
			c.fail("input of shape %v has no spatial axes", x.Shape())
		}
		if c.err != nil {
			return ops.Expr{}
		}
		return f(x, true, axesFrom(2, x)...)
	}
}

func globalLpPool(c *call) ops.Expr {
	p := float64(c.attrInt("p", 2))
	return global(func(x ops.Expr, keep bool, axes ...int) ops.Expr {
		return root(x.Abs().Pow(ops.Scalar(p)).Sum(keep, axes...), inverse(p))
	})(c)
}

// maxUnpool puts the elements back to the places that MaxPool's second output names, in zeros.
func maxUnpool(c *call) ops.Expr {
	x, places := c.expr(0), c.expr(1)
	kernel := c.attrInts("kernel_shape")
	if c.err == nil && (x.Rank() < 3 || len(kernel) != x.Rank()-2) {
		c.fail("kernel_shape %v for an input of shape %v", kernel, x.Shape())
	}
	window := c.sliding(len(kernel))
	if c.err != nil {
		return ops.Expr{}
	}
	axes := len(kernel)
	shape := slices.Clone([]int(x.Shape()))
	for i := range axes {
		shape[2+i] = (shape[2+i]-1)*window.Strides[i] - window.Pads[i] - window.Pads[axes+i] + kernel[i]
	}
	into := shape
	if c.has(2) {
		into = c.ints(2)
	}
	if c.err == nil && (len(into) != len(shape) || product(into) > maxElements) {
		c.fail("output_shape %v for an input of shape %v", into, x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	size := product(x.Shape())
	// The places count the elements of the unpadded output, whatever output_shape makes of it.
	flat := ops.Apply(ops.ScatterAdd{Axis: 0, Size: product(shape)}, x.Reshape(size), places.Reshape(size)).Reshape(shape...)
	if slices.Equal(into, shape) {
		return flat
	}
	pads := make([]int, 2*len(shape))
	for axis := range shape {
		pads[len(shape)+axis] = into[axis] - shape[axis]
	}
	return padConstant(flat, pads, 0)
}

// paddingModes are the values of auto_pad. NOTSET leaves it to the pads.
var paddingModes = []string{"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"}

// sliding reads strides, dilations and pads, whose defaults depend on the number of spatial axes.
func (c *call) sliding(axes int) ops.Window {
	w := ops.Window{Strides: c.attrInts("strides"), Dilations: c.attrInts("dilations"), Pads: slices.Clone(c.attrInts("pads"))}
	if w.Strides == nil {
		w.Strides = slices.Repeat([]int{1}, axes)
	}
	if w.Dilations == nil {
		w.Dilations = slices.Repeat([]int{1}, axes)
	}
	if w.Pads == nil {
		w.Pads = make([]int, 2*axes)
	}
	if len(w.Strides) != axes || len(w.Dilations) != axes {
		c.fail("strides %v, dilations %v for %d spatial axes", w.Strides, w.Dilations, axes)
	}
	return w
}

// window reads how a kernel slides, auto_pad included.
func (c *call) window(spatial, kernel []int) ops.Window {
	w := c.sliding(len(spatial))
	switch mode := c.attrString("auto_pad", "NOTSET"); {
	case c.err != nil:
	case mode == "SAME_UPPER" || mode == "SAME_LOWER":
		w.Pads = c.samePads(w, spatial, kernel, mode == "SAME_LOWER")
	case mode == "VALID":
		w.Pads = make([]int, 2*len(spatial))
	case !slices.Contains(paddingModes, mode):
		c.fail("attribute auto_pad = %q is not known", mode)
	}
	return w
}

// samePads pads so that there are ⌈size / stride⌉ positions; an odd element goes to the end, or to the beginning if lower.
func (c *call) samePads(w ops.Window, spatial, kernel []int, lower bool) []int {
	pads := make([]int, 2*len(spatial))
	for i, size := range spatial {
		if w.Strides[i] < 1 {
			c.fail("attribute strides = %v must be positive", w.Strides)
			return pads
		}
		positions := (size + w.Strides[i] - 1) / w.Strides[i]
		total := max(0, (positions-1)*w.Strides[i]+w.Dilations[i]*(kernel[i]-1)+1-size)
		pads[i], pads[len(spatial)+i] = halves(total, lower)
	}
	return pads
}
