package optim

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// written is an optimizer that is a function.
type written func(*Step)

func (f written) Step(s *Step) { f(s) }

// sumOfSquares is the objective ½·‖x‖².
type sumOfSquares struct{}

func (sumOfSquares) Loss(x []Expr) Expr             { return Dot(x, x).Scale(0.5) }
func (sumOfSquares) Gradient(x []Expr) []Expr       { return x }
func (sumOfSquares) HVP(_, direction []Expr) []Expr { return direction }

// write lets an optimizer write its update for a matrix "weight" and a scalar "gain".
func write(t *testing.T, step func(*Step)) (*Update, error) {
	t.Helper()
	return writeWith(t, sumOfSquares{}, step)
}

func writeWith(t *testing.T, o Objective, step func(*Step)) (u *Update, err error) {
	t.Helper()
	err = ops.Build(func() error {
		g := gorgonia.NewGraph()
		params := []Trained{{"weight", ops.Input(g, "weight", array.Float64, 2, 3)}, {"gain", ops.Input(g, "gain", array.Float64)}}
		u, err = Write(written(step), Policy{}, Given{Graph: g, Precision: array.Float64, Params: params, Objective: o})
		return err
	})
	return u, err
}

// stay sets every parameter to its value plus numbers that depend on the scalar.
func stay(s *Step, a Scalar) {
	for _, p := range s.Params() {
		p.Set(p.Value().Add(p.Gradient().Mul(a)))
	}
}

