package optim_test

import (
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Polynomial falls to zero at the end. A recipe knows it after
//
//	optim.RegisterSchedule("polynomial", "falls as a power of what is left", func() optim.Schedule { return &Polynomial{Power: 1} })
type Polynomial struct {
	Power float64 `toml:"power" doc:"1 for a line" range:"(0,inf)"`
}

// Factor is the power of the share of steps that are left.
func (s *Polynomial) Factor(t, end float64) float64 { return math.Pow(1-t/end, s.Power) }

func ExampleSchedule() {
	s := optim.Scheduling{Schedule: &Polynomial{Power: 2}, Warmup: 1, Steps: 5, Follow: optim.FollowCount}
	for before := range int64(6) {
		fmt.Println(before, s.Factor(before))
	}
	// Output:
	// 0 0.5
	// 1 1
	// 2 0.5625
	// 3 0.25
	// 4 0.0625
	// 5 0
}
