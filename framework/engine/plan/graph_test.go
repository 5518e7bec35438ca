package plan_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// held is an input of a graph with numbers around one.
func held(g *gorgonia.ExprGraph, name string, d array.DType, shape ...int) ops.Expr {
	size := 1
	for _, n := range shape {
		size *= n
	}
	numbers := make([]float64, size)
	for i := range numbers {
		numbers[i] = 1 + 0.5*math.Sin(float64(3*i+len(name)))
	}
	return ops.Hold(g, name, d, array.From64(numbers), shape...)
}

// agrees compares an expression's value with the tape's.
func agrees(t *testing.T, what string, x ops.Expr, tolerance float64) {
	t.Helper()
	if x.Err() != nil {
		t.Fatalf("%s: %v", what, x.Err())
	}
	want, err := tape.Engine{}.EvaluateGraph(x)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	got, err := plan.Engine{}.EvaluateGraph(x)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if got.Len() != want.Len() {
		t.Fatalf("%s: %d numbers, want %d", what, got.Len(), want.Len())
	}
	for i := range want.Len() {
		a, b := got.At(i), want.At(i)
		if a != b && !(a != a && b != b) && math.Abs(a-b) > tolerance*(1+math.Abs(b)) {
			t.Fatalf("%s: element %d is %v, on the tape %v", what, i, a, b)
		}
	}
}

func TestGroupsAreCutWhereTheyWouldBeTooLong(t *testing.T) {
	g := gorgonia.NewGraph()
	x := held(g, "x", array.Float64, 3, 40)
	y := x
	for i := range 400 {
		y = y.Mul(x).Sin().Add(held(g, "y"+string(rune('a'+i%26))+string(rune('a'+i/26)), array.Float64, 3, 40))
	}
	agrees(t, "a chain of 1200 operators that read 401 tensors", y, 1e-12)
	z := x
	for range 60 {
		z = z.Mul(z).Shift(-0.5) // every value is read twice
	}
	agrees(t, "a chain whose values are read twice", z, 1e-12)
}

func TestWhatIsReadAgainIsNotOverwritten(t *testing.T) {
	g := gorgonia.NewGraph()
	x := held(g, "x", array.Float64, 8, 5)
	a := x.Sin()
	b := a.Add(x.Cos())
	mean := b.Mean(true, 0)
	centred := b.Sub(mean)
	normal := centred.Div(centred.Square().Mean(true, 0).Shift(1e-5).Sqrt())
	agrees(t, "a normalization that is read again", normal.Relu().Add(a).Mul(normal.Exp()).Sub(b).Sum(true, 1).Mul(a), 1e-12)
	agrees(t, "a row and a column", x.Sum(true, 0).Mul(x.Sum(true, 1)).Tanh().Add(x), 1e-12)
	agrees(t, "a product with a transposed product", x.Transpose(1, 0).MatMul(x.Relu()).Add(x.Transpose(1, 0).MatMul(a)).Exp(), 1e-12)
}

func TestSumsOfProductsWithCommonFactors(t *testing.T) {
	g := gorgonia.NewGraph()
	x, y := held(g, "x", array.Float64, 4, 3, 5), held(g, "yy", array.Float64, 4, 3, 5)
	row, column, number := held(g, "row", array.Float64, 5), held(g, "column", array.Float64, 3, 1), held(g, "number", array.Float64)
	plane := held(g, "plane", array.Float64, 4, 3, 1)
	for _, axes := range [][]int{{0}, {1}, {2}, {0, 2}, {0, 1, 2}} {
		deviation := x.Sub(x.Mean(true, axes...))
		other := y.Sub(y.Mean(true, 0))
		for i, e := range []ops.Expr{
			x.Mul(row), row.Mul(x), x.Mul(column).Mul(row), x.Div(row).Mul(y.Div(number)), row.Div(x), x.Mul(y.Mul(column).Scale(3)).Scale(-2),
			x.Div(y.Mul(row)), number.Mul(x).Mul(number).Div(column), x.Mul(x).Mul(column), row.Mul(row).Mul(x.Shift(1)),
			deviation, deviation.Mul(row).Scale(2), deviation.Mul(y).Mul(column), deviation.Div(column).Add(x), x.Mul(row).Sub(deviation.Mul(number)),
			deviation.Mul(row).Sub(x.Mul(number)), other, other.Mul(column).Add(deviation), deviation.Add(deviation.Mul(column)), x.Mean(true, axes...).Sub(x),
			deviation.Sub(row), row.Sub(row.Mean(true, 0)).Add(x), x.Mul(column).Add(x.Mul(row)),
			plane.Mul(row), row.Mul(plane), row.Div(plane), plane.Div(row), deviation.Add(plane), plane.Sub(deviation), plane.Mul(row).Mul(x),
		} {
			for _, keep := range []bool{true, false} {
				sum := e.Sum(keep, axes...)
				agrees(t, fmt.Sprintf("sum %d over %v, keep %v", i, axes, keep), sum.Mul(sum), 1e-11)
			}
		}
	}
	double := x
	for range 60 {
		double = double.Mul(double) // 2^60 factors
	}
	agrees(t, "a product of itself", double.Sum(true, 0), 1e-12)
	deviation := x.Sub(x.Mean(true, 0))
	for range 60 {
		deviation = deviation.Add(deviation).Scale(0.5)
	}
	agrees(t, "a sum of itself", deviation.Sum(true, 0), 1e-12)
}

