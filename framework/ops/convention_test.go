package ops_test

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

var (
	nan = math.NaN()
	inf = math.Inf(1)
)

// Where the definition leaves a choice, or a formula would overflow.
func TestConventions(t *testing.T) {
	pool := ops.PoolSelect{Window: window(1, nil), Kernel: []int{2}}
	for _, c := range []struct {
		rule     string
		op       func(x ops.Expr) ops.Expr
		in       []float64
		want     []float64
		gradient []float64 // of the sum of the output; nil if that says nothing
	}{
		{"relu is flat at zero", ops.Expr.Relu, []float64{-1, 0, 2}, []float64{0, 0, 2}, []float64{0, 0, 1}},
		{"the absolute value is flat at zero", ops.Expr.Abs, []float64{-1, 0, 2}, []float64{1, 0, 2}, []float64{-1, 0, 1}},
		{"zero has no sign", ops.Expr.Sign, []float64{-1, 0, 2}, []float64{-1, 0, 1}, []float64{0, 0, 0}},
		{"zero is below the step", ops.Expr.Step, []float64{-1, 0, 2}, []float64{0, 0, 1}, []float64{0, 0, 0}},
		{"relu stops infinity", ops.Expr.Relu, []float64{-inf, inf}, []float64{0, inf}, []float64{0, 1}},
		{"NaN passes relu", ops.Expr.Relu, []float64{nan}, []float64{nan}, nil},
		{"NaN passes sign", ops.Expr.Sign, []float64{nan}, []float64{nan}, nil},
		{"NaN passes step", ops.Expr.Step, []float64{nan}, []float64{nan}, nil},
		{"a fill forgets NaN", func(x ops.Expr) ops.Expr { return x.Fill(3) }, []float64{nan, inf}, []float64{3, 3}, []float64{0, 0}},
		{"sigmoid does not overflow", ops.Expr.Sigmoid, []float64{-1000, 0, 1000}, []float64{0, 0.5, 1}, []float64{0, 0.25, 0}},
		{"softplus does not overflow", ops.Expr.Softplus, []float64{-1000, 0, 1000}, []float64{0, math.Ln2, 1000}, []float64{0, 0.5, 1}},
		{"NaN and infinity pass softplus", ops.Expr.Softplus, []float64{nan, -inf, inf}, []float64{nan, 0, inf}, nil},
		{"halves round to even", ops.Expr.Round, []float64{-1.5, -0.5, 0.5, 1.5, 2.5}, []float64{-2, 0, 0, 2, 2}, make([]float64, 5)},
		{"NaN passes rounding", ops.Expr.Floor, []float64{nan, inf}, []float64{nan, inf}, nil},
		{"NaN is seen", ops.Expr.IsNaN, []float64{nan, inf, 0}, []float64{1, 0, 0}, []float64{0, 0, 0}},
		{"infinities are seen", ops.Expr.IsInf, []float64{nan, inf, -inf, 1}, []float64{0, 1, 1, 0}, []float64{0, 0, 0, 0}},
		{"a clamp is flat at its limits", func(x ops.Expr) ops.Expr { return x.Clamp(0, 6) }, []float64{-inf, 0, 1, 6, 7, inf},
			[]float64{0, 0, 1, 6, 6, 6}, []float64{0, 0, 1, 0, 0, 0}},
		{"NaN passes a clamp", func(x ops.Expr) ops.Expr { return x.Clamp(math.Inf(-1), 6) }, []float64{nan}, []float64{nan}, nil},
		{"crossed limits leave the upper one", func(x ops.Expr) ops.Expr { return x.Clamp(2, 1) }, []float64{0, 1.5, 3},
			[]float64{1, 1, 1}, []float64{0, 0, 0}},
		{"equal maxima share the gradient", func(x ops.Expr) ops.Expr { return x.ReduceMax(false) }, []float64{3, 1, 3, 3},
			[]float64{3}, []float64{1. / 3, 0, 1. / 3, 1. / 3}},
		{"NaN is a maximum", func(x ops.Expr) ops.Expr { return x.ReduceMax(false) }, []float64{3, nan, 5}, []float64{nan}, nil},
		{"NaN is a minimum", func(x ops.Expr) ops.Expr { return x.ReduceMin(false) }, []float64{3, nan, 5}, []float64{nan}, nil},
		{"the maximum may be infinite", func(x ops.Expr) ops.Expr { return x.ReduceMax(false) }, []float64{-inf, -inf},
			[]float64{-inf}, []float64{0.5, 0.5}},
		{"the first of equal maxima has the index", func(x ops.Expr) ops.Expr { return x.ArgMax(0, false) }, []float64{1, 3, 3, 2},
			[]float64{1}, []float64{0, 0, 0, 0}},
		{"the last of equal maxima has the index", func(x ops.Expr) ops.Expr { return x.ArgMax(0, true) }, []float64{1, 3, 3, 2},
			[]float64{2}, []float64{0, 0, 0, 0}},
		{"the first NaN has the index", func(x ops.Expr) ops.Expr { return x.ArgMax(0, false) }, []float64{inf, nan, 3, nan}, []float64{1}, nil},
		{"the last NaN has the index", func(x ops.Expr) ops.Expr { return x.ArgMax(0, true) }, []float64{nan, nan, inf}, []float64{1}, nil},
		{"equal elements keep their order", func(x ops.Expr) ops.Expr { return x.Order(0, false) }, []float64{2, 1, 2, 1, 0},
			[]float64{4, 1, 3, 0, 2},
			[]float64{0, 0, 0, 0, 0}},
		{"equal elements keep their order downwards", func(x ops.Expr) ops.Expr { return x.Order(0, true) }, []float64{2, 1, 2, 1, 3},
			[]float64{4, 0, 2, 1, 3}, nil},
		{"NaN comes last", func(x ops.Expr) ops.Expr { return x.Order(0, false) }, []float64{nan, inf, nan, -inf}, []float64{3, 1, 0, 2}, nil},
		{"NaN comes last downwards", func(x ops.Expr) ops.Expr { return x.Order(0, true) }, []float64{nan, -inf, nan, inf},
			[]float64{3, 1, 0, 2}, nil},
		{"softmax does not overflow", func(x ops.Expr) ops.Expr { return x.Softmax(0) }, []float64{1000, -1000, 1000},
			[]float64{0.5, 0, 0.5}, []float64{0, 0, 0}},
		{"log-softmax does not overflow", func(x ops.Expr) ops.Expr { return x.LogSoftmax(0) }, []float64{0, -1000, -2000},
			[]float64{0, -1000, -2000}, []float64{-2, 1, 1}},
		{"what is no class is no row", func(x ops.Expr) ops.Expr { return x.OneHot(2) }, []float64{1, 2, -1, 0.5, nan},
			[]float64{0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, []float64{0, 0, 0, 0, 0}},
		{"the first of equal maxima is selected", func(x ops.Expr) ops.Expr {
			x = x.Reshape(1, 1, 4)
			return x.MaxPool(pool.Kernel, pool.Window)
		}, []float64{2, 2, 1, 1}, []float64{2, 2, 1}, []float64{1, 1, 1, 0}},
		{"NaN is selected", func(x ops.Expr) ops.Expr {
			x = x.Reshape(1, 1, 4)
			return x.MaxPool(pool.Kernel, pool.Window)
		}, []float64{nan, 5, 6, nan}, []float64{nan, 6, nan}, []float64{1, 0, 1, 1}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, len(c.in))
			y := c.op(x)
			gradient, err := autodiff.Grad(y.Sum(false), x)
			if err != nil {
				t.Fatal(err)
			}
			got := opstest.Run(t, opstest.Values{x: c.in}, y, gradient[0])
			identical(t, "value", got[0], c.want)
			if c.gradient != nil {
				identical(t, "gradient", got[1], c.gradient)
			}
		})
	}
}

