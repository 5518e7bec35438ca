package optim

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func TestFactorsAreTheirFormulas(t *testing.T) {
	warm := Scheduling{Schedule: Constant{}, Warmup: 3, Steps: 10}
	for _, c := range []struct {
		name string
		s    Scheduling
		want map[int64]float64
	}{
		{"constant", Scheduling{Schedule: Constant{}, Steps: 4}, map[int64]float64{0: 1, 3: 1, 1e6: 1}},
		{"warm-up", warm, map[int64]float64{0: 0.25, 1: 0.5, 2: 0.75, 3: 1, 4: 1, 20: 1}},
		{"step", Scheduling{Schedule: &StepDecay{Every: 3, Gamma: 0.5}, Steps: 8},
			map[int64]float64{0: 1, 2: 1, 3: 0.5, 5: 0.5, 6: 0.25, 8: 0.25, 30: 0.25}},
		{"cosine", Scheduling{Schedule: &Cosine{Final: 0.2}, Steps: 6}, map[int64]float64{0: 1, 2: 0.8, 3: 0.6, 4: 0.4, 6: 0.2, 9: 0.2}},
		{"cosine after warm-up", Scheduling{Schedule: &Cosine{}, Warmup: 1, Steps: 7},
			map[int64]float64{0: 0.5, 1: 1, 3: 0.75, 4: 0.5, 5: 0.25, 7: 0, 8: 0}},
		{"one cycle", Scheduling{Schedule: &OneCycle{Rise: 0.5, Start: 0.2, Final: 0.1}, Steps: 10},
			map[int64]float64{0: 0.2, 2: 0.6, 4: 1, 9: 0.1, 10: 0.1, 99: 0.1}},
		{"one cycle without rise", Scheduling{Schedule: &OneCycle{Start: 0.2, Final: 0.5}, Steps: 3}, map[int64]float64{0: 1, 1: 0.75, 2: 0.5}},
		{"one cycle that only rises", Scheduling{Schedule: &OneCycle{Rise: 1, Final: 0.5}, Steps: 3}, map[int64]float64{0: 0, 1: 0.5, 2: 0.5}},
		{"one cycle of one step", Scheduling{Schedule: &OneCycle{Rise: 0.3, Start: 0.2, Final: 0.5}, Steps: 1}, map[int64]float64{0: 0.5, 1: 0.5}},
		{"inverse square root", Scheduling{Schedule: &InverseSqrt{Scale: 4}, Steps: 100}, map[int64]float64{0: 1, 4: math.Sqrt(0.5), 12: 0.5, 32: 1.0 / 3}},
		{"that of the Transformer", Scheduling{Schedule: &InverseSqrt{Scale: 4}, Warmup: 4, Steps: 100}, map[int64]float64{3: 0.8, 4: 1, 16: 0.5}},
		{"warm-up to the end", Scheduling{Schedule: &Cosine{}, Warmup: 4, Steps: 2}, map[int64]float64{0: 0.2, 1: 0.4}},
	} {
		for before, want := range c.want {
			if got := c.s.Factor(before); math.Abs(got-want) > 1e-15 {
				t.Errorf("%s: the factor after %d steps is %v, want %v", c.name, before, got, want)
			}
		}
	}
}

