package ops_test

import (
	"math"
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
