package enginetest

import (
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// concurrency opens machines, compiles and runs on several goroutines at once. The race detector is the other half of the test.
func concurrency(t *testing.T, e engine.Engine) {
	s := classifier(averaging{0.1}).open(t, e, array.Float64)
	word := []int{1, 2, 3, 4, 5, 6, 7, 8}
	want := s.after(t, word...)
	states := make([]*optim.State, 4)
	errs := make([]error, len(states))
	var group sync.WaitGroup
	for i := range states {
		states[i] = s.start.Clone()
		group.Go(func() {
			m, err := e.Open(s.program)
			if err != nil {
				errs[i] = err
				return
			}
			defer m.Close()
			errs[i] = m.Apply(t.Context(), states[i], s.data, word)
		})
	}
	group.Wait()
	for i, state := range states {
		if errs[i] != nil || !state.Equal(want) {
			t.Errorf("machine %d of %d: error %v, or other bits than a machine on its own", i, len(states), errs[i])
		}
	}
}

func leaks(t *testing.T, e engine.Engine) {
	const bound = 1 << 20
	steps := 3000
	if testing.Short() {
		steps = 600
	}
	p := problem{
		network:   programtest.NewNetwork(2).Dense("first", 2).BatchNorm("norm").Apply("Tanh").Dropout(0.5).Dense("logits", 2),
		loss:      "cross_entropy",
		optimizer: averaging{0.01},
		data:      programtest.Data{Size: 2, Input: []int{2}, Target: programtest.Largest(2)},
	}
	s := p.open(t, e, array.Float64)
	state := s.start.Clone()
	use := func(times int) {
		s.apply(t, state, make([]int, times)...)
		for range times / 10 {
			meanLoss(t, s, state, 1)
			s.gradient(t, state, 1)
		}
	}
	use(10)
	heap, goroutines := resources()
	use(steps)
	heapAfter, goroutinesAfter := resources()
	if heapAfter > heap+bound {
		t.Errorf("the heap grew from %d to %d bytes in %d steps", heap, heapAfter, steps)
	}
	for range 100 { // a goroutine that has handed over its result may still be on its way out
		if goroutinesAfter <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
		goroutinesAfter = runtime.NumGoroutine()
	}
	t.Errorf("the goroutines grew from %d to %d in %d steps", goroutines, goroutinesAfter, steps)
}

func resources() (heap uint64, goroutines int) {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc, runtime.NumGoroutine()
}

// BenchmarkStep measures one step of plain gradient descent at batch 8, in both precisions.
func BenchmarkStep(b *testing.B, e engine.Engine) {
	small := programtest.NewNetwork(64).Dense("1", 32).Apply("Relu").Dense("2", 32).Apply("Relu").Dense("logits", 10)
	large := programtest.NewNetwork(784)
	for _, name := range []string{"1", "2", "3", "4", "5"} {
		large = large.Dense(name, 500).Apply("Relu")
	}
	for _, c := range []struct {
		name    string
		network *programtest.Network
		inputs  int
	}{{"64-32x2-10", small, 64}, {"784-500x5-10", large.Dense("logits", 10), 784}} {
		for _, d := range []array.DType{array.Float32, array.Float64} {
			b.Run(c.name+"/"+string(d), func(b *testing.B) {
				p := problem{network: c.network, loss: "cross_entropy", optimizer: descent{0.001}}
				p.data = programtest.Data{Size: 8, Input: []int{c.inputs}, Target: programtest.Largest(10)}
				s := p.open(b, e, d)
				s.data = fixed{s.batch(b, 1)}
				s.apply(b, s.start, 1)
				b.ReportAllocs()
				for b.Loop() {
					s.apply(b, s.start, 1)
				}
			})
		}
	}
}

// fixed hands out one batch.
type fixed struct{ batch engine.Batch }

func (f fixed) Batch(int) (engine.Batch, error) { return f.batch, nil }
