package program_test

import (
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
)

// along sets every parameter to its value plus a direction.
func along(s *optim.Step, direction []optim.Expr) {
	for i, p := range s.Params() {
		p.Set(p.Value().Add(direction[i]))
	}
}

func TestAGradientMayBeGivenToWhatAsksForNothingElse(t *testing.T) {
	for _, c := range []struct {
		name string
		step written
		want string // "" if a gradient may be given
	}{
		{"the gradient", func(s *optim.Step) { along(s, s.Gradients()) }, ""},
		{"the gradient at the state, as a point", func(s *optim.Step) { along(s, s.GradientAt(s.Values())) }, ""},
		{"a reduction", func(s *optim.Step) {
			s.Params()[0].SetSlot("m", s.Params()[0].Value().Mul(optim.GlobalNorm(s.Gradients())))
			along(s, s.Values())
		}, ""},
		{"nothing", func(s *optim.Step) { along(s, s.Values()) }, ""},
		{"the gradient elsewhere", func(s *optim.Step) { along(s, s.GradientAt(s.Gradients())) }, "the gradient at another point"},
		{"the loss", func(s *optim.Step) {
			loss := s.LossAt(s.Values())
			for _, p := range s.Params() {
				p.Set(p.Value().Sub(loss))
			}
		}, "the loss"},
		{"a Hessian-vector product", func(s *optim.Step) { along(s, s.HVP(s.Values())) }, "a Hessian-vector product"},
		{"noise", func(s *optim.Step) {
			for _, p := range s.Params() {
				p.Set(p.Rademacher("noise"))
			}
		}, "draws noise, which belongs to a batch"},
	} {
		p, err := newProgram(classifier(), program.CrossEntropy{}, c.step, 5)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, update := p.Update(0)
		for _, err := range []error{p.TakesGradient(), update} {
			if (err == nil) != (c.want == "") || err != nil && !(strings.Contains(err.Error(), c.want) && strings.Contains(err.Error(), "program_test.written")) {
				t.Errorf("an optimizer that asks for %s: error %v, want %q and its type", c.name, err, c.want)
			}
		}
	}
}

// operators counts the nodes of a graph that compute something for its outputs.
func operators(g *program.Graph) int {
	n := 0
	seen := map[any]bool{}
	var roots []ops.Expr
	for _, out := range g.Outputs {
		roots = append(roots, ops.FromNode(out.Node))
	}
	for len(roots) > 0 {
		node := roots[0].Node()
		roots = roots[1:]
		if seen[node] {
			continue
		}
		seen[node] = true
		if node.Op() != nil {
			n++
		}
		for _, in := range ops.Inputs(node) {
			roots = append(roots, ops.FromNode(in))
		}
	}
	return n
}

func TestAStepComputesOnlyWhatTheOptimizerAsksFor(t *testing.T) {
	count := func(step written) (needed, written int) {
		p, err := newProgram(classifier(), program.CrossEntropy{}, step, 5)
		if err != nil {
			t.Fatal(err)
		}
		g, err := p.Step(5, 0)
		if err != nil {
			t.Fatal(err)
		}
		return operators(g), len(g.Expr.AllNodes())
	}
	decay := func(s *optim.Step) {
		for _, p := range s.Params() {
			p.Set(p.Value().Scale(0.5))
		}
	}
	none, forward := count(decay)
	if none != 4 {
		t.Errorf("halving four parameters takes %d operators", none)
	}
	_, all := count(func(s *optim.Step) { s.Gradients(); decay(s) })
	if all <= forward {
		t.Errorf("a gradient that is not asked for is written: %d nodes without it, %d with it", forward, all)
	}
	once, _ := count(func(s *optim.Step) { along(s, s.Gradients()) })
	elsewhere, _ := count(func(s *optim.Step) {
		point := s.Values()
		for i := range point {
			point[i] = point[i].Scale(0.5)
		}
		along(s, s.GradientAt(point))
	})
	if elsewhere != once+4 {
		t.Errorf("a gradient at half the parameters takes %d operators, at the parameters %d", elsewhere, once)
	}
}

