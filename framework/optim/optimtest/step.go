package optimtest

import (
	"context"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func firstStep(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	s := t.after(1)
	if l.err != nil {
		return
	}
	const hint = "Count is 0 in the first step, where 1 − β^Count vanishes: a bias correction wants Time, which is 1"
	switch {
	case !s.Finite():
		l.fail("the first step makes NaN or infinite numbers. %s", hint)
	case s.Parameters().Equal(t.start.Parameters()):
		l.fail("the first step moves no parameter, though the gradient is not zero. %s", hint)
	}
}

// givenGradient applies to optimizers that need nothing but the gradient.
func givenGradient(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	if l.err != nil || t.program.TakesGradient() != nil {
		return
	}
	stepped, updated := t.start, t.start
	for k := 1; k <= 3; k++ {
		gradient := t.gradient(updated, k)
		stepped, updated = t.from(stepped, k), t.update(updated, gradient)
	}
	l.near(updated, stepped, t.start, "an update with the gradient of the batch must be the step on the batch. "+hidden)
}

// hyperparameters changes each hyperparameter that is an option too.
func hyperparameters(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	if l.err != nil {
		return
	}
	for _, o := range plugin.Options(l.construct()) {
		if _, ok := t.program.Hypers[o.Name]; ok {
			t.changes(o)
		}
	}
}

// changes compares the option's value changed at run time with the value given to the constructor's result.
func (t *trial) changes(o plugin.Option) {
	optimizer := t.construct()
	at := slices.IndexFunc(neighbours(o), func(v any) bool { return set(optimizer, o.Name, v) })
	if at < 0 {
		return
	}
	number := toFloat(neighbours(o)[at])
	constructed := t.trial(optimizer, everyRank, array.Float64)
	if t.err != nil {
		return
	}
	if got := constructed.program.Hypers[o.Name]; got != number {
		t.fail("with the option %s = %v the hyperparameter of that name is %v: its default must be the option's value", o.Name, number, got)
		return
	}
	program, err := t.program.WithHypers(map[string]float64{o.Name: number})
	if err != nil {
		t.fail("%w", err)
		return
	}
	changed := *t
	changed.program = program
	word := []int{1, 2, 3, 4}
	t.near(changed.open().after(word...), constructed.after(word...), t.start,
		"changing the hyperparameter "+o.Name+" between steps must do what the option does. "+
			"Its formula must be written with the Scalar, not with the option's number, "+
			"and where an option's value switches it off, Step must not ask for it")
}

// neighbours are values close to an option's default, one of which will be in its range.
func neighbours(o plugin.Option) []any {
	switch v := o.Default.(type) {
	case float64:
		if v == 0 {
			return []any{0.001}
		}
		return []any{v * 1.0625, v * 0.9375}
	case int:
		return []any{int64(v + 1), int64(v - 1)}
	}
	return nil
}

func toFloat(v any) float64 {
	if i, ok := v.(int64); ok {
		return float64(i)
	}
	return v.(float64)
}

func schedulable(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	if l.err != nil {
		return
	}
	isOption := slices.ContainsFunc(plugin.Options(l.construct()), func(o plugin.Option) bool { return o.Name == "lr" })
	if _, ok := t.program.Hypers["lr"]; isOption && !ok {
		l.fail(`the option lr is no hyperparameter, so no schedule could change it: write it as s.Hyper("lr", o.LR)`)
	}
}

func descent(l *lab) {
	const steps, share = 300, 0.01
	var word []int
	for k := range steps {
		word = append(word, k)
	}
	for name, p := range map[string]problem{"softmax regression": softmaxRegression, "linear regression": linearRegression} {
		t := l.trial(l.construct(), p, array.Float64)
		before, after := t.loss(t.start), t.loss(t.after(word...))
		if l.err == nil && !(after < (1-share)*before) {
			l.fail("%d steps on %s change the loss from %.4f to %.4f, but must lower it by %v %%. "+
				"Does the update go against the gradient? If the learning rate is the reason, run the suite with a fitting one",
				steps, name, before, after, 100*share)
		}
	}
}

func precisions(l *lab) {
	const bound = 0.05
	double, single := l.trial(l.construct(), everyRank, array.Float64), l.trial(l.construct(), everyRank, array.Float32)
	word := []int{1, 2, 3, 4, 5}
	want, got := double.after(word...), single.after(word...)
	if l.err != nil {
		return
	}
	way := norm(want.Parameters(), double.start.Parameters())
	if d := norm(got.Parameters(), want.Parameters()); !(d <= bound*way) {
		l.fail("after %d steps float32 is %.2g away from float64, which moved by %.2g. "+
			"A constant may vanish in float32, where 1e-46 is zero; formulas over Scalars are computed in float64", len(word), d, way)
	}
}

func zeroGradient(l *lab) {
	for _, d := range []array.DType{array.Float64, array.Float32} {
		t := l.trial(l.construct(), certain, d)
		if l.err != nil {
			return
		}
		first := t.from(t.certainty(t.start), 1, 2, 3)
		later := t.from(t.certainty(t.after(1, 2)), 3, 4, 5)
		if l.err == nil && !(first.Finite() && later.Finite()) {
			l.fail("a gradient of zero makes NaN or infinite numbers in %s: divide by something that is never zero, as √v + ε", d)
		}
	}
}

func nanGradient(l *lab) {
	t := l.trial(l.construct(), unknown, array.Float64)
	if l.err != nil {
		return
	}
	s := t.start.Clone()
	if err := t.machine.Apply(context.Background(), s, t.problem, []int{1}); err != nil || s.Count != 1 {
		l.fail("a run that diverges must go on with NaN, but a step with a gradient of NaN makes the count %d and fails: %v", s.Count, err)
	}
}
