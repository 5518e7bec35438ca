package optim

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// writeAround lets optimizers write their update for "weight", "gain" and "bias".
func writeAround(t *testing.T, o Optimizer, policy Policy) (u *Update, err error) {
	t.Helper()
	err = ops.Build(func() error {
		g := gorgonia.NewGraph()
		var params []Trained
		for _, name := range []string{"weight", "gain", "bias"} {
			params = append(params, Trained{name, ops.Input(g, name, array.Float64, 2)})
		}
		u, err = Write(o, policy, Given{Graph: g, Precision: array.Float64, Params: params, Objective: sumOfSquares{}})
		return err
	})
	return u, err
}

// heavy has the hyperparameter lr and, for each parameter, a slot.
func heavy(lr float64) Optimizer {
	return written(func(s *Step) {
		for _, p := range s.Params() {
			p.SetSlot("mean", p.Gradient())
			p.Set(p.Value().Sub(p.Gradient().Mul(s.Hyper("lr", lr)).Div(s.Time())))
		}
	})
}

// alternating has a phase.
type alternating struct{ Optimizer }

func (alternating) Phases() int     { return 1 }
func (alternating) Phase(int64) int { return 0 }

func TestGroupsSeeNothingOfTheLossButTheirGradient(t *testing.T) {
	groups := func(o Optimizer) Policy {
		return Policy{Groups: []Group{{Name: "b", Match: []string{"b*"}, Optimizer: o}}}
	}
	moves := func(by func(s *Step) []Expr) Optimizer {
		return written(func(s *Step) {
			for i, p := range s.Params() {
				p.Set(p.Value().Sub(by(s)[i]))
			}
		})
	}
	for name, o := range map[string]Optimizer{
		"the gradient elsewhere": moves(func(s *Step) []Expr {
			point := s.Values()
			point[0] = point[0].Scale(2)
			return s.GradientAt(point)
		}),
		"the Hessian": moves(func(s *Step) []Expr { return s.HVP(s.Values()) }),
		"the loss":    moves(func(s *Step) []Expr { return slices.Repeat([]Expr{s.LossAt(s.Values())}, len(s.Params())) }),
	} {
		if _, err := writeAround(t, o, groups(heavy(1))); err == nil || !strings.Contains(err.Error(), "it cannot have groups") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := writeAround(t, alternating{heavy(1)}, groups(heavy(1))); err == nil || !strings.Contains(err.Error(), "has phases, which groups do not share") {
		t.Errorf("phases: error %v", err)
	}
	all := Policy{Groups: []Group{{Name: "all", Match: []string{"*"}, Optimizer: alternating{heavy(2)}}}}
	if _, err := writeAround(t, alternating{heavy(1)}, all); err == nil || !strings.Contains(err.Error(), `group "all"`) {
		t.Errorf("phases of a group that has all parameters: error %v", err)
	}
	if _, err := writeAround(t, moves((*Step).Gradients), groups(heavy(1))); err != nil {
		t.Error(err)
	}
}

func TestGradientsElsewhereAreClippedToo(t *testing.T) {
	ahead := written(func(s *Step) {
		point := s.Gradients()
		for i, p := range s.Params() {
			p.Set(p.Value().Sub(s.GradientAt(point)[i]))
		}
	})
	u, err := writeAround(t, ahead, Policy{Clipping: Clipping{Value: 0.5}})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range u.Params {
		if gradient := ops.Inputs(x.Node())[1]; ops.Of(gradient) != ops.Of(x.Max(ops.Scalar(0)).Node()) {
			t.Errorf("the parameter moves by %v, which is not clipped", ops.Of(gradient))
		}
	}
}

func TestGroupsHaveHyperparametersOfTheirOwn(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy Policy
		hypers map[string]float64
		inputs int // scalars in the graph
	}{
		{"no groups", Policy{}, map[string]float64{"lr": 1}, 2},
		{"a group and the others", Policy{Groups: []Group{{Name: "b", Match: []string{"b*"}, Optimizer: heavy(2)}}},
			map[string]float64{"lr": 1, "b/lr": 2}, 4},
		{"all parameters in groups", Policy{Groups: []Group{
			{Name: "b", Match: []string{"b*"}, Optimizer: heavy(2)}, {Name: "all", Match: []string{"*"}, Optimizer: heavy(3)},
		}}, map[string]float64{"b/lr": 2, "all/lr": 3}, 4},
		{"clipping", Policy{Clipping: Clipping{Value: 5, GlobalNorm: 6}},
			map[string]float64{"lr": 1, "clipping.value": 5, "clipping.global_norm": 6}, 5},
		{"a group that is called clipping", Policy{Clipping: Clipping{Value: 5}, Groups: []Group{{Name: "clipping", Match: []string{"*"}, Optimizer: heavy(2)}}},
			map[string]float64{"clipping/lr": 2, "clipping.value": 5}, 4},
	} {
		u, err := writeAround(t, heavy(1), c.policy)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !maps.Equal(u.Hypers, c.hypers) || len(u.Scalars) != c.inputs {
			t.Errorf("%s: hyperparameters %v in %d scalars, want %v in %d", c.name, u.Hypers, len(u.Scalars), c.hypers, c.inputs)
		}
		var slots []string
		for _, s := range u.Slots {
			slots = append(slots, s.Field.String())
		}
		if want := []string{"weight:mean", "gain:mean", "bias:mean"}; !slices.Equal(slots, want) || len(u.Params) != len(want) {
			t.Errorf("%s: the slots are %v, want the model's order whatever the groups are", c.name, slots)
		}
	}
}