// Where a function of two numbers leaves a choice. The gradient is of the sum of the output.
func TestConventionsOfArithmetic(t *testing.T) {
	for _, c := range []struct {
		rule               string
		op                 ops.Operator
		a, b, want, da, db []float64
	}{
		{"the zeroth power is flat, at zero too", ops.Binary{Func: ops.Pow}, []float64{0, 3, -2}, []float64{0, 0, 0},
			[]float64{1, 1, 1}, []float64{0, 0, 0}, []float64{0, math.Log(3), nan}},
		{"powers of zero are flat in the exponent", ops.Binary{Func: ops.Pow}, []float64{0, 0}, []float64{1, 2}, []float64{0, 0},
			[]float64{1, 0}, []float64{0, 0}},
		{"negative numbers have integer powers", ops.Binary{Func: ops.Pow}, []float64{-2, -2}, []float64{3, 0.5}, []float64{-8, nan},
			[]float64{12, nan}, []float64{nan, nan}},
		{"equal numbers share the gradient of a maximum", ops.Binary{Func: ops.Max}, []float64{1, 1, 2}, []float64{2, 1, 1},
			[]float64{2, 1, 2}, []float64{0, 0.5, 1}, []float64{1, 0.5, 0}},
		{"equal numbers share the gradient of a minimum", ops.Binary{Func: ops.Min}, []float64{1, 1, 2}, []float64{2, 1, 1},
			[]float64{1, 1, 1}, []float64{1, 0.5, 0}, []float64{0, 0.5, 1}},
		{"NaN passes a maximum", ops.Binary{Func: ops.Max}, []float64{nan, 1},
			[]float64{1, nan}, []float64{nan, nan}, []float64{1, 1}, []float64{1, 1}},
		{"NaN passes a minimum", ops.Binary{Func: ops.Min}, []float64{nan, 1},
			[]float64{1, nan}, []float64{nan, nan}, []float64{1, 1}, []float64{1, 1}},
		{"mod has the divisor's sign", ops.Binary{Func: ops.Mod}, []float64{5, -5, 5, -5, 6}, []float64{3, 3, -3, -3, 3},
			[]float64{2, 1, -1, -2, 0}, []float64{1, 1, 1, 1, 1}, []float64{-1, 2, 2, -1, -2}},
		{"fmod has the dividend's sign", ops.Binary{Func: ops.Fmod}, []float64{5, -5, 5, -5, 6}, []float64{3, 3, -3, -3, 3},
			[]float64{2, -2, 2, -2, 0}, []float64{1, 1, 1, 1, 1}, []float64{-1, 1, 1, -1, -2}},
		{"nothing is less than itself or NaN", ops.Binary{Func: ops.Less}, []float64{1, 1, nan, 1}, []float64{2, 1, 1, nan},
			[]float64{1, 0, 0, 0}, []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}},
		{"NaN equals nothing", ops.Binary{Func: ops.Equal}, []float64{1, 1, nan, inf}, []float64{2, 1, nan, inf},
			[]float64{0, 1, 0, 1}, []float64{0, 0, 0, 0}, []float64{0, 0, 0, 0}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			g := gorgonia.NewGraph()
			a, b := ops.Input(g, "a", array.Float64, len(c.a)), ops.Input(g, "b", array.Float64, len(c.b))
			y := ops.Apply(c.op, a, b)
			gradients, err := autodiff.Grad(y.Sum(false), a, b)
			if err != nil {
				t.Fatal(err)
			}
			got := opstest.Run(t, opstest.Values{a: c.a, b: c.b}, y, gradients[0], gradients[1])
			identical(t, "value", got[0], c.want)
			identical(t, "gradient in a", got[1], c.da)
			identical(t, "gradient in b", got[2], c.db)
		})
	}
}

