package plan

import (
	"cmp"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/program"
)

// space is a run of memory that a chain has, or is lent for a call.
type space int

const (
	arena space = iota // what is computed
	constants
	scalars // hyperparameters and formulas of the moment
	state
	vector  // given
	result  // for a resulting vector
	targets // of the batch
	inputs  // the first input of the batch; the others follow
)

// place is where a storage's elements are.
type place struct {
	space        space
	offset, size int
}

// alignment of what is computed, in elements: a cache line of either precision.
const alignment = 16

func aligned(n int) int { return (n + alignment - 1) / alignment * alignment }

// layout gives every storage a place.
type layout struct {
	places    map[*value]place
	arena     int // elements
	scalars   int
	constants []*value
	constant  int // elements
	least     int // of arena: what is alive at one time, at most
}

// block is a part of the arena for some time.
type block struct {
	storage      *value
	size, offset int
	from, to     int // turns
}

// lay finds places for all storages; tasks are in their order.
func lay(t *tasks, delivered map[*value]*output) *layout {
	l := &layout{places: map[*value]place{}}
	read := map[*value]bool{}
	for _, k := range t.list {
		for _, s := range k.reads {
			read[s] = true
		}
	}
	for _, out := range t.graph.outputs {
		read[out.value.storage()] = true
	}
	for _, v := range t.graph.values {
		l.given(v, read[v])
	}
	for s, out := range delivered {
		l.places[s] = destination(out)
	}
	blocks := l.blocks(t)
	l.takeOver(t, blocks)
	l.pack(slices.SortedFunc(uniqueBlocks(blocks), func(a, b *block) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(a.from, b.from), cmp.Compare(a.storage.position, b.storage.position))
	}), len(t.list))
	for s, b := range blocks {
		l.places[s] = place{arena, b.offset, s.size}
	}
	return l
}

// destination is the place of a result in the state or in the resulting vector.
func destination(out *output) place {
	to := state
	if out.Destination == program.ToVector {
		to = result
	}
	return place{to, out.Field.Offset(), out.Field.Size()}
}

// given places what is not computed. Numbers that are the same everywhere are held only if somebody reads them from memory.
func (l *layout) given(v *value, read bool) {
	switch {
	case v.known != nil || v.input != nil && v.input.Source == program.FromConstant:
		if read {
			l.hold(v)
		}
	case v.input == nil:
	case v.input.Source == program.FromState:
		l.places[v] = place{state, v.input.Field.Offset(), v.size}
	case v.input.Source == program.FromVector:
		l.places[v] = place{vector, v.input.Field.Offset(), v.size}
	case v.input.Source == program.FromBatch:
		l.places[v] = place{inputs + space(v.input.Index), 0, v.size}
	case v.input.Source == program.FromTargets:
		l.places[v] = place{targets, 0, v.size}
	case v.input.Source == program.FromScalar:
		l.places[v] = place{scalars, l.scalars, v.size}
		l.scalars += v.size
	}
}

// hold places a constant behind the others.
func (l *layout) hold(v *value) {
	l.places[v] = place{constants, l.constant, v.size}
	l.constants = append(l.constants, v)
	l.constant += aligned(v.size)
}

// blocks returns, for every storage that is computed and placed nowhere else, when it is needed.
func (l *layout) blocks(t *tasks) map[*value]*block {
	blocks := map[*value]*block{}
	end := len(t.list)
	begin := func(s *value, turn int) {
		if _, placed := l.places[s]; !placed {
			blocks[s] = &block{storage: s, size: aligned(s.size), from: turn, to: turn}
		}
	}
	for _, v := range t.graph.values {
		if v.input != nil && v.input.Source == program.FromNoise {
			begin(v, 0)
		}
	}
	for turn, k := range t.list {
		for _, s := range k.makes() {
			begin(s, turn)
		}
		for _, s := range k.reads {
			if b := blocks[s]; b != nil {
				b.to = turn
			}
		}
	}
	for _, out := range t.graph.outputs {
		if b := blocks[out.value.storage()]; b != nil && out.Destination != program.ToState && out.Destination != program.ToVector {
			b.to = end
		}
	}
	return blocks
}

// makes returns the storages that a task computes.
func (k *task) makes() []*value {
	switch {
	case k.copies != nil:
		return nil
	case k.op != nil:
		return []*value{k.op}
	}
	return slices.Concat(k.roots, k.companions)
}

// takeOver lets roots of groups live where something was that is read for the last time, element by element.
func (l *layout) takeOver(t *tasks, blocks map[*value]*block) {
	for turn, k := range t.list {
		if k.op != nil {
			continue
		}
		taken := map[*block]bool{}
		for _, r := range k.roots {
			mine := blocks[r]
			if mine == nil || r.sum() || mine.from != turn {
				continue
			}
			for _, s := range k.reads {
				theirs := blocks[s]
				if theirs == nil || taken[theirs] || theirs.to != turn || theirs.from == turn || s.size != r.size || !t.readsInPlace(k, s) {
					continue
				}
				theirs.to = mine.to
				blocks[r] = theirs
				taken[theirs] = true
				break
			}
		}
	}
}

func uniqueBlocks(blocks map[*value]*block) func(func(*block) bool) {
	return func(yield func(*block) bool) {
		for s, b := range blocks {
			if b.storage == s && !yield(b) {
				return
			}
		}
	}
}

// pack gives every block the lowest offset at which nothing else is while it is needed, the largest first.
func (l *layout) pack(blocks []*block, turns int) {
	alive := make([]int, turns+1)
	var packed []*block // by offset
	for _, b := range blocks {
		for turn := b.from; turn <= b.to; turn++ {
			alive[turn] += b.size
		}
		b.offset = 0
		for _, other := range packed {
			if other.from > b.to || b.from > other.to {
				continue
			}
			if b.offset+b.size <= other.offset {
				break
			}
			b.offset = max(b.offset, other.offset+other.size)
		}
		at, _ := slices.BinarySearchFunc(packed, b, func(p, b *block) int { return cmp.Or(cmp.Compare(p.offset, b.offset), -1) })
		packed = slices.Insert(packed, at, b)
		l.arena = max(l.arena, b.offset+b.size)
	}
	l.least = slices.Max(alive)
}
