package plan_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// seldom follows the gradient in every third step, and else stands still.
type seldom struct{}

func (seldom) Phases() int { return 2 }

func (seldom) Phase(count int64) int {
	if count%3 == 2 {
		return 1
	}
	return 0
}

func (seldom) Step(s *optim.Step) {
	for _, p := range s.Params() {
		if s.Phase() == 0 {
			p.Set(p.Value())
		} else {
			p.Set(p.Value().Sub(p.Gradient()))
		}
	}
}

func TestAProfileIsThatOfTheLastStepsPhase(t *testing.T) {
	m, err := programtest.NewNetwork(3).Dense("logits", 2).Import()
	if err != nil {
		t.Fatal(err)
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: seldom{}, Precision: array.Float32}, 4)
	if err != nil {
		t.Fatal(err)
	}
	machine, err := plan.Engine{}.Open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer machine.Close()
	data := programtest.Data{Size: 4, Input: []int{3}, Target: programtest.Largest(2)}
	for _, c := range []struct {
		word  []int
		moves bool
	}{{[]int{1}, false}, {[]int{1, 2, 3}, true}, {[]int{1, 2, 3, 4}, false}} {
		profile, err := machine.(engine.Profiler).Profile(t.Context(), p.Layout.New(array.Float32), data, c.word)
		if err != nil {
			t.Fatal(err)
		}
		if moves := len(profile.Instructions) > 0; moves != c.moves {
			t.Errorf("the profile of %d steps has %d instructions; the last one moves: %v", len(c.word), len(profile.Instructions), c.moves)
		}
	}
}
