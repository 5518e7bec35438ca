package optimtest

import (
	"reflect"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func newValues(l *lab) {
	a, b := l.construct(), l.construct()
	if a == nil {
		l.fail("the constructor returns nil")
		return
	}
	v, w := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case v.Kind() == reflect.Struct && v.NumField() > 0:
		l.fail("the constructor returns a %T, not a pointer to it: a recipe could not set its options", a)
	case v.Kind() == reflect.Pointer && v.Type().Elem().Size() > 0 && v.Pointer() == w.Pointer():
		l.fail("the constructor returns the same %T twice: recipes that set its options would change each other", a)
	}
}

func options(l *lab) {
	seen := map[string]bool{}
	for _, o := range plugin.Options(l.construct()) {
		switch {
		case o.Doc == "":
			l.fail("option %s has no doc tag: listings could not say what it does", o.Name)
		case seen[o.Name]:
			l.fail("two options are named %s", o.Name)
		}
		seen[o.Name] = true
		if err := o.Set(decoded(o.Default)); err != nil {
			l.fail("the default is refused: %w", err)
		}
	}
}

// decoded returns an option's value as a recipe's decoder would hand it over.
func decoded(v any) any {
	switch v := v.(type) {
	case int:
		return int64(v)
	case uint64:
		return int64(v)
	case []int:
		return list(v)
	case []float64:
		return list(v)
	case []string:
		return list(v)
	}
	return v
}

func list[T any](elements []T) []any {
	var l []any
	for _, e := range elements {
		l = append(l, decoded(e))
	}
	return l
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
