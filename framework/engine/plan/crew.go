package plan

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
)

// Each chain has one core. The cores that no chain needs are the crew: they take parts of long instructions. The parts are the same
// however many cores there are, so results are, too.

// worthSharing is how many nanoseconds an instruction must take so that waking another core pays.
const worthSharing = 60e3

// atWork is the number of chains that are running.
var atWork atomic.Int32

// work is what a member of the crew can be given.
type work interface{ help(m *member) }

// member is one goroutine of the crew.
type member struct {
	single []float32 // scratch
	double []float64
}

var (
	crew    = make(chan work) // somebody receives if a member is idle
	members sync.Once
)

// recruit starts as many members as there may be idle cores.
func recruit() {
	members.Do(func() {
		for range runtime.NumCPU() - 1 {
			go func() {
				m := &member{}
				for w := range crew {
					w.help(m)
				}
			}()
		}
	})
}

// job is an instruction whose parts are shared.
type job[T kernel.Float] struct {
	chain       *chain[T]
	instruction *instruction[T]
	next        atomic.Int32
	helpers     sync.WaitGroup
}

// share runs an instruction together with idle members of the crew. It reports whether it did.
func (c *chain[T]) share(i *instruction[T]) bool {
	idle := min(runtime.GOMAXPROCS(0)-int(atWork.Load()), i.parts-1)
	if idle <= 0 {
		return false
	}
	recruit()
	j := &c.shared
	j.chain, j.instruction = c, i
	j.next.Store(0)
	for range idle {
		j.helpers.Add(1)
		select {
		case crew <- j:
		default:
			j.helpers.Done()
		}
	}
	j.parts(c.scratch)
	j.helpers.Wait()
	if i.finish != nil {
		i.finish(c)
	}
	return true
}

// parts runs parts that nobody has taken, until there are none.
func (j *job[T]) parts(scratch []T) {
	for {
		part := int(j.next.Add(1)) - 1
		if part >= j.instruction.parts {
			return
		}
		j.instruction.run(j.chain, part, scratch)
	}
}

func (j *job[T]) help(m *member) {
	defer j.helpers.Done()
	j.parts(scratchOf[T](m, j.chain.plan.scratch))
}

// scratchOf returns a member's scratch, which grows to what plans need.
func scratchOf[T kernel.Float](m *member, n int) []T {
	var scratch any
	switch any(T(0)).(type) {
	case float32:
		if len(m.single) < n {
			m.single = alignedSlice[float32](n)
		}
		scratch = m.single
	default:
		if len(m.double) < n {
			m.double = alignedSlice[float64](n)
		}
		scratch = m.double
	}
	return scratch.([]T)
}
