package ops_test

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

func known(t *testing.T, x ops.Expr) []float64 {
	t.Helper()
	data, is := x.Known()
	if !is {
		t.Fatalf("%v is not known (%v)", x, x.Err())
	}
	return data
}

func TestOperatorsOnConstantsAreComputedAtOnce(t *testing.T) {
	x := ops.Constant([]int{2, 2}, []float64{1, 2, 3, 4})
	y := x.Transpose(1, 0).Mul(ops.Scalar(10)).Sum(false, 1)
	if got := known(t, y); !slices.Equal(got, []float64{40, 60}) || !slices.Equal(y.Shape(), []int{2}) {
		t.Errorf("got %v of shape %v", got, y.Shape())
	}
	if y.Node() != nil || y.Absent() || y.DType() != array.Float64 {
		t.Error("a constant has no node, is not absent, and is float64")
	}
}

// A tensor without elements holds nothing of the nodes that it is computed from, and nothing of it reaches what has elements.
func TestWhatHasNoElementsIsAConstant(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64, 2, 3)
	none := x.Narrow(1, 3, 3)
	row := ops.Constant([]int{0, 3}, nil)
	for _, c := range []struct {
		rule  string
		x     ops.Expr
		shape []int
	}{
		{"a slice of nothing", none, []int{2, 0}},
		{"a function of nothing", none.Exp(), []int{2, 0}},
		{"nothing beside a node", none.Mul(x.Narrow(1, 0, 1)), []int{2, 0}},
		{"a choice of nothing", x.Narrow(1, 0, 1).Where(none, ops.Scalar(0)), []int{2, 0}},
		{"no repetition", x.Narrow(1, 0, 1).Expand(2, 0), []int{2, 0}},
		{"no row of a product", row.MatMul(x.Transpose(1, 0)), []int{0, 2}},
		{"nothing with nothing", ops.Concatenate(1, none, none), []int{2, 0}},
	} {
		if got := known(t, c.x); len(got) != 0 || !slices.Equal([]int(c.x.Shape()), c.shape) {
			t.Errorf("%s: %v of shape %v, want shape %v", c.rule, got, c.x.Shape(), c.shape)
		}
	}
	for _, c := range []struct {
		rule string
		x    ops.Expr
		want []float64
	}{
		{"nothing joined with a node is the node", ops.Concatenate(1, none, x, none), []float64{1, 2, 3, 4, 5, 6}},
		{"nothing joined with two nodes", ops.Concatenate(0, row, x, x.Neg(), row), []float64{1, 2, 3, 4, 5, 6, -1, -2, -3, -4, -5, -6}},
		{"a sum of nothing is zero", x.Narrow(1, 0, 2).Add(none.Sum(true, 1)), []float64{1, 2, 4, 5}},
		{"a product of nothing is one", x.Narrow(1, 0, 2).Mul(none.ReduceProd(true, 1)), []float64{1, 2, 4, 5}},
		{"a product with nothing between is zero", x.Narrow(0, 0, 2).Add(none.MatMul(row)), []float64{1, 2, 3, 4, 5, 6}},
	} {
		if c.x.Err() != nil {
			t.Errorf("%s: %v", c.rule, c.x.Err())
			continue
		}
		values := opstest.Values{x: {1, 2, 3, 4, 5, 6}}
		for _, h := range ops.HeldBy(g) {
			values[h.Input] = h.Value.F64
		}
		if got := opstest.Run(t, values, c.x)[0]; !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.rule, got, c.want)
		}
	}
	if err := none.ReduceMax(false).Err(); err == nil || !strings.Contains(err.Error(), "there is no maximum of nothing") {
		t.Errorf("the maximum of nothing: %v", err)
	}
	if err := ops.Concatenate(0, none, x).Err(); err == nil || !strings.Contains(err.Error(), "differ in more than axis 0") {
		t.Errorf("nothing of another shape: %v", err)
	}
}

// Shapes are computed with: a scalar's has no element.
func TestConstantsMayBeEmpty(t *testing.T) {
	none := ops.Constant([]int{0}, nil)
	joined := ops.Concatenate(0, none, ops.Constant([]int{1}, []float64{7}), none)
	if got := known(t, joined); !slices.Equal(got, []float64{7}) {
		t.Errorf("joined with nothing, 7 is %v", got)
	}
	if got := known(t, joined.Narrow(0, 1, 1)); len(got) != 0 {
		t.Errorf("nothing of it is %v", got)
	}
	if err := ops.Input(gorgonia.NewGraph(), "x", array.Float32, 0).Err(); err == nil || !strings.Contains(err.Error(), "no elements") {
		t.Errorf("an input without elements: %v", err)
	}
}

func TestAConstantThatMeetsANodeIsHeldByItsGraph(t *testing.T) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		g := gorgonia.NewGraph()
		x := ops.Input(g, "x", d, 2)
		c := ops.Constant([]int{2}, []float64{0.5, 0.25})
		y := x.Mul(c).Add(ops.Constant([]int{2}, []float64{0.5, 0.25}))
		if y.Err() != nil {
			t.Fatal(y.Err())
		}
		held := ops.HeldBy(g)
		if len(held) != 1 || held[0].Value.DType() != d || held[0].Input.Node().Value() == nil {
			t.Fatalf("equal constants are held as %v, want one value that is bound", held)
		}
		if got := opstest.Run(t, opstest.Values{x: {2, 4}, held[0].Input: {0.5, 0.25}}, y)[0]; !slices.Equal(got, []float64{1.5, 1.25}) {
			t.Errorf("x·c + c is %v", got)
		}
	}
}

func TestWhatCannotBeComputedAtOnceIsAnError(t *testing.T) {
	big := ops.Constant([]int{1 << 11}, make([]float64, 1<<11))
	for want, x := range map[string]ops.Expr{
		"a constant of shape [3] with 2 numbers": ops.Constant([]int{3}, []float64{1, 2}),
		"larger than the":                        big.Reshape(1<<11, 1).Mul(big.Reshape(1, 1<<11)).Expand(2, 1<<11, 1<<11),
		"names none of an axis":                  ops.Apply(ops.Gather{Axis: 0}, ops.Constant([]int{1}, []float64{1}), ops.Constant([]int{1}, []float64{5})),
		"do not broadcast":                       ops.Constant([]int{2}, []float64{1, 2}).Add(big),
	} {
		if x.Err() == nil || !strings.Contains(x.Err().Error(), want) {
			t.Errorf("%v, want %q", x.Err(), want)
		}
	}
}

func TestGraphsWithConstantsAreCollected(t *testing.T) {
	collected := make(chan bool, 1)
	func() {
		g := gorgonia.NewGraph()
		ops.Input(g, "x", array.Float32, 2).Mul(ops.Constant([]int{2}, []float64{1, 2}))
		runtime.AddCleanup(g, func(c chan bool) { c <- true }, collected)
	}()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		runtime.GC()
		select {
		case <-collected:
			return
		default:
		}
	}
	t.Error("a graph that nobody uses stays in memory")
}
