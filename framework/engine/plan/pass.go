package plan

import (
	"fmt"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// pass is a group as an instruction: one pass over its space, in pieces. If products are fused, each piece is some rows of them,
// which are computed into scratch right before the elementwise program reads them there.
type pass[T kernel.Float] struct {
	program *kernel.Compiled[T]
	in, out []place
	length  int           // of the rows of the space as a matrix: of products' rows, if some are fused
	parts   []kernel.Tile // of that matrix
	fused   []fused[T]
	piece   int // rows at a time, if products are fused

	sums   []place
	totals int // elements of all sums
}

// fused is a product that a pass computes.
type fused[T kernel.Float] struct {
	inputs  []int                          // of the program, that read it
	length  int                            // of a row
	prepare func(c *chain[T], scratch []T) // before the first rows of a part; may be nil
	tile    tileKernel[T]
	scratch int // elements that are prepared, and that tile needs
}

// tileKernel stores a tile of a product in out, whose rows begin ld elements apart.
type tileKernel[T kernel.Float] func(c *chain[T], out []T, ld int, t kernel.Tile, scratch []T)

// group makes the instruction of a group.
func (b *builder[T]) group(k *task) instruction[T] {
	code, leaves := b.tasks.write(k, b.layout)
	size := k.space.TotalSize()
	p := &pass[T]{program: kernel.Compile[T](code), length: size, parts: evenly(size, partsOf(size*(len(code.Code)+1)))}
	scratch := p.program.Scratch()
	names := []string{}
	work := float64(size) * float64(len(code.Code)+len(code.Inputs)) * nanosecondsPerElement
	for _, s := range k.producers {
		f := b.producer(s)
		for i, leaf := range leaves {
			if leaf.storage() == s {
				f.inputs = append(f.inputs, i)
			}
		}
		p.fused = append(p.fused, f.fused)
		p.piece, p.length, p.parts = f.piece, f.length, f.parts
		work += f.work
		names = append(names, f.name)
	}
	if i, is := b.descent(k, code, leaves, p); is {
		return i
	}
	for i := range p.fused {
		scratch += aligned(p.tileSize()) + aligned(p.fused[i].scratch)
	}
	b.needScratch(scratch)
	for _, leaf := range leaves {
		at := place{}
		if b.tasks.of[leaf.storage()] != k || !isProducer(k, leaf.storage()) {
			at = b.place(leaf)
		}
		p.in = append(p.in, at)
	}
	for _, r := range k.roots {
		if r.sum() {
			p.sums = append(p.sums, b.place(r))
			p.totals += r.size
		} else {
			p.out = append(p.out, b.place(r))
		}
	}
	i := instruction[T]{name: strings.Join(append(names, "elementwise"), " + "), detail: detail(k), parts: len(p.parts), work: work, run: p.run}
	if p.totals > 0 {
		b.plan.sums = max(b.plan.sums, p.totals*i.parts)
		i.finish = p.finish
	}
	return i
}

func isProducer(k *task, s *value) bool {
	for _, p := range k.producers {
		if p == s {
			return true
		}
	}
	return false
}

// detail says what a group computes.
func detail(k *task) string {
	var results []string
	for _, r := range k.roots {
		results = append(results, describe(r.op))
	}
	return fmt.Sprintf("%v %s", k.space, strings.Join(results, ", "))
}

// nanosecondsPerElement is about what an instruction of an elementwise program takes.
const nanosecondsPerElement = 0.05

// Sizes of parts, in elements times instructions: what is shorter is not cut.
const (
	smallestPart = 1 << 17
	mostParts    = 8
)

func partsOf(work int) int { return min(max(work/smallestPart, 1), mostParts) }

// evenly cuts a row of n elements into parts at multiples of a cache line.
func evenly(n, parts int) []kernel.Tile {
	var list []kernel.Tile
	for part, at := 0, 0; part < parts; part++ {
		end := n
		if part < parts-1 {
			end = n * (part + 1) / parts / alignment * alignment
		}
		list = append(list, kernel.Tile{Rows: 1, Column: at, Columns: end - at})
		at = end
	}
	return list
}

// tileSize returns how many elements of a product are computed at a time.
func (p *pass[T]) tileSize() int {
	columns := 0
	for _, t := range p.parts {
		columns = max(columns, t.Columns)
	}
	return p.piece * columns
}

// run runs a part.
func (p *pass[T]) run(c *chain[T], part int, scratch []T) {
	var in, out [kernel.MaxOperands]kernel.Operand[T]
	var sums [kernel.MaxOperands][]float64
	for i, at := range p.in {
		in[i].Data = c.at(at)
	}
	for i, at := range p.out {
		out[i].Data = c.at(at)
	}
	totals := c.sums[part*p.totals : (part+1)*p.totals]
	clear(totals)
	for i, at := range p.sums {
		sums[i], totals = totals[:at.size], totals[at.size:]
	}
	t := p.parts[part]
	if len(p.fused) == 0 {
		p.program.Run(t.Column, t.Column+t.Columns, in[:len(p.in)], out[:len(p.out)], sums[:len(p.sums)], scratch)
		return
	}
	var tiles, prepared [mostFused][]T
	size := p.tileSize()
	for i := range p.fused {
		f := &p.fused[i]
		tiles[i], scratch = scratch[:size], scratch[aligned(size):]
		prepared[i], scratch = scratch[:f.scratch], scratch[aligned(f.scratch):]
		if f.prepare != nil {
			f.prepare(c, prepared[i])
		}
	}
	for piece := range pieces(t, p.piece) {
		for i := range p.fused {
			p.fused[i].tile(c, tiles[i], piece.Columns, piece, prepared[i])
		}
		// Whole rows follow one another; of others, each is a run of its own.
		rows, run := piece.Rows, piece.Columns
		if piece.Columns == p.length {
			rows, run = 1, piece.Rows*piece.Columns
		}
		for row := range rows {
			lo := (piece.Row+row)*p.length + piece.Column
			for i := range p.fused {
				for _, register := range p.fused[i].inputs {
					in[register] = kernel.Operand[T]{Data: tiles[i][row*run:], From: lo}
				}
			}
			p.program.Run(lo, lo+run, in[:len(p.in)], out[:len(p.out)], sums[:len(p.sums)], scratch)
		}
	}
}

// mostFused is how many products a pass computes at most.
const mostFused = 4

// finish adds up what the parts have summed, in their order.
func (p *pass[T]) finish(c *chain[T]) {
	at := 0
	for _, to := range p.sums {
		out := c.at(to)
		for i := range out {
			sum := 0.0
			for part := range len(p.parts) {
				sum += c.sums[part*p.totals+at+i]
			}
			out[i] = T(sum)
		}
		at += to.size
	}
}

// descent makes the instruction of a group that only subtracts a multiple of a sum of few outer products from a storage: plain
// gradient descent on a dense layer's weights. The product is not even written to scratch.
func (b *builder[T]) descent(k *task, code kernel.Program, leaves []*value, p *pass[T]) (instruction[T], bool) {
	if len(k.producers) != 1 || len(k.roots) != 1 || len(code.Code) != 1 || code.Code[0].Op != kernel.MulSub {
		return instruction[T]{}, false
	}
	op, is := k.producers[0].op.(ops.MatMul)
	if !is {
		return instruction[T]{}, false
	}
	product, _ := singleProduct(op, k.producers[0])
	step := code.Code[0]
	gradient, rate := leaves[step.A], leaves[step.B]
	if gradient.storage() != k.producers[0] {
		gradient, rate = rate, gradient
	}
	to := b.place(k.roots[0])
	if !outer(product) || gradient.storage() != k.producers[0] || rate.size != 1 || code.Outputs[0].Alias != step.C {
		return instruction[T]{}, false
	}
	f := b.producer(k.producers[0])
	by, left := b.place(rate), b.place(k.producers[0].in[0])
	length := kernel.Aligned(product.N)
	b.needScratch(f.scratch)
	return instruction[T]{
		name: f.name + " + descent", detail: detail(k), parts: len(f.parts), work: f.work,
		run: func(c *chain[T], part int, scratch []T) {
			f.prepare(c, scratch)
			t := f.parts[part]
			kernel.Descend(t.Row, t.Row+t.Rows, product.N, product.K, c.at(by)[0], c.at(left), product.M, scratch, length, c.at(to)[t.Row*product.N:])
		},
	}, true
}