func TestTheSamePointIsEvaluatedOnce(t *testing.T) {
	half := func(s *optim.Step) []optim.Expr {
		point := s.Values()
		for i := range point {
			point[i] = point[i].Scale(0.5)
		}
		return point
	}
	var sizes []int
	for _, step := range []written{
		func(s *optim.Step) { along(s, s.GradientAt(half(s))) },
		func(s *optim.Step) { s.GradientAt(half(s)); s.LossAt(half(s)); along(s, s.GradientAt(half(s))) },
	} {
		p, err := newProgram(classifier(), program.CrossEntropy{}, step, 5)
		if err != nil {
			t.Fatal(err)
		}
		g, err := p.Step(5, 0)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, len(g.Expr.AllNodes()))
	}
	if sizes[1] > sizes[0]+1 { // the mean of the losses there
		t.Errorf("asking for a gradient twice makes %d nodes, once %d", sizes[1], sizes[0])
	}
}

func TestNoiseOfModelAndOptimizerHaveIndicesOfTheirOwn(t *testing.T) {
	network := programtest.NewNetwork(3).Dense("hidden", 4).Dropout(0.5).Dense("logits", 2).Dropout(0.5)
	p, err := newProgram(network, program.CrossEntropy{}, written(func(s *optim.Step) {
		g := s.Gradients()
		for i, p := range s.Params() {
			p.Set(p.Value().Sub(g[i].Mul(p.Uniform("share"))))
		}
	}), 5)
	if err != nil {
		t.Fatal(err)
	}
	g, err := p.Step(5, 0)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, in := range g.Inputs {
		if in.Source == program.FromNoise {
			seen[in.Index] = true
		}
	}
	for _, index := range []int{0, 1, -1, -2, -3, -4} {
		if !seen[index] || len(seen) != 6 {
			t.Errorf("noise inputs are numbered %v, want 0 and 1 for the model and -1 to -4 for the optimizer", seen)
		}
	}
}

// phased is an optimizer with two phases.
type phased struct{ written }

func (phased) Phases() int           { return 2 }
func (phased) Phase(count int64) int { return int(count) }

func TestPhasesAgreeOnSlotsAndHyperparameters(t *testing.T) {
	for _, c := range []struct {
		name string
		step func(s *optim.Step, p *optim.Param)
		want string // "" for no error
	}{
		{"the same slot", func(s *optim.Step, p *optim.Param) { p.Slot("m") }, ""},
		{"a slot of the first phase", func(s *optim.Step, p *optim.Param) {
			if s.Phase() == 0 {
				p.Slot("m")
			}
		}, "does not ask for slot hidden.weight:m in phase 1, but in another: all phases must have the same slots"},
		{"a slot of the second phase", func(s *optim.Step, p *optim.Param) {
			if s.Phase() == 1 {
				p.Slot("m")
			}
		}, "does not ask for slot hidden.weight:m in phase 0"},
		{"hyperparameters of one phase", func(s *optim.Step, p *optim.Param) { s.Hyper([]string{"lr", "decay"}[s.Phase()], 0.5) }, ""},
		{"a hyperparameter with two values", func(s *optim.Step, p *optim.Param) { s.Hyper("lr", float64(s.Phase())) },
			`gives hyperparameter "lr" the value 1 in phase 1 and 0 before`},
	} {
		p, err := newProgram(classifier(), program.CrossEntropy{}, phased{func(s *optim.Step) {
			for _, p := range s.Params() {
				c.step(s, p)
				p.Set(p.Value())
			}
		}}, 5)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
		if err == nil && c.name == "hyperparameters of one phase" && len(p.Hypers) != 2 {
			t.Errorf("hyperparameters %v, want those of both phases", p.Hypers)
		}
	}
	p, err := newProgram(classifier(), program.CrossEntropy{}, phased{func(s *optim.Step) { along(s, s.Values()) }}, 5)
	if err != nil {
		t.Fatal(err)
	}
	if phase, err := p.Phase(1); phase != 1 || err != nil {
		t.Errorf("phase %d, error %v at the count 1", phase, err)
	}
	if _, err := p.Phase(2); err == nil || !strings.Contains(err.Error(), "names phase 2 at the count 2") {
		t.Errorf("a phase that there is not: error %v", err)
	}
}
