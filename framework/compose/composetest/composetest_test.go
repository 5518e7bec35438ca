package composetest

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/compose"
)

func TestTheBuiltInArrangementsPass(t *testing.T) {
	for _, name := range compose.Names() {
		if name == "words" {
			continue // which has no default
		}
		t.Run(name, func(t *testing.T) {
			Run(t, func() compose.Arrangement {
				a, err := compose.New(name)
				if err != nil {
					t.Fatal(err)
				}
				return a
			})
		})
	}
	for name, construct := range map[string]func() compose.Arrangement{
		"words": func() compose.Arrangement { return &compose.Words{Words: [][]int{{1, 2, 3}, {3, 2, 1}}} },
		"late resets": func() compose.Arrangement {
			return &compose.Backward{Start: 3, ResetEvery: 7, ResetWhen: compose.Always}
		},
		"trials": func() compose.Arrangement { return &compose.Backward{ResetEvery: 5, ResetWhen: compose.Improves} },
		"sampled": func() compose.Arrangement {
			return &compose.OrderAverage{Window: 5, Method: compose.Sampled, Orders: 2, Strength: 1}
		},
		"regularizer": func() compose.Arrangement {
			return &compose.OrderAverage{Window: 4, Method: compose.Regularizer, Orders: 1, Strength: 1}
		},
		"brackets in windows": func() compose.Arrangement { return &compose.Lie{Start: 2, ResetEvery: 6} },
	} {
		t.Run(name, func(t *testing.T) { Run(t, construct) })
	}
}

// broken is an arrangement that is a function.
type broken func(n int) compose.Composition

func (f broken) Compose(n int) compose.Composition { return f(n) }

func always(f func(n int) compose.Composition) func() compose.Arrangement {
	return func() compose.Arrangement { return broken(f) }
}

func single(base int, word ...int) compose.Composition {
	return compose.Composition{Base: base, Words: [][]int{word}}
}

// lopsided has a window but leaves the newest batch out of it.
type lopsided struct {
	Window int `toml:"window" doc:"batches in a window" range:"[1,inf)"`
}

func (a lopsided) Compose(n int) compose.Composition { return single(n-1, n, n) }

// fixed refuses windows of one.
type fixed struct {
	Window int `toml:"window" doc:"batches in a window" range:"[2,inf)"`
}

func (fixed) Compose(n int) compose.Composition { return single(n-1, n) }

type undocumented struct {
	Window int `toml:"window"`
}

func (undocumented) Compose(n int) compose.Composition { return single(n-1, n) }

type never struct{ compose.Forward }

func (*never) Validate() error { return errStopped }

func TestABrokenArrangementIsToldWhichRuleItBreaks(t *testing.T) {
	shared := single(0, 1)
	calls := 0
	for _, c := range []struct {
		name      string
		construct func() compose.Arrangement
		rule      string
		want      string // part of the explanation
	}{
		{"is not constructed", func() compose.Arrangement { return nil }, "the constructor returns new values", "returns nil"},
		{"does not document an option", func() compose.Arrangement { return &undocumented{} }, "options are documented", "has no doc tag"},
		{"has defaults that do not fit together", func() compose.Arrangement { return &never{} }, "options fit together", "stopped"},
		{"starts from itself", always(func(n int) compose.Composition { return single(n, n) }), "every iterate starts from an earlier one", "cannot start from iterate 1"},
		{"looks ahead", always(func(n int) compose.Composition { return single(n-1, n+1) }), "every iterate starts from an earlier one", "cannot use batch 2"},
		{"looks back before its base", always(func(n int) compose.Composition { return single(n-1, max(1, n-1)) }), "every iterate starts from an earlier one", "iterate 2 cannot use batch 1"},
		{"draws words", always(func(n int) compose.Composition { return single(0, 1+rand.IntN(n)) }), "a composition depends on", "random words need a seed"},
		{"panics", always(func(n int) compose.Composition { return single(0, make([]int, n)[n]) }), "every iterate starts from an earlier one", "the arrangement panics"},
		{"hands out what it keeps", always(func(int) compose.Composition { return shared }), "a composition belongs to its caller", "returns words that it keeps"},
		{"is not forward in a window of one", func() compose.Arrangement { return &lopsided{Window: 3} }, "a window of one is forward", "differs from forward: iterate 1"},
		{"has no window of one", func() compose.Arrangement { return &fixed{Window: 3} }, "a window of one is forward", "a window may be 1, but: window = 1 is out of range"},
		{"applies more than it announces", always(func(n int) compose.Composition {
			if calls++; calls <= last {
				return single(n-1, n)
			}
			return single(n-1, n, n)
		}), "the cost is as announced", "Compose must return the same words every time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, known := range checks {
				if strings.HasPrefix(known.rule, c.rule) {
					if err := known.try(c.construct); err == nil || !strings.Contains(err.Error(), c.want) {
						t.Errorf("%q finds %v, want %q", known.rule, err, c.want)
					}
					return
				}
			}
			t.Fatalf("no check begins with %q", c.rule)
		})
	}
}
