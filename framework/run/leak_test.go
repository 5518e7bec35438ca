package run_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// Values, gradients, noise and the compiled graphs of every run must go with it.
func TestRunsLeaveNoMemoryAndNoGoroutinesBehind(t *testing.T) {
	const bound = 1 << 18
	noisyRun := func(steps string) {
		executeNoisy(t, run.Options{Workers: 2}, "steps="+steps)
	}
	noisyRun("7")
	heap, goroutines := resources()
	for range 3 {
		noisyRun("40")
	}
	heapAfter, goroutinesAfter := resources()
	if heapAfter > heap+bound {
		t.Errorf("the heap grew from %d to %d bytes", heap, heapAfter)
	}
	for range 100 { // a goroutine that has handed over its result may still be on its way out
		if goroutinesAfter <= goroutines {
			return
		}
		time.Sleep(10 * time.Millisecond)
		goroutinesAfter = runtime.NumGoroutine()
	}
	t.Errorf("the goroutines grew from %d to %d", goroutines, goroutinesAfter)
}

func resources() (heap uint64, goroutines int) {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc, runtime.NumGoroutine()
}
