package autodiff_test

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

func vector(g *gorgonia.ExprGraph, name string, n int) ops.Expr {
	return ops.Input(g, name, array.Float64, n)
}

func TestGradientsOfClosedForms(t *testing.T) {
	a, b := []float64{1, -2, 3}, []float64{0.5, 4, -1}
	for _, c := range []struct {
		rule string
		loss func(x, y ops.Expr) ops.Expr
		dx   func(x, y float64) float64
		dy   func(x, y float64) float64
	}{
		{"a variable used twice by one operator", func(x, _ ops.Expr) ops.Expr { return x.Mul(x).Sum(false) },
			func(x, _ float64) float64 { return 2 * x }, zero},
		{"a variable minus itself", func(x, _ ops.Expr) ops.Expr { return x.Sub(x).Sum(false) }, zero, zero},
		{"a diamond", func(x, y ops.Expr) ops.Expr {
			top := x.Mul(y)
			return top.Exp().Mul(top.Tanh()).Add(top).Sum(false)
		}, func(x, y float64) float64 { return y * diamond(x*y) }, func(x, y float64) float64 { return x * diamond(x*y) }},
		{"paths of different lengths", func(x, y ops.Expr) ops.Expr { return x.Add(x.Scale(2).Add(x.Mul(y)).Scale(3)).Sum(false) },
			func(_, y float64) float64 { return 7 + 3*y }, func(x, _ float64) float64 { return 3 * x }},
		{"an unused variable", func(x, _ ops.Expr) ops.Expr { return x.Scale(3).Sum(false) },
			func(float64, float64) float64 { return 3 }, zero},
		{"a variable that is overwritten", func(x, y ops.Expr) ops.Expr { return x.Fill(2).Mul(y).Sum(false) },
			zero, func(float64, float64) float64 { return 2 }},
		{"a loss without variables", func(x, y ops.Expr) ops.Expr { return x.Fill(1).Add(y.Step()).Sum(false) }, zero, zero},
	} {
		t.Run(c.rule, func(t *testing.T) {
			g := gorgonia.NewGraph()
			x, y := vector(g, "x", 3), vector(g, "y", 3)
			got := opstest.Run(t, opstest.Values{x: a, y: b}, gradients(t, c.loss(x, y), x, y)...)
			for i := range a {
				near(t, fmt.Sprint("∂/∂x", i), got[0][i], c.dx(a[i], b[i]), 1e-13)
				near(t, fmt.Sprint("∂/∂y", i), got[1][i], c.dy(a[i], b[i]), 1e-13)
			}
		})
	}
}

func zero(float64, float64) float64 { return 0 }

// diamond is the derivative of eᵘ·tanh u + u.
func diamond(u float64) float64 {
	return math.Exp(u)*(math.Tanh(u)+1-math.Pow(math.Tanh(u), 2)) + 1
}

func TestGradientInAnInnerNode(t *testing.T) {
	g := gorgonia.NewGraph()
	x := vector(g, "x", 2)
	inner := x.Scale(3)
	loss := inner.Square().Add(x).Sum(false)
	// 9x² + x, with inner = 3x: both the inner node's and the variable's derivative are total.
	got := opstest.Run(t, opstest.Values{x: {1, -2}}, gradients(t, loss, inner, x, loss)...)
	for i, want := range [][]float64{{6, -12}, {19, -35}, {1}} {
		if !slices.Equal(got[i], want) {
			t.Errorf("gradient %d is %v, want %v", i, got[i], want)
		}
	}
}

func TestGradientsOfGradients(t *testing.T) {
	g := gorgonia.NewGraph()
	x := vector(g, "x", 3)
	loss := x.Mul(x).Mul(x).Add(x.Exp()).Sum(false) // x³ + eˣ
	first := gradients(t, loss, x)[0]
	second := gradients(t, first.Sum(false), x)[0]
	third := gradients(t, second.Sum(false), x)[0]
	fourth := gradients(t, third.Sum(false), x)[0]
	at := []float64{-1, 0.5, 2}
	got := opstest.Run(t, opstest.Values{x: at}, first, second, third, fourth)
	for i, v := range at {
		e := math.Exp(v)
		for order, want := range []float64{3*v*v + e, 6*v + e, 6 + e, e} {
			near(t, fmt.Sprintf("derivative %d at %v", order+1, v), got[order][i], want, 1e-14)
		}
	}
}

func TestTheSameStructureGivesTheSameGraph(t *testing.T) {
	build := func() []string {
		g := gorgonia.NewGraph()
		x, y := vector(g, "x", 3), vector(g, "y", 3)
		h := x.Mul(y).Tanh()
		gradients(t, h.Add(h.Exp()).Mul(x).Sum(false), x, y)
		var names []string
		for _, n := range g.AllNodes() {
			names = append(names, n.Name())
		}
		return names
	}
	want := build()
	for range 10 {
		if got := build(); !slices.Equal(got, want) {
			t.Fatalf("nodes %v, before %v", got, want)
		}
	}
}