// See testdata/torch_schedules.py.
func TestFactorsAreThoseOfPyTorch(t *testing.T) {
	var golden struct {
		Source string
		Steps  int
		Cases  []struct {
			Schedule        string
			Options, Common map[string]any
			Factors         []float64
		}
	}
	data, err := os.ReadFile("testdata/torch_schedules.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	for _, c := range golden.Cases {
		schedule, err := NewSchedule(c.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		s := Scheduling{Schedule: schedule, Steps: golden.Steps, Follow: FollowCount}
		set(t, schedule, c.Options)
		set(t, &s, c.Common)
		for before, want := range c.Factors {
			if got := s.Factor(int64(before)); math.Abs(got-want) > 1e-14 {
				t.Errorf("%s %v %v: the factor after %d steps is %v, %s has %v", c.Schedule, c.Options, c.Common, before, got, golden.Source, want)
			}
		}
	}
}

// set sets options as a recipe would.
func set(t *testing.T, target any, values map[string]any) {
	t.Helper()
	for _, o := range plugin.Options(target) {
		v, given := values[o.Name]
		if number, ok := v.(float64); ok && o.Type() == "integer" {
			v = int64(number)
		}
		if !given {
			continue
		}
		if err := o.Set(v); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryScheduleIsDocumentedAndFinite(t *testing.T) {
	for _, name := range ScheduleNames() {
		schedule, err := NewSchedule(name)
		if err != nil {
			t.Fatal(err)
		}
		if ScheduleDoc(name) == "" {
			t.Errorf("%s has no line for listings", name)
		}
		for _, o := range append(plugin.Options(schedule), plugin.Options(&Scheduling{})...) {
			if o.Doc == "" {
				t.Errorf("%s: option %s has no doc tag", name, o.Name)
			}
		}
		if s, is := schedule.(*StepDecay); is {
			s.Every = 2
		}
		for _, steps := range []int{1, 2, 3, 10} {
			s := Scheduling{Schedule: schedule, Steps: steps, Follow: FollowCount}
			if err := s.Validate(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for before := range int64(12) {
				if f := s.Factor(before); !(f >= 0 && f <= 1) {
					t.Errorf("%s of %d steps: the factor after %d is %v", name, steps, before, f)
				}
			}
		}
	}
}

func TestSchedulesThatDoNotFitAreRefused(t *testing.T) {
	for want, s := range map[string]Scheduling{
		"there is none":      {Steps: 1, Follow: FollowCount},
		"warmup = -1":        {Schedule: Constant{}, Warmup: -1, Steps: 1, Follow: FollowCount},
		"steps = 0":          {Schedule: Constant{}, Follow: FollowCount},
		`follow = "clock"`:   {Schedule: Constant{}, Steps: 1, Follow: "clock"},
		"every is missing":   {Schedule: &StepDecay{}, Steps: 1, Follow: FollowCount},
		"the schedule: step": {Schedule: Constant{}, Follow: FollowCount},
	} {
		if err := (Policy{Schedule: &s}).Check(nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func TestSchedulesMultiplyLearningRatesOnly(t *testing.T) {
	u, err := write(t, func(s *Step) {
		rates := s.Hyper("lr", 1).Add(s.Hyper("adam_lr", 1))
		stay(s, rates.Add(s.Hyper("lr_decay", 1)).Add(s.Hyper("weight_decay", 1)))
	})
	if err != nil {
		t.Fatal(err)
	}
	hypers := map[string]float64{"lr": 1000, "adam_lr": 100, "lr_decay": 10, "weight_decay": 1}
	halving := &Scheduling{Schedule: &StepDecay{Every: 1, Gamma: 0.5}, Steps: 100, Follow: FollowCount}
	byBatch := *halving
	byBatch.Follow = FollowBatch
	for _, c := range []struct {
		name   string
		moment Moment
		want   float64
	}{
		{"no schedule", Moment{Count: 3, Batch: 2, Hypers: hypers}, 1111},
		{"one that follows the count", Moment{Count: 3, Batch: 2, Hypers: hypers, Schedule: halving}, 1100.0/8 + 11},
		{"one that follows the batch", Moment{Count: 3, Batch: 2, Hypers: hypers, Schedule: &byBatch}, 1100.0/2 + 11},
	} {
		if got := u.Scalars[0].Eval(c.moment); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	for name, want := range map[string]bool{"lr": true, "norms/lr": true, "norms/adam_lr": true, "lr_decay": false, "flr": false, "lr/decay": false} {
		if got := IsRate(name); got != want {
			t.Errorf("a schedule changes %s: %v, want %v", name, got, want)
		}
	}
}

func TestSchedulesAreListed(t *testing.T) {
	if got, want := ScheduleNames(), []string{"constant", "cosine", "inverse_sqrt", "one_cycle", "step"}; !slices.Equal(got, want) {
		t.Errorf("the schedules are %v, want %v", got, want)
	}
}
