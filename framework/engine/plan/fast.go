package plan

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// fast returns the instruction of an operator that has a kernel of its own.
func (b *builder[T]) fast(v *value) (instruction[T], bool) {
	switch op := v.op.(type) {
	case ops.MatMul:
		return b.matMul(op, v), true
	case ops.Conv:
		return b.conv(v, "convolution", op.Window, op.Groups, v.in[0], v.in[1], v)
	case ops.ConvInput:
		return b.conv(v, "input gradient", op.Window, op.Groups, v, v.in[1], v.in[0])
	case ops.ConvWeights:
		return b.convWeights(v)
	case ops.PoolSelect:
		return b.pool(v, op.Window, op.Kernel, v.in[0], v)
	case ops.PoolScatter:
		return b.pool(v, op.Window, op.Kernel, v, v.in[1])
	case ops.PoolSum:
		return b.pool(v, op.Window, op.Kernel, v.in[0], v)
	case ops.PoolSpread:
		return b.pool(v, op.Window, op.Kernel, v, v.in[0])
	case ops.Softmax:
		return b.lines(v, "softmax", op.Axis, kernel.Softmax[T]), true
	case ops.LogSoftmax:
		return b.lines(v, "log softmax", op.Axis, kernel.LogSoftmax[T]), true
	case ops.Transpose:
		return b.transpose(op, v)
	case ops.Slice:
		first, strides := stepping(op.Start, op.Step, v.in[0].shape)
		return b.gather(v, "slice", first, v.shape, strides)
	case ops.Place:
		return b.insert(op, v)
	case ops.Concat:
		return b.concat(op, v)
	}
	return instruction[T]{}, false
}

// conv makes the instruction of a convolution or of its input gradient, which is v.
func (b *builder[T]) conv(v *value, name string, w ops.Window, groups int, x, weights, y *value) (instruction[T], bool) {
	c, planar := convolution(w, groups, x.shape, weights.shape, y.shape)
	if !planar || !kernel.Native {
		return instruction[T]{}, false
	}
	s := c.Forward()
	if v != y {
		s = c.Input()
	}
	b.needScratch(s.Scratch())
	from, by, to := b.place(v.in[0]), b.place(v.in[1]), b.place(v)
	return instruction[T]{
		name: name, detail: fmt.Sprint(x.shape, " by ", weights.shape, " to ", y.shape), parts: s.Parts(),
		work: float64(y.size) * float64(weights.size/weights.shape[0]) * nanosecondsPerTerm,
		run: func(ch *chain[T], part int, scratch []T) {
			kernel.Slide(s, ch.at(from), ch.at(by), ch.at(to), part, scratch)
		},
	}, true
}

// convWeights makes the instruction of a weight gradient that is not fused with an update.
func (b *builder[T]) convWeights(v *value) (instruction[T], bool) {
	if _, planar := weightsConv(v); !planar || !kernel.Native {
		return instruction[T]{}, false
	}
	f, out := b.producer(v), b.place(v)
	b.needScratch(f.scratch)
	return instruction[T]{
		name: f.name, detail: fmt.Sprint(v, " ", v.shape), parts: len(f.parts), work: f.work,
		run: func(c *chain[T], part int, scratch []T) { f.store(c, f.parts[part], c.at(out), scratch) },
	}, true
}

// pool makes the instruction of pooling whose larger side is x.
func (b *builder[T]) pool(v *value, w ops.Window, size []int, x, y *value) (instruction[T], bool) {
	c, planar := convolution(w, 1, x.shape, append([]int{1, 1}, size...), y.shape)
	if !planar {
		return instruction[T]{}, false
	}
	planes := x.shape[0] * x.shape[1]
	p := &kernel.Pool{H: c.H, W: c.W, KH: c.KH, KW: c.KW, OH: c.OH, OW: c.OW,
		StrideH: c.StrideH, StrideW: c.StrideW, PadH: c.PadH, PadW: c.PadW, DilationH: c.DilationH, DilationW: c.DilationW}
	cost := y.size * c.KH * c.KW
	parts := min(partsOf(cost), planes)
	in, out := b.allPlaces(v.in), b.place(v)
	apply := func(ch *chain[T], lo, hi int) { kernel.PoolSum(p, ch.at(in[0]), ch.at(out), lo, hi) }
	switch v.op.(type) {
	case ops.PoolSelect:
		apply = func(ch *chain[T], lo, hi int) { kernel.PoolSelect(p, ch.at(in[0]), ch.at(in[1]), ch.at(out), lo, hi) }
	case ops.PoolScatter:
		apply = func(ch *chain[T], lo, hi int) { kernel.PoolScatter(p, ch.at(in[0]), ch.at(in[1]), ch.at(out), lo, hi) }
	case ops.PoolSpread:
		apply = func(ch *chain[T], lo, hi int) { kernel.PoolSpread(p, ch.at(in[0]), ch.at(out), lo, hi) }
	}
	return instruction[T]{
		name: "pooling", detail: fmt.Sprint(v, " ", v.shape), parts: parts, work: float64(cost),
		run: func(ch *chain[T], part int, _ []T) { apply(ch, planes*part/parts, planes*(part+1)/parts) },
	}, true
}