func TestNothingIsKeptInTheNodes(t *testing.T) {
	g := gorgonia.NewGraph()
	x := vector(g, "x", 3)
	loss := x.Square().Sum(false)
	if a, b := gradients(t, loss, x)[0], gradients(t, loss, x)[0]; a.Node() != b.Node() {
		t.Error("the gradient taken again is another node")
	}
	for _, n := range g.AllNodes() {
		if n.Deriv() != nil {
			t.Errorf("%v has a derivative", n)
		}
	}
}

func TestWhatCannotBeDifferentiatedIsRefused(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := vector(g, "x", 3), vector(g, "y", 2)
	loss := x.Square().Sum(false)
	failure := ops.Failed(errors.New("the first failure"))
	foreign := ops.FromNode(gorgonia.Must(gorgonia.Sin(x.Node())))
	grad := func(loss ops.Expr, wrt ...ops.Expr) func() ([]ops.Expr, error) {
		return func() ([]ops.Expr, error) { return autodiff.Grad(loss, wrt...) }
	}
	hvp := func(loss ops.Expr, wrt, direction []ops.Expr) func() ([]ops.Expr, error) {
		return func() ([]ops.Expr, error) { return autodiff.HVP(loss, wrt, direction) }
	}
	for _, c := range []struct {
		rule string
		call func() ([]ops.Expr, error)
		want string
	}{
		{"a loss is a scalar", grad(x, x), "the loss has shape (3), want a scalar"},
		{"a loss of one element is no scalar", grad(x.Sum(true), x), "the loss has shape (1), want a scalar"},
		{"a loss is present", grad(ops.Expr{}, x), "the loss: the expression is absent"},
		{"a failed loss is the failure", grad(failure.Add(loss), x), "the loss: the first failure"},
		{"a variable is present", grad(loss, x, ops.Expr{}), "variable 1: the expression is absent"},
		{"a failed variable is the failure", grad(loss, failure), "variable 0: the first failure"},
		{"operations are ours", grad(foreign.Square().Sum(false), x), "has no operator of package ops"},
		{"the gradient of an operation of ours is whole", grad(ops.Apply(hopeless{}, x).Sum(false), x), "gradient of autodiff_test.hopeless{Affine:{Scale:0 Shift:0}}: no gradient"},
		{"directions are as many as variables", hvp(loss, []ops.Expr{x}, nil), "0 directions for 1 variables"},
		{"directions have the variables' shapes", hvp(loss, []ops.Expr{x}, []ops.Expr{y}), "direction 0 has shape (2), its variable has (3)"},
		{"directions do not broadcast", hvp(loss, []ops.Expr{x}, []ops.Expr{x.Sum(true)}), "direction 0 has shape (1), its variable has (3)"},
		{"a direction is present", hvp(loss, []ops.Expr{x}, []ops.Expr{{}}), "direction 0: the expression is absent"},
		{"a failed direction is the failure", hvp(loss, []ops.Expr{x}, []ops.Expr{failure}), "direction 0: the first failure"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := c.call()
			if err == nil || !strings.HasPrefix(err.Error(), "autodiff: ") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("result %v, error %v, want %q", got, err, c.want)
			}
		})
	}
}

// hopeless is an operator whose gradient fails.
type hopeless struct{ ops.Affine }

func (hopeless) Gradient([]ops.Expr, ops.Expr, ops.Expr) []ops.Expr {
	return []ops.Expr{ops.Failed(errors.New("no gradient"))}
}

func TestForeignOperationsOffThePathDoNotMatter(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := vector(g, "x", 2), vector(g, "y", 2)
	foreign := ops.FromNode(gorgonia.Must(gorgonia.Cos(y.Node())))
	beside := gradients(t, x.Mul(foreign).Add(x.Div(foreign)).Sum(false), x)[0]
	apart := gradients(t, ops.FromNode(gorgonia.Must(gorgonia.Sum(foreign.Node()))), x)[0]
	got := opstest.Run(t, opstest.Values{x: {1, 2}, y: {0, math.Pi / 3}}, beside, apart)
	for i, want := range []float64{2, 2.5} {
		near(t, "gradient", got[0][i], want, 1e-15)
	}
	if !slices.Equal(got[1], []float64{0, 0}) {
		t.Errorf("the gradient of a loss that does not depend on the variable is %v", got[1])
	}
}

// A recursion over a chain of this depth does not fit the stack. Every node that is added costs Gorgonia a time proportional to
// the graph's size, which is why the chain is no deeper.
func TestDeepChainsNeedNoDeepStack(t *testing.T) {
	const depth = 5000
	defer debug.SetMaxStack(debug.SetMaxStack(128 << 10))
	g := gorgonia.NewGraph()
	x := vector(g, "x", 1)
	y := x
	for range depth {
		y = y.Shift(1)
	}
	gradients(t, y.Sum(false), x)
	if n := len(g.AllNodes()); n < 2*depth {
		t.Errorf("the chain and its gradient have %d nodes, want at least %d", n, 2*depth)
	}
}

func gradients(t testing.TB, loss ops.Expr, wrt ...ops.Expr) []ops.Expr {
	t.Helper()
	g, err := autodiff.Grad(loss, wrt...)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// near compares relative to the expected number, or to one if that is larger.
func near(t testing.TB, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
