package model

import (
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// Indexing operators choose elements by their places, or put elements into places.
var indexing = map[string]operator{
	"Slice":           takes(1, 5, slice).settings(1, 2, 3, 4),
	"Gather":          takes(2, 2, gather).settings(1),
	"GatherElements":  takes(2, 2, gatherElements).settings(1),
	"GatherND":        takes(2, 2, gatherND).settings(1),
	"Scatter":         takes(3, 3, scatterElements).settings(1),
	"ScatterElements": takes(3, 3, scatterElements).settings(1),
	"ScatterND":       takes(3, 3, scatterND).settings(1),
	"Pad":             takes(1, 4, pad).settings(1, 2, 3),
	"Compress":        takes(2, 2, compress).settings(1),
	"ReverseSequence": takes(2, 2, reverseSequence).settings(1),
	"Trilu":           takes(1, 2, trilu).settings(1),
}

// slice has its bounds as attributes before opset 10, and as inputs, with steps, from then on.
func slice(c *call) ops.Expr {
	x := c.expr(0)
	starts, ends, axes, steps := c.list(1, "starts"), c.list(2, "ends"), c.list(3, "axes"), []int(nil)
	if c.opset >= 10 {
		steps = c.list(4, "steps")
	}
	if axes == nil {
		for i := range starts {
			axes = append(axes, i)
		}
	}
	if steps == nil {
		steps = slices.Repeat([]int{1}, len(starts))
	}
	c.distinct(axes, x.Rank())
	if c.err == nil && (len(ends) != len(starts) || len(axes) != len(starts) || len(steps) != len(starts)) {
		c.fail("starts %v, ends %v, axes %v and steps %v are not of one length", starts, ends, axes, steps)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	start, step, size := make([]int, len(shape)), slices.Repeat([]int{1}, len(shape)), slices.Clone([]int(shape))
	for i, axis := range axes {
		axis = c.axis(axis, len(shape))
		if steps[i] == 0 {
			c.fail("a step of 0")
			return ops.Expr{}
		}
		start[axis], step[axis] = starts[i], steps[i]
		start[axis], size[axis] = reach(starts[i], ends[i], steps[i], shape[axis])
	}
	return x.Slice(start, step, size)
}

// reach returns the first element and the number of elements of a slice of an axis of size n, as numpy counts them.
func reach(start, end, step, n int) (first, count int) {
	if step > 0 {
		start, end = within(start, 0, n, n), within(end, 0, n, n)
		return start, max(0, (end-start+step-1)/step)
	}
	start, end = within(start, 0, n-1, n), within(end, -1, n-1, n)
	return max(start, 0), max(0, (start-end-step-1)/-step)
}

// within makes a possibly negative place on an axis of size n count from zero and puts it between low and high.
func within(at, low, high, n int) int {
	if at < 0 {
		at += n
	}
	return min(max(at, low), high)
}

// list reads integers that are an attribute before opset 10 and an input from then on.
func (c *call) list(input int, name string) []int {
	switch {
	case c.opset < 10:
		return c.attrPlaces(name)
	case c.has(input):
		return c.ints(input)
	}
	return nil
}

// gather picks entries along an axis; the indices' axes take its place.
func gather(c *call) ops.Expr {
	x, indices := c.expr(0), c.indices(1)
	axis := c.axis(c.attrInt("axis", 0), x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	shape := slices.Concat(x.Shape()[:axis], indices.Shape(), x.Shape()[axis+1:])
	return ops.Apply(ops.Gather{Axis: axis}, x, indices.Reshape(product(indices.Shape()))).Reshape(shape...)
}

func gatherElements(c *call) ops.Expr {
	x, indices := c.expr(0), c.indices(1)
	axis := c.axis(c.attrInt("axis", 0), x.Rank())
	return ops.Apply(ops.GatherElements{Axis: axis}, x, indices)
}

// gatherND picks what index tuples, the last axis of the indices, point to; batch_dims (from opset 12) leading axes are shared.
func gatherND(c *call) ops.Expr {
	x, indices, shared := c.expr(0), c.indices(1), c.attrInt("batch_dims", 0)
	shape, at := x.Shape(), indices.Shape()
	if c.err == nil && (len(at) == 0 || shared < 0 || shared >= len(at) || shared+at[len(at)-1] > len(shape) ||
		!slices.Equal(shape[:shared], at[:shared])) {
		c.fail("indices of shape %v with batch_dims %d for data of shape %v", at, shared, shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	depth, tuples := at[len(at)-1], at[:len(at)-1]
	rest := shape[shared+depth:]
	flat := flatIndices(indices, shape[shared:shared+depth])
	if shared > 0 { // a tuple of batch b points into the b-th part
		parts, each := product(shape[:shared]), product(shape[shared:shared+depth])
		offsets := counting(0, each, parts)
		flat = flat.Reshape(parts, product(tuples)/max(1, parts)).Add(offsets.Reshape(parts, 1))
	}
	rows := x.Reshape(product(shape[:shared+depth]), product(rest))
	picked := ops.Apply(ops.Gather{Axis: 0}, rows, flat.Reshape(product(tuples)))
	return picked.Reshape(slices.Concat(tuples, rest)...)
}

// flatIndices returns, for tuples along the last axis, the row-major places that they name in a tensor of that shape.
func flatIndices(indices ops.Expr, shape []int) ops.Expr {
	last := indices.Rank() - 1
	flat := ops.Expr{}
	for i, n := range shape {
		at := indices.Narrow(last, i, i+1)
		at = at.Add(at.Less(ops.Scalar(0)).Scale(float64(n)))
		if flat.Absent() {
			flat = at
		} else {
			flat = flat.Scale(float64(n)).Add(at)
		}
	}
	if flat.Absent() { // tuples of no index point to the whole tensor
		n := product(indices.Shape()[:last])
		if n > maxConstant {
			return ops.Failed(fmt.Errorf("indices of shape %v are too many", indices.Shape()))
		}
		return ops.Constant([]int{n}, make([]float64, n))
	}
	return flat
}

// scatterElements and scatterND replace elements or, from opset 16, combine them with updates; see [call.scatter].
func scatterElements(c *call) ops.Expr {
	x, indices, updates := c.expr(0), c.indices(1), c.expr(2)
	axis := c.axis(c.attrInt("axis", 0), x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	return c.scatter(x, indices, updates, axis)
}

// scatterND names slices: they are the rows of a matrix, whose elements are scattered one by one.
func scatterND(c *call) ops.Expr {
	x, indices, updates := c.expr(0), c.indices(1), c.expr(2)
	shape, at := x.Shape(), indices.Shape()
	if c.err == nil && (len(at) == 0 || at[len(at)-1] > len(shape)) {
		c.fail("indices of shape %v for data of shape %v", at, shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	depth, tuples := at[len(at)-1], product(at[:len(at)-1])
	if wanted := slices.Concat(at[:len(at)-1], shape[depth:]); !slices.Equal(updates.Shape(), wanted) {
		c.fail("updates of shape %v: indices of shape %v into data of shape %v want %v", updates.Shape(), at, shape, wanted)
		return ops.Expr{}
	}
	rows, width := product(shape[:depth]), product(shape[depth:])
	flat := flatIndices(indices, shape[:depth]).Reshape(tuples, 1).Expand(tuples, width)
	return c.scatter(x.Reshape(rows, width), flat, updates.Reshape(tuples, width), 0).Reshape(shape...)
}

// scatter combines elements with the updates that indices send to them, by the attribute reduction: it adds, multiplies, keeps the smallest
// or the largest, or replaces them. Of updates that replace the same element the last one counts, as in ONNX Runtime.
func (c *call) scatter(x, indices, updates ops.Expr, axis int) ops.Expr {
	mode := c.attrString("reduction", "none")
	place := func(u ops.Expr) ops.Expr {
		return ops.Apply(ops.ScatterAddElements{Axis: axis, Dims: slices.Clone(x.Shape())}, u, indices)
	}
	combine := func(f ops.Arithmetic, x, u ops.Expr) ops.Expr {
		return ops.Apply(ops.ScatterReduce{Axis: axis, Func: f}, x, u, indices)
	}
	if product(updates.Shape()) == 0 {
		return x
	}
	switch mode {
	case "none":
		last := lastUpdates(x, indices, axis)
		if _, all := same(last); !all {
			updates = last.Where(updates, ops.Scalar(0))
		}
		return place(last).Where(place(updates), x)
	case "add":
		return x.Add(place(updates))
	case "mul":
		return combine(ops.Mul, x, updates)
	case "max":
		return combine(ops.Max, x, updates)
	case "min":
		return combine(ops.Max, x.Neg(), updates.Neg()).Neg()
	}
	c.fail("attribute reduction = %q is not known", mode)
	return ops.Expr{}
}

// lastUpdates is one for every update that is the last one sent to its place, and zero for the others.
func lastUpdates(x, indices ops.Expr, axis int) ops.Expr {
	zeros := x.Fill(0)
	if _, known := indices.Known(); known && !large(x.Shape()) {
		zeros = ops.Scalar(0).Expand(x.Shape()...)
	}
	turns := counting(1, 1, product(indices.Shape())).Reshape(indices.Shape()...)
	latest := ops.Apply(ops.ScatterReduce{Axis: axis, Func: ops.Max}, zeros, turns, indices)
	return ops.Apply(ops.GatherElements{Axis: axis}, latest, indices).Equal(turns)
}

// pad has the pads and the value as attributes before opset 11, as inputs from then on, and axes from opset 18. A negative pad
// crops.
func pad(c *call) ops.Expr {
	x, mode := c.expr(0), c.attrString("mode", "constant")
	pads, fill := c.padding(x.Rank())
	if c.err != nil {
		return ops.Expr{}
	}
	if mode == "constant" {
		return padConstant(x, pads, fill)
	}
	for axis, n := range x.Shape() {
		before, after := pads[axis], pads[x.Rank()+axis]
		if before == 0 && after == 0 {
			continue
		}
		places, ok := paddedPlaces(mode, n, before, after)
		if !ok {
			c.fail("mode %q with pads %v of an input of shape %v is not supported", mode, pads, x.Shape())
			return ops.Expr{}
		}
		x = ops.Apply(ops.Gather{Axis: axis}, x, places)
	}
	return x
}

// padding returns the pads, all beginnings and then all ends, and the value.
func (c *call) padding(rank int) (pads []int, fill float64) {
	if c.opset < 11 {
		pads, fill = c.attrInts("pads"), c.attrFloat("value", 0)
	} else {
		pads = c.ints(1)
		if c.has(2) {
			fill = c.scalar(2)
		}
	}
	if c.has(3) {
		axes := c.ints(3)
		c.distinct(axes, rank)
		if c.err == nil && len(pads) != 2*len(axes) {
			c.fail("pads %v for the axes %v", pads, axes)
		}
		if c.err != nil {
			return nil, 0
		}
		all := make([]int, 2*rank)
		for i, axis := range axes {
			axis = c.axis(axis, rank)
			all[axis], all[rank+axis] = pads[i], pads[len(axes)+i]
		}
		pads = all
	}
	if c.err == nil && len(pads) != 2*rank {
		c.fail("pads %v for an input with %d axes", pads, rank)
	}
	for _, n := range pads {
		if n > maxElements || n < -maxElements {
			c.fail("pads %v are out of range", pads)
		}
	}
	return pads, fill
}

func padConstant(x ops.Expr, pads []int, fill float64) ops.Expr {
	rank := x.Rank()
	start, step, dims := make([]int, rank), slices.Repeat([]int{1}, rank), make([]int, rank)
	for axis, n := range x.Shape() {
		before, after := pads[axis], pads[rank+axis]
		crop := x.Shape()
		if before < 0 || after < 0 {
			x = x.Narrow(axis, max(0, -before), crop[axis]-max(0, -after))
		}
		start[axis], dims[axis] = max(0, before), n+before+after
	}
	if slices.Equal([]int(x.Shape()), dims) {
		return x
	}
	return x.Place(start, step, dims, fill)
}

// paddedPlaces returns where the elements of an axis of size n come from once it is padded.
func paddedPlaces(mode string, n, before, after int) (ops.Expr, bool) {
	if n < 1 || n+before+after < 1 || n+before+after > maxConstant || before >= n && mode == "reflect" || after >= n && mode == "reflect" {
		return ops.Expr{}, false
	}
	places := make([]float64, 0, n+before+after)
	for at := -before; at < n+after; at++ {
		from := at
		switch mode {
		case "edge":
			from = min(max(at, 0), n-1)
		case "reflect":
			if from < 0 {
				from = -from
			}
			if from >= n {
				from = 2*(n-1) - from
			}
		case "wrap":
			from = ((at % n) + n) % n
		default:
			return ops.Expr{}, false
		}
		places = append(places, float64(from))
	}
	return ops.Constant([]int{len(places)}, places), true
}

// compress keeps the entries along an axis, or of the flattened input, whose condition holds.
func compress(c *call) ops.Expr {
	x, keep := c.expr(0), c.known(1)
	axis := 0
	if c.node.Attr("axis") == nil {
		x = x.Reshape(product(x.Shape()))
	} else {
		axis = c.axis(c.attrInt("axis", 0), x.Rank())
	}
	if c.err == nil && len(keep) > x.Shape()[axis] {
		c.fail("%d conditions for %d entries", len(keep), x.Shape()[axis])
	}
	var kept []float64
	for i, yes := range keep {
		if yes != 0 {
			kept = append(kept, float64(i))
		}
	}
	return ops.Apply(ops.Gather{Axis: axis}, x, ops.Constant([]int{len(kept)}, kept))
}

// reverseSequence reverses the first lengths[b] entries of sequence b.
func reverseSequence(c *call) ops.Expr {
	x, lengths := c.expr(0), c.ints(1)
	time, batch := c.attrInt("time_axis", 0), c.attrInt("batch_axis", 1)
	shape := x.Shape()
	if c.err == nil && (len(shape) < 2 || time == batch || min(time, batch) < 0 || max(time, batch) > 1 || len(lengths) != shape[batch]) {
		c.fail("time_axis %d, batch_axis %d and %d lengths for an input of shape %v", time, batch, len(lengths), shape)
	}
	if c.err == nil && product(shape[:2]) > maxConstant {
		c.fail("sequences of shape %v are too long", shape)
	}
	if c.err != nil {
		return ops.Expr{}
	}
	perm := counted(len(shape))
	if time == 1 {
		perm[0], perm[1] = 1, 0
		x = x.Transpose(perm...)
	}
	reversed := reverse(x, lengths)
	if time == 1 {
		reversed = reversed.Transpose(perm...)
	}
	return reversed
}

// reverse reverses the first lengths[b] entries of the sequences of x, whose shape is (time, batch, …).
func reverse(x ops.Expr, lengths []int) ops.Expr {
	shape := x.Shape()
	steps, batch := shape[0], shape[1]
	places := make([]float64, steps*batch)
	for t := range steps {
		for b := range batch {
			from := t
			if t < lengths[b] {
				from = lengths[b] - 1 - t
			}
			places[t*batch+b] = float64(from*batch + b)
		}
	}
	rows := x.Reshape(steps*batch, product(shape[2:]))
	return ops.Apply(ops.Gather{Axis: 0}, rows, ops.Constant([]int{steps * batch}, places)).Reshape(shape...)
}

// trilu keeps the triangle above (or below) the k-th diagonal of matrices.
func trilu(c *call) ops.Expr {
	x, upper, k := c.expr(0), c.attrInt("upper", 1) != 0, 0
	if c.has(1) {
		k = int(math.Max(math.Min(c.scalar(1), maxElements), -maxElements))
	}
	if c.err == nil && x.Rank() < 2 {
		c.fail("an input of shape %v holds no matrices", x.Shape())
	}
	if c.err != nil {
		return ops.Expr{}
	}
	shape := x.Shape()
	rows, columns := shape[len(shape)-2], shape[len(shape)-1]
	if columns > maxConstant/max(rows, 1) {
		c.fail("matrices of shape %v are too large", shape)
		return ops.Expr{}
	}
	keep := make([]float64, rows*columns)
	for i := range keep {
		row, column := i/columns, i%columns
		if upper && column-row >= k || !upper && column-row <= k {
			keep[i] = 1
		}
	}
	return ops.Constant(tensor.Shape{rows, columns}, keep).Where(x, ops.Scalar(0))
}