// lines makes the instruction of a kernel that works along an axis.
func (b *builder[T]) lines(v *value, name string, axis int, kernel func(x, y []T, outer, n, inner int)) instruction[T] {
	outer, n, inner := v.shape[:axis].TotalSize(), v.shape[axis], v.shape[axis+1:].TotalSize()
	from, to := b.place(v.in[0]), b.place(v)
	parts := min(partsOf(v.size*16), outer)
	return instruction[T]{
		name: name, detail: fmt.Sprint(v.shape), parts: parts, work: 4 * float64(v.size),
		run: func(c *chain[T], part int, _ []T) {
			lo, hi := outer*part/parts, outer*(part+1)/parts
			kernel(c.at(from)[lo*n*inner:hi*n*inner], c.at(to)[lo*n*inner:hi*n*inner], hi-lo, n, inner)
		},
	}
}

// maxCopyAxes is how many axes the kernels that copy walk through.
const maxCopyAxes = 8

// gather makes the instruction that fills v, of that shape, from where strides lead.
func (b *builder[T]) gather(v *value, name string, first int, shape tensor.Shape, strides []int) (instruction[T], bool) {
	joined, walks := ops.Joined(shape, strides)
	if len(joined) > maxCopyAxes {
		return instruction[T]{}, false
	}
	from, to, axes, walk := b.place(v.in[0]), b.place(v), []int(joined), walks[0]
	return instruction[T]{
		name: name, detail: fmt.Sprint(v.in[0].shape, " to ", v.shape), parts: 1,
		run: func(c *chain[T], _ int, _ []T) { kernel.Gather(c.at(to), c.at(from), first, axes, walk) },
	}, true
}

func (b *builder[T]) transpose(op ops.Transpose, v *value) (instruction[T], bool) {
	strides := ops.RowMajor(v.in[0].shape)
	permuted := make([]int, len(strides))
	for i, axis := range op.Perm {
		permuted[i] = strides[axis]
	}
	return b.gather(v, "transpose", 0, v.shape, permuted)
}

// stepping returns the place of the first element of a slice of a tensor of that shape, and the strides to the others.
func stepping(start, step []int, shape tensor.Shape) (first int, strides []int) {
	strides = ops.RowMajor(shape)
	for i := range strides {
		first += start[i] * strides[i]
		strides[i] *= step[i]
	}
	return first, strides
}

func (b *builder[T]) insert(op ops.Place, v *value) (instruction[T], bool) {
	first, strides := stepping(op.Start, op.Step, v.shape)
	joined, walks := ops.Joined(v.in[0].shape, strides)
	if len(joined) > maxCopyAxes {
		return instruction[T]{}, false
	}
	from, to, axes, walk, fill := b.place(v.in[0]), b.place(v), []int(joined), walks[0], T(op.Fill)
	return instruction[T]{
		name: "place", detail: fmt.Sprint(v.in[0].shape, " in ", v.shape), parts: 1,
		run: func(c *chain[T], _ int, _ []T) {
			out := c.at(to)
			for i := range out {
				out[i] = fill
			}
			kernel.Scatter(out, first, c.at(from), axes, walk)
		},
	}, true
}

func (b *builder[T]) concat(op ops.Concat, v *value) (instruction[T], bool) {
	from, to := b.allPlaces(v.in), b.place(v)
	outer := v.shape[:op.Axis].TotalSize()
	lengths := make([]int, len(v.in))
	for i, x := range v.in {
		lengths[i] = x.size / outer
	}
	return instruction[T]{
		name: "concat", detail: fmt.Sprint(len(v.in), " to ", v.shape), parts: 1,
		run: func(c *chain[T], _ int, _ []T) {
			out, at := c.at(to), 0
			for i := range outer {
				for j, p := range from {
					n := lengths[j]
					at += copy(out[at:], c.at(p)[i*n:(i+1)*n])
				}
			}
		},
	}, true
}
