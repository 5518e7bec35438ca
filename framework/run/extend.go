package run

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// beyond lists iterates behind the last evaluated one that a longer run would evaluate next: as many as its states decide about.
func (r *Run) beyond(period int) []int {
	rc := r.Recipe
	next := rc.Evaluate.Iterates(rc.Steps + max(rc.Evaluate.Every, period))[len(r.iterates):]
	if period == 0 {
		next = next[:min(1, len(next))]
	}
	return next
}

// goesOn returns an error unless a run with these changes goes on with what was recorded: there are none, or it has more steps and
// all that was recorded stays as it is.
func (r *Run) goesOn(folder string, changes []Change) error {
	find := func(key string) (Change, bool) {
		i := slices.IndexFunc(changes, func(c Change) bool { return c.What == key })
		if i < 0 {
			return Change{}, false
		}
		return changes[i], true
	}
	steps, _ := find("steps")
	schedule, _ := find("schedule.steps")
	refused := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c == steps || c == schedule })
	old, err := strconv.Atoi(cmp.Or(steps.Then, strconv.Itoa(r.Recipe.Steps)))
	if err != nil {
		return fmt.Errorf("run: the record in %s: steps = %s is no number", folder, steps.Then)
	}
	ended, err := strconv.Atoi(cmp.Or(schedule.Then, strconv.Itoa(r.Recipe.Schedule.Steps)))
	if err != nil {
		return fmt.Errorf("run: the record in %s: schedule.steps = %s is no number", folder, schedule.Then)
	}
	switch {
	case len(refused) > 0:
		err = errors.New(inWords(changes))
	case old > r.Recipe.Steps:
		err = fmt.Errorf("%s: a run can be made longer, but not shorter", steps)
	default:
		err = r.extends(old, ended)
	}
	if err != nil {
		return fmt.Errorf("run: the run in %s cannot be resumed: %w", folder, err)
	}
	return nil
}

// extends returns an error unless a run of so many steps, whose schedule ended after others (0: the same), is the beginning of this one.
func (r *Run) extends(steps, ended int) error {
	rc := *r.Recipe
	rc.Steps, rc.Schedule.Steps = steps, ended
	then, now := rc.Policy().Schedule, r.Recipe.Policy().Schedule
	if then != nil && now != nil && then.Steps != now.Steps {
		last := steps // batch, or step that is applied
		if now.Follow == optim.FollowCount {
			last = r.mostApplied(steps)
		}
		if err := sameRates(then, now, last); err != nil {
			return err
		}
	}
	if steps == r.Recipe.Steps {
		return nil
	}
	iterates := rc.Evaluate.Iterates(steps)
	last := iterates[len(iterates)-1]
	for _, a := range rc.Arrangements {
		if slices.ContainsFunc(iterates, func(n int) bool { return a.Arrangement.Compose(n).Merge > 0 }) {
			return fmt.Errorf("arrangement.%s.merge lets iterates merge with those around them, of which there would be more: start another run", a.Name)
		}
		all := len(iterates) == last
		for _, average := range r.averages(a.Name) {
			if !all && compose.IsChain(a.Arrangement, last) != compose.IsChain(a.Arrangement, r.iterates[len(r.iterates)-1]) {
				return fmt.Errorf("average.%s takes in all iterates of %s while these are a chain, and only evaluated ones in the longer run, where they are none: "+
					"evaluate every iterate, or start another run", average.Name, a.Name)
			}
		}
	}
	return nil
}

// sameRates returns an error unless two schedules have the same factors up to the last step.
func sameRates(then, now *optim.Scheduling, last int) error {
	for t := range int64(last) + 1 {
		if then.Factor(t) != now.Factor(t) {
			return fmt.Errorf("the schedule ended after %d steps and would end after %d, so the rates of earlier steps differ "+
				"(schedule.steps = %d keeps them; or start another run)", then.Steps, now.Steps, then.Steps)
		}
	}
	return nil
}

// mostApplied returns the most steps that are applied to an iterate up to the last, of which there are as many at least.
func (r *Run) mostApplied(last int) int {
	most := last
	for _, a := range r.Recipe.Arrangements {
		applied := make(map[int]int, len(r.iterates))
		for _, n := range r.iterates {
			if n <= last {
				most = max(most, appliedTo(a.Arrangement, n, applied))
			}
		}
	}
	return most
}

// appliedTo returns how many steps are applied to iterate n, which is kept with that of its bases.
func appliedTo(a compose.Arrangement, n int, known map[int]int) (count int) {
	var path []int
	for n > 0 && known[n] == 0 {
		path = append(path, n)
		n = a.Compose(n).Base
	}
	count = known[n]
	for _, m := range slices.Backward(path) {
		c := a.Compose(m)
		if c.Group != nil {
			count++
		} else {
			count += len(c.Words[0])
		}
		known[m] = count
	}
	return count
}