func TestScalarsAreFormulasInFloat64(t *testing.T) {
	beta := 0.999
	moment := Moment{Count: 9, Hypers: map[string]float64{"beta": beta, "count": 7, "0.5": 8}}
	for _, c := range []struct {
		name    string
		formula func(s *Step) Scalar
		want    float64
	}{
		{"hyperparameter", func(s *Step) Scalar { return s.Hyper("beta", 0.9) }, 0.999},
		{"constant", func(s *Step) Scalar { return s.Const(0.25) }, 0.25},
		{"count", func(s *Step) Scalar { return s.Count() }, 9},
		{"time", func(s *Step) Scalar { return s.Time() }, 10},
		{"sum", func(s *Step) Scalar { return s.Count().Add(s.Const(0.5)) }, 9.5},
		{"difference", func(s *Step) Scalar { return s.Count().Sub(s.Const(0.5)) }, 8.5},
		{"product", func(s *Step) Scalar { return s.Count().Mul(s.Const(0.5)) }, 4.5},
		{"quotient", func(s *Step) Scalar { return s.Count().Div(s.Const(0.5)) }, 18},
		{"power", func(s *Step) Scalar { return s.Count().Pow(s.Const(0.5)) }, 3},
		{"one minus", func(s *Step) Scalar { return s.Hyper("beta", 0.9).OneMinus() }, 1 - beta},
		{"root", func(s *Step) Scalar { return s.Count().Sqrt() }, 3},
		{"function", func(s *Step) Scalar { return s.Count().Map("negative", func(x float64) float64 { return -x }) }, -9},
		{"bias correction", func(s *Step) Scalar { return s.Hyper("beta", 0.9).Pow(s.Time()).OneMinus() }, 1 - math.Pow(beta, 10)},
		{"hyperparameter named like the count", func(s *Step) Scalar { return s.Hyper("count", 1).Add(s.Count()) }, 16},
		{"hyperparameter named like a number", func(s *Step) Scalar { return s.Hyper("0.5", 1).Add(s.Const(0.5)) }, 8.5},
	} {
		u, err := write(t, func(s *Step) { stay(s, c.formula(s)) })
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if len(u.Scalars) != 1 {
			t.Errorf("%s: %d scalars enter the graph for two uses of one", c.name, len(u.Scalars))
		}
		if got := u.Scalars[0].Eval(moment); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestEqualFormulasAreOneInput(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b func(s *Step) Scalar
		want int
	}{
		{"one formula, written twice",
			func(s *Step) Scalar { return s.Hyper("lr", 1).Mul(s.Time()) }, func(s *Step) Scalar { return s.Hyper("lr", 1).Mul(s.Time()) }, 1},
		{"count and time", (*Step).Count, (*Step).Time, 2},
		{"two orders", func(s *Step) Scalar { return s.Count().Sub(s.Const(2)) }, func(s *Step) Scalar { return s.Const(2).Sub(s.Count()) }, 2},
		{"a hyperparameter named like the count", (*Step).Count, func(s *Step) Scalar { return s.Hyper("count", 1) }, 2},
		{"a hyperparameter named like a number", func(s *Step) Scalar { return s.Const(2) }, func(s *Step) Scalar { return s.Hyper("2", 1) }, 2},
		{"a hyperparameter named like a formula",
			func(s *Step) Scalar { return s.Count().Add(s.Time()) }, func(s *Step) Scalar { return s.Hyper("(count+time)", 1) }, 2},
	} {
		u, err := write(t, func(s *Step) {
			for _, p := range s.Params() {
				p.Set(p.Value().Mul(c.a(s)).Add(c.b(s)))
			}
		})
		if err != nil || len(u.Scalars) != c.want {
			t.Errorf("%s: %d inputs (error %v), want %d", c.name, len(u.Scalars), err, c.want)
		}
	}
}

func TestUpdateListsWhatWasAskedFor(t *testing.T) {
	u, err := write(t, func(s *Step) {
		for _, p := range s.Params() {
			if p.Name() == "weight" {
				p.SetSlot("mean", p.Slot("mean").Add(p.Gradient()))
				p.Slot("untouched")
			}
			p.Set(p.Value().Mul(s.Hyper("decay", 0.5)))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(u.Params) != 2 || !slices.Equal(u.Params[0].Shape(), []int{2, 3}) {
		t.Errorf("%d new values, the first of shape %v", len(u.Params), u.Params[0].Shape())
	}
	if len(u.Hypers) != 1 || u.Hypers["decay"] != 0.5 {
		t.Errorf("hyperparameters %v, want decay = 0.5", u.Hypers)
	}
	if len(u.Slots) != 2 || u.Slots[0].Field.String() != "weight:mean" || u.Slots[1].Field.String() != "weight:untouched" {
		t.Fatalf("slots %v", u.Slots)
	}
	if u.Slots[0].New == u.Slots[0].Old || u.Slots[1].New != u.Slots[1].Old {
		t.Error("a slot that is set does not change, or one that is not set does")
	}
	if !slices.Equal(u.Slots[0].Field.Shape, []int{2, 3}) {
		t.Errorf("a slot has the shape %v, its parameter (2, 3)", u.Slots[0].Field.Shape)
	}
}

func TestASlotOfTheWholeStateIsOneNumber(t *testing.T) {
	u, err := write(t, func(s *Step) {
		total := s.Slot("total").Add(GlobalNorm(s.Gradients()))
		s.SetSlot("total", total)
		for _, p := range s.Params() {
			p.SetSlot("total", p.Slot("total").Add(p.Value()))
			p.Set(p.Value().Mul(total))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var fields []Field
	for _, s := range u.Slots {
		fields = append(fields, s.Field)
	}
	l, err := NewLayout(fields)
	if err != nil || l.Size() != 6+1+1 {
		t.Fatalf("a layout of %v has %d numbers (error %v)", fields, l.Size(), err)
	}
	last := u.Slots[2]
	if last.Field.Name != "" || last.Field.Slot != "total" || last.New.Rank() != 0 || last.New == last.Old {
		t.Errorf("the last slot is %+v", last)
	}
}

func TestWriteRefuses(t *testing.T) {
	var kept Expr
	if _, err := write(t, func(s *Step) { kept = s.Params()[0].Value(); stay(s, s.Const(0)) }); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		step func(*Step)
		want string
	}{
		{"a parameter that is never set", func(s *Step) { s.Params()[0].Set(s.Params()[0].Value()) }, `parameter "gain" is never set`},
		{"a parameter of another shape", func(s *Step) { stay(s, s.Const(0)); s.Params()[0].Set(s.Params()[1].Value()) },
			`parameter "weight" is set to a value of shape (), want (2, 3)`},
		{"a slot of another shape", func(s *Step) { stay(s, s.Const(0)); s.Params()[1].SetSlot("m", s.Params()[0].Value()) },
			`slot "m" of "gain" is set to a value of shape (2, 3), want ()`},
		{"a slot of the whole state that is no number", func(s *Step) { stay(s, s.Const(0)); s.SetSlot("total", s.Params()[0].Value()) },
			`slot "total" is set to a value of shape (2, 3), want ()`},
		{"an absent value", func(s *Step) { stay(s, s.Const(0)); s.Params()[0].Set(Expr{}) }, "absent"},
		{"a failed expression", func(s *Step) { stay(s, s.Const(0)); s.Params()[0].Set(s.Params()[0].Value().Reshape(7)) }, `parameter "weight" is set to a failed expression: Reshape`},
		{"an expression of an earlier graph", func(s *Step) { stay(s, s.Const(0)); s.Params()[0].Set(kept) },
			`parameter "weight" is set to an expression of another graph`},
		{"a hyperparameter with two defaults", func(s *Step) { s.Hyper("lr", 1); stay(s, s.Hyper("lr", 2)) },
			`hyperparameter "lr" is given two values, 1 and 2`},
		{"what the plugin refuses", func(s *Step) { stay(s, s.Const(0)); s.Fail("needs %d matrices", 2) }, "needs 2 matrices"},
		{"the first of two problems", func(s *Step) { s.Fail("the first"); s.Fail("the second") }, "the first"},
	} {
		if _, err := write(t, c.step); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "optim.written") {
			t.Errorf("%s: error %v, want %q and the plugin's type", c.name, err, c.want)
		}
	}
}

func TestFailWraps(t *testing.T) {
	cause := errors.New("cause")
	if _, err := write(t, func(s *Step) { s.Fail("outer: %w", cause) }); !errors.Is(err, cause) {
		t.Errorf("error %v does not wrap its cause", err)
	}
}
