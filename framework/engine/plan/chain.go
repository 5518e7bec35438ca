package plan

import (
	"runtime"
	"time"
	"unsafe"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
)

// plan is a compiled graph: what a step is, without memory of its own but for constants. It does not change.
type plan[T kernel.Float] struct {
	instructions []instruction[T]
	constants    []T
	arena        int // elements
	sums         int
	partial      int // elements of the products that parts of an instruction add to
	scratch      int // elements, for one part of an instruction
	scalars      int
	least        int // elements of the arena that are alive at one time, at most
	fallible     bool
}

// instruction computes some storages from others. Its parts may run in any order and at the same time; each sees a scratch of its own.
type instruction[T kernel.Float] struct {
	name, detail string
	parts        int
	work         float64 // nanoseconds, about
	run          func(c *chain[T], part int, scratch []T)
	finish       func(c *chain[T]) // after all parts; nil if there is nothing left to do
}

// chain is the memory in which one plan runs.
type chain[T kernel.Float] struct {
	plan    *plan[T]
	spaces  [][]T
	sums    []float64
	partial []T
	scratch []T
	shared  job[T]
	rest    float64         // nanoseconds of work until the next break
	times   []time.Duration // of the instructions since a profile began; nil if there is none
}

func newChain[T kernel.Float](p *plan[T], batchInputs int) *chain[T] {
	c := &chain[T]{plan: p, spaces: make([][]T, int(inputs)+batchInputs), sums: make([]float64, p.sums)}
	c.spaces[arena] = alignedSlice[T](p.arena)
	c.spaces[constants] = p.constants
	c.spaces[scalars] = make([]T, p.scalars)
	c.scratch, c.partial = alignedSlice[T](p.scratch), alignedSlice[T](p.partial)
	return c
}

// alignedSlice returns zeros that begin at a multiple of 64 bytes.
func alignedSlice[T kernel.Float](n int) []T {
	const line = 64
	var x T
	size := int(unsafe.Sizeof(x))
	data := make([]T, n+line/size)
	skip := (line - int(uintptr(unsafe.Pointer(unsafe.SliceData(data)))%line)) % line / size
	return data[skip : skip+n : skip+n]
}

// at returns the elements of a place.
func (c *chain[T]) at(p place) []T { return c.spaces[p.space][p.offset : p.offset+p.size] }

// run runs all instructions.
func (c *chain[T]) run() {
	if c.times != nil {
		c.measure()
		return
	}
	for i := range c.plan.instructions {
		c.perform(&c.plan.instructions[i])
	}
}

// measure runs all instructions and adds up their times.
func (c *chain[T]) measure() {
	last := time.Now()
	for i := range c.plan.instructions {
		c.perform(&c.plan.instructions[i])
		now := time.Now()
		c.times[i] += now.Sub(last)
		last = now
	}
}

// untilBreak is for how many nanoseconds a chain works before it lets the runtime schedule it anew. Without breaks, the runtime takes its
// processor away after 10 ms, in the middle of a call of C, and from then on watches all calls from a thread that wakes up thousands of times
// a second on the chains' cores: two chains take steps of 0.5 ms a fifth slower.
const untilBreak = 2e6

// perform runs an instruction, with the help of cores that have nothing else to do if it is long.
func (c *chain[T]) perform(i *instruction[T]) {
	if c.rest -= i.work; c.rest < 0 {
		runtime.Gosched()
		c.rest = untilBreak
	}
	if i.parts > 1 && i.work > worthSharing && c.share(i) {
		return
	}
	for part := range i.parts {
		i.run(c, part, c.scratch)
	}
	if i.finish != nil {
		i.finish(c)
	}
}
