package plan

import (
	"fmt"
	"iter"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// producible reports whether a value is a product that can be computed tile by tile.
func producible(v *value) bool {
	switch op := v.op.(type) {
	case ops.MatMul:
		_, single := singleProduct(op, v)
		return single
	case ops.ConvWeights:
		_, planar := weightsConv(v)
		return planar && kernel.Native
	}
	return false
}

// singleProduct is a product of two matrices, of which the first may be several that are stacked.
func singleProduct(op ops.MatMul, v *value) (p kernel.MatMul, is bool) {
	a, b := v.in[0].shape, v.in[1].shape
	n, k := b[len(b)-1], b[len(b)-2]
	if op.TransB {
		n, k = k, n
	}
	if b[:len(b)-2].TotalSize() != 1 || op.TransA && a[:len(a)-2].TotalSize() != 1 {
		return p, false
	}
	return kernel.MatMul{TransA: op.TransA, TransB: op.TransB, M: v.size / n, N: n, K: k}, true
}

// producing is a product that a pass computes, and how it is best cut.
type producing[T kernel.Float] struct {
	fused[T]
	name  string
	parts []kernel.Tile
	piece int // rows at a time
	work  float64
}

// store stores a part of the product where the whole belongs.
func (f *producing[T]) store(c *chain[T], t kernel.Tile, to, scratch []T) {
	for piece := range pieces(t, f.piece) {
		f.tile(c, to[piece.Row*f.length+piece.Column:], f.length, piece, scratch)
	}
}

// pieces cuts a tile after every so many rows.
func pieces(t kernel.Tile, rows int) iter.Seq[kernel.Tile] {
	return func(yield func(kernel.Tile) bool) {
		for end := t.Row + t.Rows; t.Row < end; t.Row += t.Rows {
			t.Rows = min(rows, end-t.Row)
			if !yield(t) {
				return
			}
		}
	}
}

// nanosecondsPerTerm is about what a multiplication and an addition take.
const nanosecondsPerTerm = 0.02

// producer returns how the rows of a product are computed.
func (b *builder[T]) producer(v *value) producing[T] {
	if op, is := v.op.(ops.MatMul); is {
		p, _ := singleProduct(op, v)
		return b.matrixRows(v, p)
	}
	conv, _ := weightsConv(v)
	x, g := b.place(v.in[0]), b.place(v.in[1])
	length := v.size / v.shape[0]
	f := producing[T]{name: "weight gradient", parts: conv.WeightParts()}
	for _, t := range f.parts {
		f.piece = max(f.piece, t.Rows)
	}
	f.work = float64(v.size) * float64(conv.Batch*conv.OH*conv.OW) * nanosecondsPerTerm
	weights := conv.Weights()
	f.fused = fused[T]{length: length, scratch: weights.Scratch(), tile: func(c *chain[T], out []T, ld int, t kernel.Tile, scratch []T) {
		kernel.Correlate(weights, c.at(x), c.at(g), out, ld, t, scratch)
	}}
	return f
}

// Sizes of the pieces of products.
const (
	smallPiece = 8 << 10 // elements of a sum of few outer products: they stay in the first cache until the program has read them
	pieceRows  = 240     // rows of another product: what is packed for them stays in the second
)

// few is how many rows a product of a small batch has at most: what is large then is read once and never packed.
const few = 32

func outer(p kernel.MatMul) bool { return p.TransA && !p.TransB && p.K <= few }

func (b *builder[T]) matrixRows(v *value, p kernel.MatMul) producing[T] {
	f := producing[T]{name: fmt.Sprintf("product %dx%dx%d", p.M, p.N, p.K), piece: min(pieceRows, p.M), fused: b.rows(v, p)}
	if outer(p) {
		f.piece = min(max(smallPiece/p.N, 2), p.M)
	}
	f.length = p.N
	f.work = float64(p.M) * float64(p.N) * float64(p.K) * nanosecondsPerTerm
	f.parts = inRows(p.M, p.N, f.piece, f.work/worthSharing)
	return f
}

// inRows cuts a matrix into about that many parts of whole pieces, but not into too many.
func inRows(rows, columns, piece int, parts float64) (list []kernel.Tile) {
	some := max(1, min(mostParts, int(parts), (rows+piece-1)/piece))
	each := max(1, ((rows+some-1)/some+piece-1)/piece*piece)
	for at := 0; at < rows; at += each {
		list = append(list, kernel.Tile{Row: at, Rows: min(each, rows-at), Columns: columns})
	}
	return list
}

// rows returns the kernel for a product's shape.
func (b *builder[T]) rows(v *value, p kernel.MatMul) fused[T] {
	x, y := b.place(v.in[0]), b.place(v.in[1])
	switch {
	case !p.TransA && p.TransB && p.M <= few:
		return fused[T]{scratch: kernel.DotScratch(p.M, p.K), tile: func(c *chain[T], out []T, _ int, t kernel.Tile, scratch []T) {
			kernel.Dot(t.Rows, p.N, p.K, c.at(x)[t.Row*p.K:], c.at(y), out, p.N, scratch)
		}}
	case !p.TransA && !p.TransB && p.M <= few:
		return fused[T]{tile: func(c *chain[T], out []T, _ int, t kernel.Tile, _ []T) {
			kernel.Combine(false, t.Rows, p.N, p.K, c.at(x)[t.Row*p.K:], p.K, c.at(y), out, p.N)
		}}
	case outer(p):
		return fused[T]{tile: func(c *chain[T], out []T, _ int, t kernel.Tile, _ []T) {
			kernel.Outer(t.Row, t.Row+t.Rows, p.N, p.K, c.at(x), p.M, c.at(y), p.N, out)
		}}
	}
	return fused[T]{scratch: p.Scratch(min(pieceRows, p.M)), tile: func(c *chain[T], out []T, _ int, t kernel.Tile, scratch []T) {
		kernel.MatMulRows(p, c.at(x), c.at(y), out, t.Row, t.Row+t.Rows, scratch)
	}}
}

// matMul makes the instruction of a product that nothing is fused with.
func (b *builder[T]) matMul(op ops.MatMul, v *value) instruction[T] {
	out := b.place(v)
	p, single := singleProduct(op, v)
	if !single {
		return b.batchedMatMul(op, v)
	}
	f := b.matrixRows(v, p)
	b.needScratch(f.scratch)
	return instruction[T]{
		name: f.name, detail: fmt.Sprint(v), parts: len(f.parts), work: f.work,
		run: func(c *chain[T], part int, scratch []T) { f.store(c, f.parts[part], c.at(out), scratch) },
	}
}

// batchedMatMul multiplies the matrices of the leading axes one after the other.
func (b *builder[T]) batchedMatMul(op ops.MatMul, v *value) instruction[T] {
	a, m := v.in[0].shape, v.in[1].shape
	lead := v.shape[:len(v.shape)-2]
	n, k := v.shape[len(v.shape)-1], a[len(a)-1]
	if op.TransA {
		k = a[len(a)-2]
	}
	p := kernel.MatMul{TransA: op.TransA, TransB: op.TransB, M: v.shape[len(v.shape)-2], N: n, K: k}
	as, bs := matrices(a, lead), matrices(m, lead)
	x, y, out := b.place(v.in[0]), b.place(v.in[1]), b.place(v)
	b.needScratch(p.Scratch(p.M))
	count := len(as)
	work := float64(count) * float64(p.M) * float64(p.N) * float64(p.K) * nanosecondsPerTerm
	parts := 1
	if work > worthSharing {
		parts = min(count, mostParts)
	}
	return instruction[T]{
		name: fmt.Sprintf("%d products %dx%dx%d", count, p.M, p.N, p.K), detail: fmt.Sprint(v), parts: parts, work: work,
		run: func(c *chain[T], part int, scratch []T) {
			left, right, to := c.at(x), c.at(y), c.at(out)
			for i := count * part / parts; i < count*(part+1)/parts; i++ {
				kernel.MatMulRows(p, left[as[i]*p.M*p.K:][:p.M*p.K], right[bs[i]*p.K*p.N:][:p.K*p.N], to[i*p.M*p.N:][:p.M*p.N], 0, p.M, scratch)
			}
		},
	}
}

// matrices returns, for each product of the leading axes, the number of the operand's matrix that it reads.
func matrices(operand, lead []int) []int {
	own := operand[:len(operand)-2]
	strides := ops.Repeating(own, lead)
	list := []int{0}
	for axis, n := range lead {
		var finer []int
		for _, at := range list {
			for i := range n {
				finer = append(finer, at+i*strides[axis])
			}
		}
		list = finer
	}
	return list
}

// weightsConv returns the convolution whose weights' gradient a value is, if it is planar.
func weightsConv(v *value) (kernel.Conv, bool) {
	op, is := v.op.(ops.ConvWeights)
	if !is {
		return kernel.Conv{}, false
	}
	return convolution(op.Window, op.Groups, v.in[0].shape, v.shape, v.in[1].shape)
}

// convolution describes a convolution with one or two spatial axes for the kernels.
func convolution(w ops.Window, groups int, x, weights, y []int) (kernel.Conv, bool) {
	c := kernel.Conv{Batch: x[0], Groups: groups, Channels: weights[1], Filters: weights[0] / groups,
		H: 1, KH: 1, OH: 1, StrideH: 1, DilationH: 1}
	n := len(x) - 2
	if n < 1 || n > 2 || ops.RowMajor(weights[2:])[0]*weights[2] > kernel.MaxTaps {
		return c, false
	}
	last := n - 1
	c.W, c.KW, c.OW = x[2+last], weights[2+last], y[2+last]
	c.StrideW, c.DilationW, c.PadW = w.Strides[last], w.Dilations[last], w.Pads[last]
	if n == 2 {
		c.H, c.KH, c.OH = x[2], weights[2], y[2]
		c.StrideH, c.DilationH, c.PadH = w.Strides[0], w.Dilations[0], w.Pads[0]
	}
	return c, true
}