// Where axes are equally long, a mean over one may stand where a mean over the other would: deviations from it do not add up to zero, and no
// sum may leave them out.
func TestDeviationsFromMeansOverOtherAxesAreSummed(t *testing.T) {
	g := gorgonia.NewGraph()
	for _, shape := range [][]int{{4, 4}, {4, 4, 4}} {
		x := held(g, fmt.Sprint("x", len(shape)), array.Float64, shape...).Square().Sin()
		y := held(g, fmt.Sprint("yy", len(shape)), array.Float64, shape...)
		last := len(shape) - 1
		for i, mean := range []ops.Expr{
			x.Mean(false, 0), x.Mean(false, last), x.Mean(true, 0), x.Mean(true, last), x.Mean(true, 0).Transpose(reversed(last + 1)...),
			y.Mean(true, 0), x.Sum(true, 0).Scale(0.5), x.Mean(true, 0).Shift(0.25),
		} {
			for axis := range shape {
				deviation := x.Sub(mean)
				for j, e := range []ops.Expr{deviation, deviation.Mul(y), y.Add(deviation), y.Sub(deviation), deviation.Scale(3).Div(mean)} {
					agrees(t, fmt.Sprintf("shape %v, mean %d, sum %d over axis %d", shape, i, j, axis), e.Sum(true, axis).Mul(y), 1e-11)
				}
			}
		}
	}
}

// reversed is the permutation that reverses so many axes.
func reversed(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = n - 1 - i
	}
	return p
}

// TestRandomGraphsAreThoseOfTheTape makes graphs whose values are read in many places: elementwise, as sums, in products, transposed. In
// the first two, groups once depended on each other, and a value that was to be stored belonged to no group.
func TestRandomGraphsAreThoseOfTheTape(t *testing.T) {
	seeds := []uint64{4180, 13299}
	graphs := 400
	if testing.Short() {
		graphs = 80
	}
	for len(seeds) < graphs {
		seeds = append(seeds, uint64(len(seeds)))
	}
	for _, seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 1))
		g := gorgonia.NewGraph()
		values := []ops.Expr{held(g, "x", array.Float64, 6, 6), held(g, "yy", array.Float64, 6, 6), held(g, "zzz", array.Float64, 6, 1)}
		pick := func() ops.Expr { return values[max(0, len(values)-1-r.IntN(12))] }
		for range 5 + r.IntN(60) {
			a, b := pick(), pick()
			switch r.IntN(9) {
			case 0:
				a = a.Sum(true, r.IntN(2))
			case 1:
				a = a.Tanh()
			case 2:
				a = a.Relu().Shift(0.25)
			case 3, 4:
				a = a.Add(b).Scale(0.5)
			case 5, 6:
				a = a.Mul(b).Tanh()
			case 7:
				a = a.Sub(b)
			case 8:
				if square := values[r.IntN(2)]; slices.Equal(a.Shape(), square.Shape()) {
					a = square.Transpose(1, 0).MatMul(a).Scale(0.1)
				}
			}
			values = append(values, a)
		}
		all := values[0]
		for range 6 {
			all = all.Add(pick())
		}
		agrees(t, fmt.Sprintf("random graph %d", seed), all, 1e-9)
	}
}

func TestFailuresOfKernelsAreErrors(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Apply(ops.Gather{Axis: 0}, held(g, "x", array.Float64, 3, 2), ops.Hold(g, "i", array.Float64, array.From64([]float64{7}), 1))
	if _, err := (plan.Engine{}).EvaluateGraph(x); err == nil {
		t.Error("an index that names no element evaluates")
	}
}
