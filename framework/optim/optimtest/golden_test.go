package optimtest

import (
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// recorded is a golden file's content that one step of the good plugin, with its default options, would have written.
func recorded(t *testing.T) golden {
	t.Helper()
	g := golden{Parameters: map[string][]float64{}}
	for k := range 2 {
		b, err := everyRank.Batch(k)
		if err != nil {
			t.Fatal(err)
		}
		g.Batches = append(g.Batches, goldenBatch{Inputs: b.Inputs[0].F64, Targets: b.Targets.F64})
	}
	l := &lab{}
	defer l.close()
	tr := l.trial(newGood(), everyRank, array.Float64)
	after := tr.after(1)
	if l.err != nil {
		t.Fatal(l.err)
	}
	state := goldenState{Step: 1, Parameters: map[string][]float64{}}
	for _, f := range after.Layout.Fields()[:len(tr.program.Model.Parameters)] {
		g.Parameters[f.Name] = tr.start.Field(f).F64
		state.Parameters[f.Name] = after.Field(f).Clone().F64
	}
	g.Cases = []goldenCase{{Name: "one step", States: []goldenState{state}}}
	return g
}

func TestGoldenTellsTrajectoriesApart(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*golden)
		want   string // "" for no error
	}{
		{"the same numbers", func(*golden) {}, ""},
		{"an option's default", func(g *golden) { g.Cases[0].Options = map[string]any{"decay": 0.9, "delay": 100.0} }, ""},
		{"another option", func(g *golden) { g.Cases[0].Options = map[string]any{"lr": 0.06} }, "after 1 steps: conv.weight differs by"},
		{"a larger difference than rounding", func(g *golden) { g.Cases[0].States[0].Parameters["gain"][0] *= 1 + 1e-11 }, "after 1 steps: gain differs by"},
		{"another step", func(g *golden) { g.Cases[0].States[0].Step = 2 }, "after 2 steps"},
		{"another start", func(g *golden) { g.Parameters["hidden.bias"][1]++ }, "after 1 steps"},
		{"another batch", func(g *golden) { g.Batches[1] = g.Batches[0] }, "after 1 steps"},
		{"a number too few", func(g *golden) { g.Parameters["position"] = g.Parameters["position"][1:] }, "7 numbers for the parameter position of 8"},
		{"no numbers for a parameter", func(g *golden) { delete(g.Cases[0].States[0].Parameters, "gain") }, "0 numbers for the parameter gain of 1"},
		{"no states", func(g *golden) { g.Cases[0].States = nil }, "no states"},
		{"an unknown option", func(g *golden) { g.Cases[0].Options = map[string]any{"rate": 1.0} }, `has no option "rate"`},
		{"clipping", func(g *golden) { g.Cases[0].Policy.Clipping = map[string]any{"value": 1e-3} }, "after 1 steps: conv.weight differs by"},
		{"a bound that is not met", func(g *golden) { g.Cases[0].Policy.Clipping = map[string]any{"global_norm": 1e3} }, ""},
		{"a group", func(g *golden) {
			g.Cases[0].Policy.Groups = []goldenGroup{{Match: []string{"gain"}, Options: map[string]any{"lr": 0.06}}}
		}, "after 1 steps: gain differs by"},
		{"an unknown option of a group", func(g *golden) {
			g.Cases[0].Policy.Groups = []goldenGroup{{Match: []string{"gain"}, Options: map[string]any{"rate": 1.0}}}
		}, `has no option "rate"`},
		{"a group of nothing", func(g *golden) { g.Cases[0].Policy.Groups = []goldenGroup{{Match: []string{"gains"}}} },
			`no parameter matches the pattern "gains"`},
		{"an option out of range", func(g *golden) { g.Cases[0].Options = map[string]any{"lr": 0.0} }, "out of range"},
	} {
		g := recorded(t)
		c.change(&g)
		err := g.compare(g.Cases[0], newGood)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
