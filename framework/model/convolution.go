package model

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

var convolution = map[string]operator{
	"Conv":              {2, 3, conv},
	"MaxPool":           {1, 1, maxPool},
	"GlobalAveragePool": {1, 1, globalAveragePool},
}

func conv(c *call) value {
	x, w := c.expr(0), c.expr(1)
	if c.err == nil && (x.Rank() < 3 || w.Rank() != x.Rank()) {
		c.fail("input of shape %v with weights of shape %v", x.Shape(), w.Shape())
	}
	if c.err != nil {
		return value{}
	}
	kernel := w.Shape()[2:]
	if declared := c.attrInts("kernel_shape"); declared != nil && !slices.Equal(declared, kernel) {
		c.fail("kernel_shape %v, but the weights have the shape %v", declared, w.Shape())
	}
	window := c.window(x.Shape()[2:], kernel)
	y := ops.Apply(ops.Conv{Window: window, Groups: c.attrInt("group", 1)}, x, w)
	if c.has(2) && y.Err() == nil {
		bias := c.expr(2)
		shape := make([]int, y.Rank()-1)
		for i := range shape {
			shape[i] = 1
		}
		shape[0] = y.Shape()[1]
		y = y.Add(bias.Reshape(shape...))
	}
	return value{expr: y}
}

// maxPool has dilations and ceil_mode from opset 10; storage_order matters to the second output only.
func maxPool(c *call) value {
	x := c.expr(0)
	kernel := c.attrInts("kernel_shape")
	c.attrInt("storage_order", 0)
	if c.err == nil && (x.Rank() < 3 || len(kernel) != x.Rank()-2) {
		c.fail("kernel_shape %v for an input of shape %v", kernel, x.Shape())
	}
	if c.err != nil {
		return value{}
	}
	window := c.window(x.Shape()[2:], kernel)
	window.Ceil = c.attrBool("ceil_mode")
	return value{expr: x.MaxPool(kernel, window)}
}

func globalAveragePool(c *call) value {
	x := c.expr(0)
	if c.err == nil && x.Rank() < 3 {
		c.fail("input of shape %v has no spatial axes", x.Shape())
	}
	var spatial []int
	for axis := 2; axis < x.Rank(); axis++ {
		spatial = append(spatial, axis)
	}
	return value{expr: x.Mean(true, spatial...)}
}

// window reads strides, dilations, pads and auto_pad, whose defaults depend on the number of spatial axes.
func (c *call) window(spatial, kernel []int) ops.Window {
	ones := make([]int, len(spatial))
	for i := range ones {
		ones[i] = 1
	}
	w := ops.Window{Strides: c.attrInts("strides"), Dilations: c.attrInts("dilations"), Pads: c.attrInts("pads")}
	if w.Strides == nil {
		w.Strides = ones
	}
	if w.Dilations == nil {
		w.Dilations = ones
	}
	mode := c.attrString("auto_pad", "NOTSET")
	switch {
	case len(w.Strides) != len(spatial) || len(w.Dilations) != len(spatial) || len(kernel) != len(spatial):
		c.fail("strides %v, dilations %v, kernel %v for %d spatial axes", w.Strides, w.Dilations, kernel, len(spatial))
	case mode == "SAME_UPPER" || mode == "SAME_LOWER":
		w.Pads = c.samePads(w, spatial, kernel, mode == "SAME_LOWER")
	case mode != "NOTSET" && mode != "VALID":
		c.fail("attribute auto_pad = %q is not known", mode)
	case w.Pads == nil || mode == "VALID":
		w.Pads = make([]int, 2*len(spatial))
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
		pads[i] = total / 2
		if lower {
			pads[i] = total - total/2
		}
		pads[len(spatial)+i] = total - pads[i]
	}
	return pads
}
