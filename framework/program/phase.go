package program

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Phase returns the phase of the optimizer's step on a state to which count steps were applied; see [optim.Phased].
func (p *Program) Phase(count int64) (int, error) { return optim.PhaseOf(p.Optimizer, count) }

// listen writes the step once for every phase, at that batch size, and returns the slots that the optimizer asks for. It takes note of
// the hyperparameters, and of what the optimizer needs.
func (p *Program) listen(batch int) ([]optim.Field, error) {
	phases, err := optim.Phases(p.Optimizer)
	if err != nil {
		return nil, err
	}
	var slots []optim.Field
	for phase := range phases {
		u, needs, err := p.listenTo(batch, phase)
		if err != nil {
			return nil, err
		}
		fields := make([]optim.Field, len(u.Slots))
		for i, s := range u.Slots {
			fields[i] = s.Field
		}
		if phase == 0 {
			slots, p.Hypers = fields, map[string]float64{}
		}
		if err := cmp.Or(p.sameSlots(slots, fields, phase), p.addHypers(u.Hypers, phase)); err != nil {
			return nil, err
		}
		p.needs = cmp.Or(p.needs, needs)
	}
	return slots, p.checkRates(p.Hypers)
}

// CountMatters reports whether steps depend on how many were applied before, as bias corrections, schedules and phases do: whether the step
// for batches of that size reads a scalar that is made from the count.
func (p *Program) CountMatters(batch int) (bool, error) {
	if phases, err := optim.Phases(p.Optimizer); phases > 1 || err != nil {
		return true, err
	}
	u, _, err := p.listenTo(batch, 0)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(u.Scalars, func(s optim.ScalarInput) bool { return s.ReadsCount(p.Policy.Schedule) }), nil
}

func (p *Program) listenTo(batch, phase int) (u *optim.Update, needs string, err error) {
	err = ops.Build(func() error {
		b, err := p.open(batch, true)
		if err != nil {
			return err
		}
		o := b.objective()
		u, err = b.update(o, phase)
		if err := cmp.Or(o.err, err); err != nil {
			return err
		}
		needs = o.needs(u)
		return nil
	})
	return u, needs, err
}

// sameSlots requires that a phase has the slots of the first.
func (p *Program) sameSlots(first, fields []optim.Field, phase int) error {
	lacks := func(list []optim.Field, phase int, f optim.Field) error {
		if slices.ContainsFunc(list, func(g optim.Field) bool { return f.String() == g.String() }) {
			return nil
		}
		return fmt.Errorf("program: %T does not ask for slot %v in phase %d, but in another: all phases must have the same slots", p.Optimizer, f, phase)
	}
	for _, f := range first {
		if err := lacks(fields, phase, f); err != nil {
			return err
		}
	}
	for _, f := range fields {
		if err := lacks(first, 0, f); err != nil {
			return err
		}
	}
	return nil
}

// addHypers adds the hyperparameters of a phase to the program's.
func (p *Program) addHypers(hypers map[string]float64, phase int) error {
	for _, name := range slices.Sorted(maps.Keys(hypers)) {
		v := hypers[name]
		if old, known := p.Hypers[name]; known && old != v {
			return fmt.Errorf("program: %T gives hyperparameter %q the value %v in phase %d and %v before", p.Optimizer, name, v, phase, old)
		}
	}
	maps.Copy(p.Hypers, hypers)
	return nil
}