func TestAnErrorNamesItsGroup(t *testing.T) {
	silent := written(func(*Step) {})
	_, err := writeAround(t, heavy(1), Policy{Groups: []Group{{Name: "b", Match: []string{"b*"}, Optimizer: silent}}})
	if err == nil || err.Error() != `optim: group "b": optim.written: parameter "bias" is never set` {
		t.Errorf("error %v", err)
	}
}

func TestGroupsThatDoNotFitAreRefused(t *testing.T) {
	o := heavy(1)
	names := []string{"fc1.weight", "fc1.bias", "norm.scale", "norm.bias"}
	for _, c := range []struct {
		name   string
		groups []Group
		want   string // "" for no error
	}{
		{"two that share names", []Group{{Name: "a", Match: []string{"*.bias"}, Optimizer: o}, {Name: "b", Match: []string{"norm.*"}, Optimizer: o}}, ""},
		{"no pattern", []Group{{Name: "a"}}, `group "a" has no pattern`},
		{"no optimizer", []Group{{Name: "a", Match: []string{"*.bias"}}}, `group "a" is not frozen and has no optimizer`},
		{"no pattern that is one", []Group{{Name: "a", Match: []string{"["}, Optimizer: o}}, `group "a": pattern "[": syntax error`},
		{"a pattern that matches nothing", []Group{{Name: "a", Match: []string{"*.bias", "nrom.*"}, Optimizer: o}},
			`group "a": no parameter matches the pattern "nrom.*": there are ["norm.scale"`},
		{"an earlier one has it all", []Group{{Name: "a", Match: []string{"*.bias", "*.scale"}, Optimizer: o}, {Name: "b", Match: []string{"norm.*"}, Optimizer: o}},
			`group "b" is empty: all that it matches belongs to earlier groups`},
	} {
		err := Policy{Groups: c.groups}.Check(names)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAParameterBelongsToTheFirstGroupThatMatches(t *testing.T) {
	p := Policy{Groups: []Group{{Name: "a", Match: []string{"*.bias"}}, {Name: "b", Match: []string{"norm.*", "gain"}, Frozen: true}}}
	for name, want := range map[string]bool{"norm.scale": true, "gain": true, "norm.bias": false, "fc.weight": false} {
		if got := p.Freezes(name); got != want {
			t.Errorf("%s is frozen: %v, want %v", name, got, want)
		}
	}
}