func TestWhatIsNotPickedDoesNotMatter(t *testing.T) {
	g := gorgonia.NewGraph()
	in := variables(g, [][]int{{3}, {3}, {3}, {3}})
	condition, a, b, cotangent := in[0], in[1], in[2], in[3]
	picked := condition.Where(a, b)
	gradients, err := autodiff.Grad(picked.Mul(cotangent).Sum(false), condition, a, b)
	if err != nil {
		t.Fatal(err)
	}
	got := opstest.Run(t, opstest.Values{condition: {1, 0, nan}, a: {4, nan, 9}, b: {nan, 5, inf}, cotangent: {inf, nan, 2}},
		slices.Concat([]ops.Expr{picked}, gradients)...)
	identical(t, "value", got[0], []float64{4, 5, 9})
	identical(t, "gradient in the condition", got[1], []float64{0, 0, 0})
	identical(t, "gradient in a", got[2], []float64{inf, 0, 2})
	identical(t, "gradient in b", got[3], []float64{0, nan, 0})
}

// The derivatives of the power rule are finite where the rule is cut off.
func TestSquaresByPowAreCurvedAtZero(t *testing.T) {
	x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, 3)
	v := ops.Input(x.Node().Graph(), "v", array.Float64, 3)
	products, err := autodiff.HVP(x.Pow(x.Fill(2)).Sum(false), []ops.Expr{x}, []ops.Expr{v})
	if err != nil {
		t.Fatal(err)
	}
	got := opstest.Run(t, opstest.Values{x: {0, 3, -1}, v: {1, 1, 1}}, products...)
	identical(t, "product", got[0], []float64{2, 2, 2})
}

// identical takes NaN for equal to itself.
func identical(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s %v, want %v", what, got, want)
	}
	for i := range want {
		if got[i] != want[i] && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
			t.Fatalf("%s %v, want %v", what, got, want)
		}
	}
}
