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

	companions []companion[T]

	sums   []place
	totals int // elements of all sums
}

// fused is a product that a pass computes.
type fused[T kernel.Float] struct {
	inputs  []int // of the program, that read it
	length  int   // of a row
	tile    tileKernel[T]
	scratch int // elements that tile needs
}

// tileKernel stores a tile of a product in out, whose rows begin ld elements apart.
type tileKernel[T kernel.Float] func(c *chain[T], out []T, ld int, t kernel.Tile, scratch []T)

// group makes the instruction of a group.
func (b *builder[T]) group(k *task) instruction[T] {
	code, leaves := b.tasks.write(k, b.layout)
	size := k.space.TotalSize()
	p := &pass[T]{program: kernel.Compile[T](code), length: size, parts: evenly(size, partsOf(size*(len(code.Code)+1)))}
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
	more, work := b.accompanied(k, p, work)
	names = append(names, more...)
	if i, is := b.descent(k, code, leaves, p); is {
		i.name, i.detail, i.work = strings.Join(append(names, "descent"), " + "), detail(k), work
		return i
	}
	scratch := max(p.program.Scratch(), p.companionScratch())
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
	b.plan.sums = max(b.plan.sums, p.totals*i.parts)
	if p.totals > 0 || len(p.companions) > 0 {
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
	var tiles, scratches [mostFused][]T
	size := p.tileSize()
	for i := range p.fused {
		f := &p.fused[i]
		tiles[i], scratch = scratch[:size], scratch[aligned(size):]
		scratches[i], scratch = scratch[:f.scratch], scratch[aligned(f.scratch):]
	}
	for piece := range pieces(t, p.piece) {
		p.accompany(c, part, piece, scratch)
		for i := range p.fused {
			p.fused[i].tile(c, tiles[i], piece.Columns, piece, scratches[i])
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
	p.finishCompanions(c)
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
func (b *builder[T]) descent(k *task, code kernel.Program, leaves []*value, p *pass[T]) (i instruction[T], is bool) {
	if len(k.producers) != 1 || len(k.roots) != 1 || len(code.Code) != 1 || code.Code[0].Op != kernel.MulSub || !outerProduct(k.producers[0]) {
		return i, false
	}
	step, gradient := code.Code[0], k.producers[0]
	g, rate := leaves[step.A], leaves[step.B]
	if g.storage() != gradient {
		g, rate = rate, g
	}
	if g.storage() != gradient || rate.size != 1 || code.Outputs[0].Alias != step.C {
		return i, false
	}
	product, _ := singleProduct(gradient.op.(ops.MatMul), gradient)
	by, left, right, to := b.place(rate), b.place(gradient.in[0]), b.place(gradient.in[1]), b.place(k.roots[0])
	b.needScratch(p.companionScratch())
	i.parts = len(p.parts)
	i.run = func(c *chain[T], part int, scratch []T) {
		for t := range pieces(p.parts[part], p.piece) {
			p.accompany(c, part, t, scratch)
			kernel.Descend(t.Row, t.Row+t.Rows, product.N, product.K, c.at(by)[0], c.at(left), product.M, c.at(right), product.N, c.at(to)[t.Row*product.N:])
		}
	}
	switch {
	case len(k.companions) == 0:
		i.run = func(c *chain[T], part int, scratch []T) {
			t := p.parts[part]
			kernel.Descend(t.Row, t.Row+t.Rows, product.N, product.K, c.at(by)[0], c.at(left), product.M, c.at(right), product.N, c.at(to)[t.Row*product.N:])
		}
		return i, true
	case len(k.companions) == 1 && p.companions[0].adds && k.companions[0].in[0].storage() == gradient.in[0].storage():
		i.run = func(c *chain[T], part int, scratch []T) {
			t, d := p.parts[part], p.companions[0].product(c, part, len(p.parts))
			kernel.Retreat(false, t.Row, t.Row+t.Rows, product.N, product.K, c.at(by)[0], c.at(left), product.M, c.at(right), product.N, c.at(to)[t.Row*product.N:], d, product.N)
		}
	}
	i.finish = p.finishCompanions
	return i, true
}
