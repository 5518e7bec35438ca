package optim

import (
	"errors"
	"fmt"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Schedule is a plugin that says how learning rates change from step to step. Its exported fields with toml tags are its options.
type Schedule interface {
	// Factor returns what learning rates are multiplied by in the step that t steps came before; 0 ≤ t ≤ end. A schedule that ends
	// does so at end, which is 1 or more. The same arguments give the same factor, always.
	Factor(t, end float64) float64
}

// What a schedule follows.
const (
	FollowCount = "count" // how many steps were applied to the state: T_k is the same map wherever k stands in a run
	FollowBatch = "batch" // the batch index k: the steps T_1, T_2, … differ in law
)

// Scheduling is a schedule in use. It multiplies the hyperparameters that are learning rates: those named lr, or ending in _lr, of
// every group.
type Scheduling struct {
	Schedule Schedule
	Warmup   int    `toml:"warmup" doc:"steps at rates that rise linearly, before the schedule begins" range:"[0,inf)"`
	Steps    int    `toml:"steps" doc:"steps, those of warm-up included, after which the schedule ends and the rate stays (0: the recipe's)" range:"[0,inf)"`
	Follow   string `toml:"follow" doc:"count: the steps applied to the state; batch: the batch index, by which the steps differ in law" oneof:"count batch"`
}

// Validate refuses a schedule without an end, and one that follows nothing.
func (s *Scheduling) Validate() error {
	switch {
	case s.Schedule == nil:
		return errors.New("there is none")
	case s.Warmup < 0:
		return fmt.Errorf("warmup = %d is below zero", s.Warmup)
	case s.Steps < 1:
		return fmt.Errorf("steps = %d: it ends after one step at least", s.Steps)
	case s.Follow != FollowCount && s.Follow != FollowBatch:
		return fmt.Errorf("follow = %q is neither %s nor %s", s.Follow, FollowCount, FollowBatch)
	}
	if v, ok := s.Schedule.(plugin.Validator); ok {
		return v.Validate()
	}
	return nil
}

// Factor returns what learning rates are multiplied by in the step that so many steps came before. Warm-up takes the schedule's first
// factor in equal steps from zero, which is never used, nor is the last one, with which the schedule begins.
func (s *Scheduling) Factor(before int64) float64 {
	t, warmup := float64(before), float64(s.Warmup)
	end := max(1, float64(s.Steps)-warmup)
	if t < warmup {
		return (t + 1) / (warmup + 1) * s.Schedule.Factor(0, end)
	}
	return s.Schedule.Factor(min(t-warmup, end), end)
}

// IsRate reports whether a hyperparameter, of a group or not, is a learning rate.
func IsRate(hyper string) bool {
	name := hyper[strings.LastIndexByte(hyper, '/')+1:]
	return name == "lr" || strings.HasSuffix(name, "_lr")
}

var schedules = plugin.NewRegistry[Schedule]("schedule")

// RegisterSchedule adds a schedule under a name that recipes use. It panics if the name is taken.
func RegisterSchedule(name, doc string, construct func() Schedule) {
	schedules.Register(name, doc, construct)
}

// NewSchedule returns the schedule of that name with its default options.
func NewSchedule(name string) (Schedule, error) { return schedules.New(name) }

// ScheduleNames returns the names of the registered schedules in alphabetical order.
func ScheduleNames() []string { return schedules.Names() }

// ScheduleDoc returns the line that describes a schedule.
func ScheduleDoc(name string) string { return schedules.Doc(name) }
