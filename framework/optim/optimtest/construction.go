package optimtest

import (
	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/plugin/plugintest"
)

func newValues(l *lab) {
	if err := plugintest.NewValues(l.construct(), l.construct()); err != nil {
		l.fail("%w", err)
	}
}

func options(l *lab) {
	if err := plugintest.Options(l.construct()); err != nil {
		l.fail("%w", err)
	}
}

func compiles(l *lab) {
	for _, d := range []array.DType{array.Float64, array.Float32} {
		l.trial(l.construct(), everyRank, d).after(1)
	}
}

func sameUpdate(l *lab) {
	const explanation = "Step must write the same update every time, but two machines disagree. " +
		"It is called once for every graph that is built: it must not count its calls or keep anything from one to the next"
	o := l.construct()
	first := l.trial(o, everyRank, array.Float64)
	second := first.open()
	afresh := l.trial(o, everyRank, array.Float64)
	word := []int{1, 2, 3, 1}
	want := first.after(word...)
	l.same(second.after(word...), want, explanation)
	l.same(afresh.after(word...), want, explanation)
}

// set gives an optimizer's option a value that a recipe could give it, and reports whether it is taken.
func set(o optim.Optimizer, name string, value any) bool {
	for _, option := range plugin.Options(o) {
		if option.Name == name {
			return option.Set(value) == nil
		}
	}
	return false
}
