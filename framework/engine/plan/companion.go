package plan

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// On the way back, a dense layer's weights are read twice: for the gradient in the layer's input, and for their update. If both can
// happen in one pass, the first is the update's companion: it is computed piece by piece from the rows that the update is about to
// change, and the weights pass through the caches once.

// accompany makes companions of the products with matrices that updates read row by row.
func (t *tasks) accompany() {
	for _, k := range t.list {
		if len(k.producers) == 0 || !outerProduct(k.producers[0]) {
			continue
		}
		for _, w := range slices.Clone(k.reads) {
			for _, q := range w.users {
				if slices.Equal(w.shape, k.producers[0].shape) && t.readsInPlace(k, w) && t.canAccompany(k, q, w) {
					t.separateFrom(t.of[q], q)
					k.companions = append(k.companions, q)
					k.read(q.in[0])
					t.of[q] = k
				}
			}
		}
	}
	t.list = slices.DeleteFunc(t.list, func(k *task) bool { return k.op != nil && t.of[k.op] != k })
}

func outerProduct(v *value) bool {
	op, is := v.op.(ops.MatMul)
	if !is {
		return false
	}
	p, _ := singleProduct(op, v)
	return outer(p)
}

// canAccompany reports whether q is a product of few rows with w that can be computed in a pass that reads w: neither needs the other.
func (t *tasks) canAccompany(k *task, q, w *value) bool {
	op, is := q.op.(ops.MatMul)
	if !is || op.TransA || q.in[1] != w || q.in[0].storage() == w {
		return false
	}
	p, single := singleProduct(op, q)
	its, needs := t.of[q], t.of[q.in[0].storage()]
	return single && p.M <= few && its != k && !slices.Contains(its.companions, q) && needs != k && !t.depends(k, its) && (needs == nil || !t.depends(needs, k))
}

// separateFrom lets a task no longer compute a product, which it may read instead.
func (t *tasks) separateFrom(k *task, q *value) {
	if k.op != nil {
		return
	}
	k.producers = slices.DeleteFunc(k.producers, func(p *value) bool { return p == q })
	t.of[q] = nil // some other task's
	k.reads = nil
	for _, r := range k.roots {
		_, leaves := t.closure(r)
		for _, v := range leaves {
			if t.of[v.storage()] != k {
				k.read(v)
			}
		}
	}
	for _, p := range slices.Concat(k.producers, k.companions) {
		k.read(p.in[0])
		k.read(p.in[1])
	}
}

// companion is a product that is computed besides a pass.
type companion[T kernel.Float] struct {
	name    string
	to      place
	adds    bool // rows of the matrix add to all of the product; otherwise, each makes a column of it
	at      int  // of the parts' sums among the chain's partial products
	scratch int
	rows    func(c *chain[T], t kernel.Tile, add bool, to, scratch []T)
}

// companion returns how a product is computed from rows of its second factor.
func (b *builder[T]) companion(q *value) companion[T] {
	op := q.op.(ops.MatMul)
	p, _ := singleProduct(op, q)
	left, right := b.place(q.in[0]), b.place(q.in[1])
	f := companion[T]{name: fmt.Sprintf("product %dx%dx%d", p.M, p.N, p.K), to: b.place(q), adds: !op.TransB}
	if f.adds {
		f.rows = func(c *chain[T], t kernel.Tile, add bool, to, _ []T) {
			kernel.Combine(add, p.M, p.N, t.Rows, c.at(left)[t.Row:], p.K, c.at(right)[t.Row*p.N:], to, p.N)
		}
		return f
	}
	f.scratch = kernel.DotScratch(p.M, p.K)
	f.rows = func(c *chain[T], t kernel.Tile, _ bool, to, scratch []T) {
		kernel.Dot(p.M, t.Rows, p.K, c.at(left), c.at(right)[t.Row*p.K:], to[t.Row:], p.N, scratch)
	}
	return f
}

// accompanied adds a group's companions to its pass, and cuts it into fewer parts: those that add to the same product each have a sum of
// their own, and the sums must be added up.
func (b *builder[T]) accompanied(k *task, p *pass[T], work float64) (names []string, all float64) {
	for _, q := range k.companions {
		f := b.companion(q)
		p.companions = append(p.companions, f)
		names = append(names, f.name)
		work += float64(q.in[1].size) * float64(q.size/q.shape[len(q.shape)-1]) * nanosecondsPerTerm
	}
	if len(p.companions) > 0 {
		p.parts = inRows(k.space.TotalSize()/p.length, p.length, p.piece, work/worthAdding)
	}
	need := 0
	for i := range p.companions {
		p.companions[i].at = need
		need += p.companions[i].to.size * len(p.parts)
	}
	b.plan.partial = max(b.plan.partial, need)
	return names, work
}

// worthAdding is how many nanoseconds a part should take whose sums are added to those of others.
const worthAdding = 4 * worthSharing

// companionScratch returns how many elements of working memory the companions of a pass need.
func (p *pass[T]) companionScratch() int {
	n := 0
	for i := range p.companions {
		n = max(n, p.companions[i].scratch)
	}
	return n
}

// accompany computes what the companions need of a piece of a part.
func (p *pass[T]) accompany(c *chain[T], part int, piece kernel.Tile, scratch []T) {
	for i := range p.companions {
		f := &p.companions[i]
		f.rows(c, piece, piece.Row > p.parts[part].Row, f.product(c, part, len(p.parts)), scratch)
	}
}

func (p *pass[T]) finishCompanions(c *chain[T]) {
	for i := range p.companions {
		p.companions[i].finish(c, len(p.parts))
	}
}

// product returns where a part of a pass keeps what it knows of the product.
func (f *companion[T]) product(c *chain[T], part, parts int) []T {
	if !f.adds || parts == 1 {
		return c.at(f.to)
	}
	return c.partial[f.at+part*f.to.size:][:f.to.size]
}

// finish adds up what the parts know of the product.
func (f *companion[T]) finish(c *chain[T], parts int) {
	if !f.adds || parts == 1 {
		return
	}
	var ones [mostParts]T
	for i := range ones {
		ones[i] = 1
	}
	kernel.Combine(false, 1, f.to.size, parts, ones[:parts], parts, c.partial[f.at:], c.at(f.to), f.to.size)
}
