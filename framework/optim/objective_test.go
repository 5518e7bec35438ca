package optim

import (
	"errors"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// standstill leaves every parameter as it is.
func standstill(s *Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

func TestALossIsAskedForAtAPointOfTheParametersShapes(t *testing.T) {
	var kept []Expr
	if _, err := write(t, func(s *Step) { kept = s.Values(); standstill(s) }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		point func(s *Step) []Expr
		want  string // "" for no error
	}{
		{"the state", (*Step).Values, ""},
		{"no parts", func(*Step) []Expr { return nil }, "has 0 parts, there are 2 parameters"},
		{"a part too few", func(s *Step) []Expr { return s.Values()[:1] }, "has 1 parts, there are 2 parameters"},
		{"parts in another order", func(s *Step) []Expr { v := s.Values(); return []Expr{v[1], v[0]} },
			`part for parameter "weight" is a value of shape (), want (2, 3)`},
		{"an absent part", func(s *Step) []Expr { return []Expr{s.Values()[0], {}} }, `part for parameter "gain" is an absent expression`},
		{"a failed part", func(s *Step) []Expr { return []Expr{s.Values()[0].Reshape(7), s.Values()[1]} }, `part for parameter "weight" is a failed expression: Reshape`},
		{"a part of an earlier graph", func(*Step) []Expr { return kept }, `part for parameter "weight" is an expression of another graph`},
	} {
		for what, ask := range map[string]func(s *Step, x []Expr) Expr{
			"the loss at the point":     func(s *Step, x []Expr) Expr { return s.LossAt(x) },
			"the gradient at the point": func(s *Step, x []Expr) Expr { return s.GradientAt(x)[1] },
			"the product at the point":  func(s *Step, x []Expr) Expr { return s.HVPAt(x, s.Values())[1] },
			"a product":                 func(s *Step, x []Expr) Expr { return s.HVP(x)[1] },
		} {
			_, err := write(t, func(s *Step) {
				standstill(s)
				gain := s.Params()[1]
				gain.Set(gain.Value().Add(ask(s, c.point(s))))
			})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: error %v, want %q", what, c.name, err, c.want)
			}
		}
	}
}

func TestWhatIsAskedForButNotUsedFailsNothing(t *testing.T) {
	if _, err := write(t, func(s *Step) { s.GradientAt(nil); standstill(s) }); err != nil {
		t.Error(err)
	}
}

func TestGradientsAreAskedForOnce(t *testing.T) {
	counted := &countingObjective{}
	if _, err := writeWith(t, counted, standstill); err != nil || counted.gradients != 0 {
		t.Errorf("an update that reads no gradient asks for it %d times (error %v)", counted.gradients, err)
	}
	if _, err := writeWith(t, counted, func(s *Step) { stay(s, s.Const(1)); s.Gradients() }); err != nil || counted.gradients != 1 {
		t.Errorf("an update that reads the gradient everywhere asks for it %d times (error %v)", counted.gradients, err)
	}
}

type countingObjective struct {
	sumOfSquares
	gradients int
}

func (o *countingObjective) Gradient(x []Expr) []Expr { o.gradients++; return x }

func TestReductionsNeedListsOfEqualShapes(t *testing.T) {
	failure := errors.New("a cause")
	for _, c := range []struct {
		name   string
		reduce func(v []Expr) Expr
		want   string // "" for no error
	}{
		{"a norm", func(v []Expr) Expr { return GlobalNorm(v) }, ""},
		{"no parts", func([]Expr) Expr { return GlobalNorm(nil) }, "a list of 0 parts with one of 0"},
		{"lists of different lengths", func(v []Expr) Expr { return Dot(v, v[1:]) }, "a list of 2 parts with one of 1"},
		{"parts of different shapes", func(v []Expr) Expr { return Dot(v, []Expr{v[1], v[1]}) }, "part 0 of an inner product has the shapes (2, 3) and ()"},
		{"a failed part", func(v []Expr) Expr { return Dot(v, []Expr{ops.Failed(failure), v[1]}) }, "a cause"},
	} {
		_, err := write(t, func(s *Step) {
			standstill(s)
			s.Params()[1].Set(c.reduce(s.Values()))
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestNoiseIsOneDrawForEachNameAndParameter(t *testing.T) {
	u, err := write(t, func(s *Step) {
		for _, p := range s.Params() {
			p.Set(p.Uniform("a").Add(p.Rademacher("a")).Add(p.Uniform("b")))
		}
	})
	if err != nil || len(u.Noise) != 4 {
		t.Fatalf("%d draws for two names and two parameters (error %v)", len(u.Noise), err)
	}
	for i, rank := range []int{2, 2, 0, 0} {
		if u.Noise[i].Rank() != rank {
			t.Errorf("draw %d has the shape %v", i, u.Noise[i].Shape())
		}
	}
}

// periodic is a phased optimizer.
type periodic struct {
	written
	phases int
	phase  func(count int64) int
}

func (o periodic) Phases() int           { return o.phases }
func (o periodic) Phase(count int64) int { return o.phase(count) }

func TestPhasesAreCountedFromZero(t *testing.T) {
	always := func(phase int) func(int64) int { return func(int64) int { return phase } }
	for _, c := range []struct {
		name      string
		optimizer Optimizer
		phase     int
		want      string // "" for no error
	}{
		{"no phases", written(standstill), 0, ""},
		{"the last of three", periodic{written(standstill), 3, always(2)}, 2, ""},
		{"by the count", periodic{written(standstill), 3, func(count int64) int { return int(count) % 3 }}, 1, ""},
		{"one too far", periodic{written(standstill), 3, always(3)}, 0, "names phase 3 at the count 7, but its phases are 0 to 2"},
		{"a negative one", periodic{written(standstill), 3, always(-1)}, 0, "names phase -1"},
	} {
		phase, err := PhaseOf(c.optimizer, 7)
		if phase != c.phase || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: phase %d, error %v, want %d and %q", c.name, phase, err, c.phase, c.want)
		}
	}
	if n, err := Phases(written(standstill)); n != 1 || err != nil {
		t.Errorf("an optimizer without phases writes %d graphs (error %v)", n, err)
	}
	if _, err := Phases(periodic{written(standstill), 0, always(0)}); err == nil || !strings.Contains(err.Error(), "has 0 phases, want one at least") {
		t.Errorf("no phases at all: error %v", err)
	}
}
