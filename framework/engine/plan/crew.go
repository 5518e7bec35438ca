package plan

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
)

// Each chain has one core. The cores that no chain needs are the crew: they take parts of long instructions. The parts are the same
// however many cores there are, so results are, too.

const (
	// worthSharing is how many nanoseconds an instruction must take so that another core's help pays.
	worthSharing = 30e3
	// patience is how long a member looks for the next instruction before it sleeps: waking up takes longer than most instructions.
	patience = 200 * time.Microsecond
)

// atWork is the number of chains that are running.
var atWork atomic.Int32

// work is what a member of the crew can help with.
type work interface {
	join() bool // unless enough have joined
	help(m *member)
}

// member is one goroutine of the crew.
type member struct {
	single []float32 // scratch
	double []float64
}

// crew is everybody who may help, and what there is to do.
var crew struct {
	recruit sync.Once
	mutex   sync.Mutex
	offers  []work
	offered atomic.Int32 // the number of offers
	asleep  atomic.Int32 // members
	wake    chan struct{}
}

// recruit starts as many members as there may be idle cores.
func recruit() {
	crew.recruit.Do(func() {
		n := runtime.NumCPU() - 1
		crew.wake = make(chan struct{}, n)
		for range n {
			go new(member).serve()
		}
	})
}

// serve helps whoever asks for it.
func (m *member) serve() {
	for {
		for since := time.Now(); time.Since(since) < patience; {
			if w := accept(); w != nil {
				w.help(m)
				runtime.Gosched() // see untilBreak
				since = time.Now()
			}
		}
		crew.asleep.Add(1)
		<-crew.wake
		crew.asleep.Add(-1)
	}
}

// offer lets members join, and wakes as many as are wanted.
func offer(w work, wanted int) {
	crew.mutex.Lock()
	crew.offers = append(crew.offers, w)
	crew.offered.Add(1)
	crew.mutex.Unlock()
	for range min(wanted, int(crew.asleep.Load())) {
		select {
		case crew.wake <- struct{}{}:
		default: // enough are being woken
		}
	}
}

// accept joins the work that was offered first and wants more help, if there is any.
func accept() work {
	if crew.offered.Load() == 0 {
		runtime.Gosched()
		return nil
	}
	crew.mutex.Lock()
	defer crew.mutex.Unlock()
	for _, w := range crew.offers {
		if w.join() {
			return w
		}
	}
	return nil
}

// withdraw lets nobody else join.
func withdraw(w work) {
	crew.mutex.Lock()
	defer crew.mutex.Unlock()
	for i, other := range crew.offers {
		if other == w {
			crew.offers = append(crew.offers[:i], crew.offers[i+1:]...)
			crew.offered.Add(-1)
			return
		}
	}
}

// job is an instruction whose parts are shared.
type job[T kernel.Float] struct {
	chain       *chain[T]
	instruction *instruction[T]
	next        atomic.Int32
	places      atomic.Int32 // for helpers
	helpers     atomic.Int32 // that have joined and not left
	failure     atomic.Pointer[defect.Error]
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
	j.places.Store(int32(idle))
	offer(j, idle)
	j.parts(c.scratch)
	withdraw(j)
	for j.helpers.Load() > 0 {
		runtime.Gosched() // a part takes less time than going to sleep
	}
	if failure := j.failure.Swap(nil); failure != nil {
		panic(failure)
	}
	if i.finish != nil {
		i.finish(c)
	}
	return true
}

// parts runs parts that nobody has taken, until there are none. A panic is kept for the owner: it would end the process on a helper's
// goroutine, and the owner must not go before its helpers do.
func (j *job[T]) parts(scratch []T) {
	defer func() {
		if cause := recover(); cause != nil {
			j.failure.Store(defect.New(cause))
		}
	}()
	for {
		part := int(j.next.Add(1)) - 1
		if part >= j.instruction.parts {
			return
		}
		if part == j.instruction.parts-1 {
			withdraw(j) // nothing is left for others
		}
		j.instruction.run(j.chain, part, scratch)
	}
}

// join is called by one member at a time.
func (j *job[T]) join() bool {
	if j.places.Load() == 0 {
		return false
	}
	j.places.Add(-1)
	j.helpers.Add(1)
	return true
}

func (j *job[T]) help(m *member) {
	defer j.helpers.Add(-1)
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
