package program_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

func newWithPolicy(o optim.Optimizer, policy optim.Policy) (*program.Program, error) {
	m, err := classifier().Import()
	if err != nil {
		return nil, err
	}
	return program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: o, Policy: policy, Precision: array.Float64}, 5)
}

func halving(follow string) *optim.Scheduling {
	return &optim.Scheduling{Schedule: &optim.StepDecay{Every: 1, Gamma: 0.5}, Steps: 10, Follow: follow}
}

func TestFrozenParametersAreNotInTheState(t *testing.T) {
	p, err := newWithPolicy(heavyBall, optim.Policy{Groups: []optim.Group{{Name: "body", Match: []string{"hidden.*"}, Frozen: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var fields, frozen []string
	for _, f := range p.Layout.Fields() {
		fields = append(fields, f.String())
	}
	for _, f := range p.Model.Frozen {
		frozen = append(frozen, f.Name)
	}
	if want := "logits.weight logits.bias logits.weight:velocity logits.bias:velocity"; strings.Join(fields, " ") != want {
		t.Errorf("the state's fields are %v, want %s", fields, want)
	}
	if want := []string{"hidden.weight", "hidden.bias"}; !slices.Equal(frozen, want) {
		t.Errorf("frozen are %v, want %v", frozen, want)
	}
}

func TestPoliciesThatDoNotFitAreRefused(t *testing.T) {
	still := written(func(s *optim.Step) {
		for _, p := range s.Params() {
			p.Set(p.Value().Mul(s.Hyper("decay", 0.5)))
		}
	})
	for _, c := range []struct {
		name   string
		policy optim.Policy
		want   string
	}{
		{"a schedule without a rate", optim.Policy{Schedule: halving(optim.FollowCount)},
			"a schedule multiplies the hyperparameter lr, which program_test.written does not have"},
		{"a schedule that follows nothing", optim.Policy{Schedule: halving("")}, `follow = ""`},
		{"a group of nothing", optim.Policy{Groups: []optim.Group{{Name: "a", Match: []string{"hiden.*"}, Optimizer: still}}},
			`no parameter matches the pattern "hiden.*": there are ["hidden.weight" "hidden.bias" `},
		{"nothing but what is frozen", optim.Policy{Groups: []optim.Group{{Name: "a", Match: []string{"*"}, Frozen: true}}}, "nothing would be trained"},
	} {
		if _, err := newWithPolicy(still, c.policy); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestAMomentKnowsTheSchedule(t *testing.T) {
	for _, c := range []struct {
		name     string
		schedule *optim.Scheduling
		want     bool
	}{
		{"no schedule", nil, false},
		{"one that follows the count", halving(optim.FollowCount), false},
		{"one that follows the batch", halving(optim.FollowBatch), true},
	} {
		p, err := newWithPolicy(heavyBall, optim.Policy{Schedule: c.schedule})
		if err != nil {
			t.Fatal(err)
		}
		if p.DependsOnIndex() != c.want {
			t.Errorf("%s: steps depend on the index: %v", c.name, p.DependsOnIndex())
		}
		if m := p.Moment(p.Layout.New(array.Float64), 3); m.Schedule != c.schedule || m.Batch != 3 || m.Hypers["lr"] != 0.1 {
			t.Errorf("%s: the moment is %+v", c.name, m)
		}
	}
}

func TestTheCountMattersToWhatReadsIt(t *testing.T) {
	// scaled moves along the gradient times a scalar.
	scaled := func(rate func(s *optim.Step, lr optim.Scalar) optim.Scalar) optim.Optimizer {
		return written(func(s *optim.Step) {
			by := rate(s, s.Hyper("lr", 0.1))
			for _, p := range s.Params() {
				p.Set(p.Value().Sub(p.Gradient().Mul(by)))
			}
		})
	}
	late := func(count float64) float64 { return 1 + max(0, count-5e9) } // the same number for all counts that any run reaches
	one := func(float64) float64 { return 1 }
	counting := optim.Policy{Schedule: halving(optim.FollowCount)}
	for _, c := range []struct {
		name   string
		o      optim.Optimizer
		policy optim.Policy
		want   bool
	}{
		{"memory alone", heavyBall, optim.Policy{}, false},
		{"a formula of hyperparameters", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar {
			return lr.Mul(s.Hyper("decay", 0.5).OneMinus()).Map2("max", s.Const(2), math.Max).Map3("first", lr, lr, func(a, _, _ float64) float64 { return a })
		}), optim.Policy{}, false},
		{"the count that nothing reads", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { s.Count(); s.Time(); return lr }), optim.Policy{}, false},
		{"a rate that fades", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { return lr.Div(s.Time()) }), optim.Policy{}, true},
		{"the count", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { return s.Count().Mul(lr) }), optim.Policy{}, true},
		{"a function of the count", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { return s.Count().Map("late", late) }), optim.Policy{}, true},
		{"a function of the count, second", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar {
			return lr.Map2("late", s.Count(), func(a, n float64) float64 { return a * late(n) })
		}), optim.Policy{}, true},
		{"a function of the count, third", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar {
			return lr.Map3("late", lr, s.Time(), func(a, _, n float64) float64 { return a * late(n) })
		}), optim.Policy{}, true},
		{"a schedule's rate in a formula", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { return s.Const(1).Add(lr.Sqrt()) }), counting, true},
		{"a schedule of a rate that nothing reads", scaled(func(s *optim.Step, lr optim.Scalar) optim.Scalar { return s.Hyper("speed", 0.1).Map("one", one) }), counting, false},
		{"a schedule that falls late", heavyBall, optim.Policy{Schedule: &optim.Scheduling{
			Schedule: &optim.StepDecay{Every: 7_000_001, Gamma: 0.5}, Steps: 1 << 30, Follow: optim.FollowCount}}, true},
		{"a schedule that follows the count", heavyBall, optim.Policy{Schedule: halving(optim.FollowCount)}, true},
		{"a schedule that follows the batch", heavyBall, optim.Policy{Schedule: halving(optim.FollowBatch)}, false},
		{"phases", phased{heavyBall}, optim.Policy{}, true},
	} {
		p, err := newWithPolicy(c.o, c.policy)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.CountMatters(4); got != c.want || err != nil {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

func TestALearningRateIsSingleOrNone(t *testing.T) {
	group := func(rate float64) optim.Policy {
		o := written(func(s *optim.Step) {
			for _, p := range s.Params() {
				p.Set(p.Value().Sub(p.Gradient().Mul(s.Hyper("lr", rate))))
			}
		})
		return optim.Policy{Groups: []optim.Group{{Name: "b", Match: []string{"*bias"}, Optimizer: o}}}
	}
	for _, c := range []struct {
		name   string
		policy optim.Policy
		want   float64 // 0 for an error
	}{
		{"one", optim.Policy{}, 0.1},
		{"with a schedule", optim.Policy{Schedule: halving(optim.FollowCount)}, 0.05},
		{"two", group(0.2), 0},
	} {
		p, err := newWithPolicy(heavyBall, c.policy)
		if err != nil {
			t.Fatal(err)
		}
		s := p.Layout.New(array.Float64)
		s.Count = 1
		if got, err := p.Rate(s, 1); got != c.want || (err == nil) != (c.want != 0) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}
