package plan

import (
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

// A panic on a helper's goroutine would end the process; one on the owner's would leave helpers behind that still write.
func TestAPanicInAPartReachesTheOwnerAfterAllHelpersLeft(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	c := newChain(&plan[float32]{}, 0)
	for failing := range 8 {
		var running atomic.Int32
		i := &instruction[float32]{parts: 8, run: func(_ *chain[float32], part int, _ []float32) {
			running.Add(1)
			defer running.Add(-1)
			runtime.Gosched()
			if part == failing {
				panic("boom")
			}
		}}
		err := defect.Guard(func() error {
			if !c.share(i) {
				t.Fatal("the instruction was not shared")
			}
			return nil
		})
		if err == nil || running.Load() != 0 || c.shared.helpers.Load() != 0 {
			t.Fatalf("part %d: the error is %v, %d parts run, %d helpers", failing, err, running.Load(), c.shared.helpers.Load())
		}
	}
	if err := defect.Guard(func() error {
		c.share(&instruction[float32]{parts: 8, run: func(*chain[float32], int, []float32) {}})
		return nil
	}); err != nil {
		t.Errorf("afterwards, the error is %v", err)
	}
}
