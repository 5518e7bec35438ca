package ops_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

const huge = math.MaxInt

func TestOperatorsRefuseWrongInputs(t *testing.T) {
	unit := window(1, nil)
	square := window(2, nil)
	strides := func(n int) ops.Window { return window(1, func(w *ops.Window) { w.Strides[0] = n }) }
	dilations := func(n int) ops.Window { return window(1, func(w *ops.Window) { w.Dilations[0] = n }) }
	pads := func(n ...int) ops.Window { return window(1, func(w *ops.Window) { w.Pads = n }) }
	for _, c := range []struct {
		rule string
		op   ops.Operator
		in   [][]int
		want string
	}{
		{"a function exists", ops.Unary{Func: "sine"}, [][]int{{2}}, `"sine" is no function`},
		{"an arithmetic exists", ops.Binary{Func: "hypot"}, [][]int{{2}, {2}}, `"hypot" is no arithmetic`},
		{"shapes broadcast", ops.Binary{Func: ops.Add}, [][]int{{2, 3}, {2, 4}}, "shapes (2, 3) and (2, 4) do not broadcast: 3 against 4"},
		{"only axes of one broadcast", ops.Binary{Func: ops.Mul}, [][]int{{4}, {2}}, "do not broadcast: 4 against 2"},
		{"a broadcast has a size", ops.Binary{Func: ops.Mul}, [][]int{{1 << 20, 1}, {1, 1 << 20}}, "too many for a tensor"},

		{"what is picked broadcasts", ops.Where{}, [][]int{{2}, {2}, {3}}, "do not broadcast: 2 against 3"},
		{"limits are numbers", ops.Clamp{Min: nan}, [][]int{{2}}, "the limits NaN and 0 must be numbers"},

		{"a format of 16 bits exists", ops.ShortFloat{Format: "float8"}, [][]int{{2}}, `"float8" is no format of 16 bits`},
		{"updates are multiplied or compared", ops.ScatterReduce{Func: ops.Add}, [][]int{{2}, {2}, {2}}, `not by "add"`},
		{"an update has an index", ops.ScatterReduce{Func: ops.Max}, [][]int{{4}, {2}, {3}}, "want an index for each element"},
		{"updates are among the elements", ops.ScatterReduce{Func: ops.Max}, [][]int{{4, 1}, {2, 2}, {2, 2}}, "reach beyond axis 1"},
		{"expanding keeps axes", ops.Expand{Dims: []int{3}}, [][]int{{2, 3}}, "shape (2, 3) does not expand to (3)"},
		{"expanding repeats ones only", ops.Expand{Dims: []int{4}}, [][]int{{2}}, "shape (2) does not expand to (4)"},
		{"expanding does not shrink", ops.Expand{Dims: []int{1}}, [][]int{{2}}, "shape (2) does not expand to (1)"},
		{"expanding leaves elements", ops.Expand{Dims: []int{-1}}, [][]int{{1}}, "shape (-1) has a negative dimension"},
		{"expanded sizes do not overflow", ops.Expand{Dims: []int{1 << 32, 1 << 32}}, [][]int{{1}}, "too many for a tensor"},

		{"a sum has its axes", ops.ReduceSum{Axes: []int{2}}, [][]int{{2, 3}}, "axis 2 is not an axis of shape (2, 3)"},
		{"axes count from zero", ops.ReduceSum{Axes: []int{-1}}, [][]int{{2, 3}}, "axis -1 is not an axis"},
		{"a scalar has no axis", ops.ReduceSum{Axes: []int{0}}, [][]int{{}}, "axis 0 is not an axis of shape ()"},
		{"axes are distinct", ops.ReduceSum{Axes: []int{1, 1}}, [][]int{{2, 3}}, "axis 1 is named twice"},

		{"a maximum has its axes", ops.ReduceMax{Axes: []int{2}}, [][]int{{2, 3}}, "axis 2 is not an axis of shape (2, 3)"},
		{"a maximum's axes are distinct", ops.ReduceMax{Axes: []int{1, 1}}, [][]int{{2, 3}}, "axis 1 is named twice"},
		{"a maximum's index has an axis", ops.ArgMax{Axis: 2}, [][]int{{2, 3}}, "axis 2 is not an axis of shape (2, 3)"},
		{"an order has its axis", ops.Order{Axis: -1}, [][]int{{2, 3}}, "axis -1 is not an axis of shape (2, 3)"},

		{"reshaping keeps elements", ops.Reshape{Dims: []int{4}}, [][]int{{2, 3}}, "shape (2, 3) has 6 elements, shape (4) has 4"},
		{"nothing is inferred", ops.Reshape{Dims: []int{-1, 3}}, [][]int{{2, 3}}, "shape (-1, 3) has a negative dimension"},
		{"reshaped sizes do not overflow", ops.Reshape{Dims: []int{1 << 32, 1 << 32, 6}}, [][]int{{2, 3}}, "elements"},

		{"transposing permutes", ops.Transpose{Perm: []int{0, 0}}, [][]int{{2, 3}}, "[0 0] is not a permutation"},
		{"a permutation is of axes", ops.Transpose{Perm: []int{1, 2}}, [][]int{{2, 3}}, "[1 2] is not a permutation"},
		{"transposing names all axes", ops.Transpose{Perm: []int{1, 0}}, [][]int{{2, 3, 4}}, "permutes 2 axes, shape (2, 3, 4) has 3"},

		{"something is joined", ops.Concat{}, nil, "there is nothing to join"},
		{"joining has its axis", ops.Concat{Axis: 1, Inputs: 2}, [][]int{{2}, {2}}, "axis 1 is not an axis of shape (2)"},
		{"what is joined agrees", ops.Concat{Axis: 0, Inputs: 2}, [][]int{{2, 3}, {2, 4}}, "shapes (2, 3) and (2, 4) differ in more than axis 0"},
		{"what is joined has the same axes", ops.Concat{Axis: 0, Inputs: 2}, [][]int{{2, 3}, {2}}, "shapes (2, 3) and (2) differ"},

		{"a slice names all axes", ops.Slice{Start: []int{0}, Step: []int{1}, Size: []int{1}}, [][]int{{2, 3}},
			"must have an entry for each axis"},
		{"a slice moves", ops.Slice{Start: []int{0}, Step: []int{0}, Size: []int{1}}, [][]int{{2}}, "another step than zero"},
		{"a slice has a size", ops.Slice{Start: []int{0}, Step: []int{1}, Size: []int{-1}}, [][]int{{2}}, "axis 0: -1 elements"},
		{"a slice starts inside", ops.Slice{Start: []int{-1}, Step: []int{1}, Size: []int{1}}, [][]int{{2}},
			"1 elements from -1 with step 1 are not in the 2"},
		{"a slice ends inside", ops.Slice{Start: []int{0, 1}, Step: []int{1, 2}, Size: []int{1, 2}}, [][]int{{1, 3}},
			"axis 1: 2 elements from 1 with step 2 are not in the 3 of shape (1, 3)"},
		{"a slice ends behind zero", ops.Slice{Start: []int{1}, Step: []int{-1}, Size: []int{3}}, [][]int{{4}}, "are not in the 4"},
		{"steps do not overflow", ops.Slice{Start: []int{0}, Step: []int{huge}, Size: []int{3}}, [][]int{{4}}, "are not in the 4"},
		{"negative steps do not overflow", ops.Slice{Start: []int{0}, Step: []int{-huge - 1}, Size: []int{2}}, [][]int{{4}}, "are not in the 4"},
		{"a place is inside", ops.Place{Start: []int{1}, Step: []int{1}, Dims: []int{2}}, [][]int{{2}}, "are not in the 2 of shape (2)"},
		{"places have a size", ops.Place{Start: []int{0}, Step: []int{1}, Dims: []int{-2}}, [][]int{{1}}, "shape (-2) has a negative dimension"},
		{"places have a bounded size", ops.Place{Start: []int{0}, Step: []int{1}, Dims: []int{huge}}, [][]int{{1}}, "too many for a tensor"},

		{"gathering has its axis", ops.Gather{Axis: 1}, [][]int{{2}, {1}}, "axis 1 is not an axis of shape (2)"},
		{"indices have one axis", ops.Gather{}, [][]int{{2}, {1, 1}}, "indices of shape (1, 1): want one axis"},
		{"scattering has its axis", ops.ScatterAdd{Axis: -1, Size: 2}, [][]int{{2}, {2}}, "axis -1 is not an axis of shape (2)"},
		{"every slice has an index", ops.ScatterAdd{Axis: 1, Size: 2}, [][]int{{2, 3}, {2}},
			"want one index for each of the 3 along axis 1 of shape (2, 3)"},
		{"slices have one axis of indices", ops.ScatterAdd{Size: 2}, [][]int{{2}, {2, 1}}, "indices of shape (2, 1) to 2 slices"},
		{"slices go somewhere", ops.ScatterAdd{Size: -1}, [][]int{{2}, {2}}, "to -1 slices"},
		{"gathering elements has its axis", ops.GatherElements{Axis: 2}, [][]int{{2, 3}, {2, 3}}, "axis 2 is not an axis of shape (2, 3)"},
		{"indices have the input's axes", ops.GatherElements{}, [][]int{{2, 3}, {2}},
			"indices of shape (2) into shape (2, 3): want as many axes"},
		{"indices stay inside", ops.GatherElements{Axis: 1}, [][]int{{2, 3}, {3, 1}},
			"indices of shape (3, 1) reach beyond axis 0 of shape (2, 3)"},
		{"every element has an index", ops.ScatterAddElements{Dims: []int{2, 3}}, [][]int{{1, 3}, {1, 2}}, "shapes (1, 3) and (1, 2) differ"},
		{"scattered elements stay inside", ops.ScatterAddElements{Axis: 1, Dims: []int{2, 3}}, [][]int{{3, 1}, {3, 1}},
			"reach beyond axis 0 of shape (2, 3)"},
		{"scattered elements have an axis", ops.ScatterAddElements{Axis: 2, Dims: []int{2, 3}}, [][]int{{3, 1}, {3, 1}},
			"axis 2 is not an axis of shape (2, 3)"},
		{"scattered elements go somewhere", ops.ScatterAddElements{Dims: []int{-1}}, [][]int{{1}, {1}}, "shape (-1) has a negative dimension"},

		{"indices tell slices apart", ops.Gather{}, [][]int{{1<<24 + 1}, {1}}, "16777217 places are more than the 16777216 that indices"},
		{"indices tell scattered slices apart", ops.ScatterAdd{Size: 1 << 25}, [][]int{{1}, {1}}, "33554432 places are more than"},
		{"indices tell elements apart", ops.GatherElements{}, [][]int{{1 << 25}, {1}}, "33554432 places are more than"},
		{"indices tell scattered elements apart", ops.ScatterAddElements{Dims: []int{1 << 25}}, [][]int{{1}, {1}}, "33554432 places are more than"},
		{"a maximum's index is exact", ops.ArgMax{}, [][]int{{1 << 25}}, "33554432 places are more than"},
		{"an order's indices are exact", ops.Order{}, [][]int{{1 << 25}}, "33554432 places are more than"},
		{"a maximum's number is exact", ops.PoolArg{Window: unit, Kernel: []int{2}}, [][]int{{2, 1 << 12, 1 << 12}}, "33554432 places are more than"},

		{"vectors are no matrices", ops.MatMul{}, [][]int{{3}, {3, 2}}, "both operands need two axes or more"},
		{"matrices fit", ops.MatMul{}, [][]int{{2, 3}, {2, 3}}, "3 columns against 2 rows"},
		{"transposed matrices fit", ops.MatMul{TransA: true, TransB: true}, [][]int{{2, 3}, {2, 3}}, "2 columns against 3 rows"},
		{"batches broadcast", ops.MatMul{}, [][]int{{2, 2, 3}, {3, 3, 2}}, "do not broadcast: 2 against 3"},

		{"softmax has its axis", ops.Softmax{Axis: 1}, [][]int{{3}}, "axis 1 is not an axis of shape (3)"},
		{"log-softmax has its axis", ops.LogSoftmax{Axis: -1}, [][]int{{3}}, "axis -1 is not an axis of shape (3)"},
		{"indices are one list", ops.OneHot{Classes: 3}, [][]int{{2, 2}}, "want one axis of indices"},
		{"there is a class", ops.OneHot{}, [][]int{{2}}, "at least one class"},
		{"classes have a size", ops.OneHot{Classes: huge}, [][]int{{2}}, "too many for a tensor"},

		{"a convolution is spatial", ops.Conv{Window: unit, Groups: 1}, [][]int{{1, 1}, {1, 1}}, "want (batch, channels, spatial…)"},
		{"weights have the input's axes", ops.Conv{Window: unit, Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2, 2}}, "as many axes in the weights"},
		{"channels agree", ops.Conv{Window: unit, Groups: 1}, [][]int{{1, 2, 3}, {1, 1, 2}}, "do not divide into 1 groups"},
		{"groups divide", ops.Conv{Window: unit, Groups: 2}, [][]int{{1, 2, 3}, {3, 1, 2}}, "do not divide into 2 groups"},
		{"there is a group", ops.Conv{Window: unit}, [][]int{{1, 1, 3}, {1, 1, 2}}, "do not divide into 0 groups"},
		{"a window has the spatial axes", ops.Conv{Window: square, Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "does not fit 1 spatial axes"},
		{"pads have both ends", ops.Conv{Window: pads(1), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "does not fit 1 spatial axes"},
		{"a window moves", ops.Conv{Window: strides(0), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "must be between 1"},
		{"elements are apart", ops.Conv{Window: dilations(0), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "must be between 1"},
		{"distances do not overflow", ops.Conv{Window: dilations(huge), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 3}}, "must be between 1"},
		{"pads do not crop", ops.Conv{Window: pads(-1, 0), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "pads [-1 0] must be between 0"},
		{"pads do not overflow", ops.Conv{Window: pads(huge, huge), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "must be between 0"},
		{"a kernel fits", ops.Conv{Window: unit, Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 4}}, "larger than the padded input [3]"},
		{"a table has a size", ops.Conv{Window: pads(1<<27, 1<<27), Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 4}},
			"more than this operator supports"},

		{"an adjoint is spatial", ops.ConvInput{Window: unit, Groups: 1}, [][]int{{1, 1}, {1, 1}}, "want (batch, channels, spatial…)"},
		{"an adjoint names its axes", ops.ConvInput{Window: unit, Groups: 1}, [][]int{{1, 1, 3}, {1, 1, 2}}, "as many axes in the weights"},
		{"an adjoint has elements", ops.ConvInput{Window: pads(1, 1), Groups: 1, Spatial: []int{0}}, [][]int{{1, 1, 1}, {1, 1, 2}},
			"must be between 1"},
		{"an adjoint undoes the convolution", ops.ConvInput{Window: unit, Groups: 1, Spatial: []int{3}}, [][]int{{1, 1, 3}, {1, 1, 2}},
			"a gradient of shape (1, 1, 3), but the convolution's output is (1, 1, 2)"},
		{"weights are spatial", ops.ConvWeights{Window: unit, Groups: 1}, [][]int{{1, 1}, {1, 1}}, "want (batch, channels, spatial…)"},
		{"weights have groups", ops.ConvWeights{Window: unit, Groups: 2, Kernel: []int{2}}, [][]int{{1, 3, 3}, {1, 1, 2}}, "in 2 groups"},
		{"batches are one", ops.ConvWeights{Window: unit, Groups: 1, Kernel: []int{2}}, [][]int{{2, 1, 3}, {1, 1, 2}},
			"the convolution's output is (2, 1, 2)"},

		{"a pool has one shape", ops.PoolSelect{Window: unit, Kernel: []int{2}}, [][]int{{1, 1, 3}, {1, 1, 4}},
			"shapes (1, 1, 3) and (1, 1, 4) differ"},
		{"a column is no vector", ops.PoolSelect{Window: unit, Kernel: []int{2}}, [][]int{{3}, {3, 1}}, "shapes (3) and (3, 1) differ"},
		{"a pool is spatial", ops.PoolSelect{Window: unit, Kernel: []int{2}}, [][]int{{1, 3}, {1, 3}}, "want (batch, channels, spatial…)"},
		{"a pool's kernel has elements", ops.PoolSelect{Window: unit, Kernel: []int{0}}, [][]int{{1, 1, 3}, {1, 1, 3}}, "must be between 1"},
		{"a window touches the input", ops.PoolSelect{Window: pads(2, 0), Kernel: []int{2}}, [][]int{{1, 1, 3}, {1, 1, 3}},
			"pads [2 0] must be smaller than the kernel [2]"},
		{"a window does not straddle the input",
			ops.PoolSelect{Window: window(1, func(w *ops.Window) { w.Pads, w.Dilations[0] = []int{1, 1}, 2 }), Kernel: []int{2}},
			[][]int{{1, 1, 1}, {1, 1, 1}}, "holds padding only"},
		{"what is scattered has positions", ops.PoolScatter{Window: unit, Kernel: []int{2}}, [][]int{{1, 1, 3}, {1, 1, 3}},
			"shape (1, 1, 3), but the windows over (1, 1, 3) have (1, 1, 2)"},
		{"scattering is spatial", ops.PoolScatter{Window: unit, Kernel: []int{2}}, [][]int{{3}, {3}}, "want (batch, channels, spatial…)"},
		{"a maximum's number is spatial", ops.PoolArg{Window: unit, Kernel: []int{2}}, [][]int{{3}}, "want (batch, channels, spatial…)"},
		{"a number needs an element", ops.PoolArg{Window: pads(2, 0), Kernel: []int{2}}, [][]int{{1, 1, 3}}, "pads [2 0] must be smaller"},
		{"a sum is spatial", ops.PoolSum{Window: unit, Kernel: []int{2}}, [][]int{{1, 3}}, "want (batch, channels, spatial…)"},
		{"a sum's kernel fits", ops.PoolSum{Window: unit, Kernel: []int{4}}, [][]int{{1, 1, 3}}, "larger than the padded input"},
		{"what is spread has positions", ops.PoolSpread{Window: unit, Kernel: []int{2}, Spatial: []int{3}}, [][]int{{1, 1, 3}},
			"shape (1, 1, 3), but the windows over (1, 1, 3) have (1, 1, 2)"},
		{"spreading is spatial", ops.PoolSpread{Window: unit, Kernel: []int{2}, Spatial: []int{3}}, [][]int{{3}},
			"want (batch, channels, positions…)"},
		{"spreading has elements", ops.PoolSpread{Window: unit, Kernel: []int{1}, Spatial: []int{0}}, [][]int{{1, 1, 1}}, "must be between 1"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			refused(t, ops.Apply(c.op, variables(gorgonia.NewGraph(), c.in)...), c.want)
		})
	}
}

func TestOperatorsRefuseAnotherNumberOfInputs(t *testing.T) {
	for _, c := range operatorCases() {
		in := variables(gorgonia.NewGraph(), append(slices.Clone(c.in), []int{}))
		want := fmt.Sprintf("inputs, want %d", len(c.in))
		refused(t, ops.Apply(c.op, in...), want)
		if len(c.in) > 1 {
			refused(t, ops.Apply(c.op, in[:1]...), want)
		}
	}
}

func TestExpressionsRefuseWhatIsNoOperand(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Input(g, "x", array.Float64, 3)
	failure := x.MatMul(x)
	for _, c := range []struct {
		rule string
		got  ops.Expr
		want string
	}{
		{"an operand is present", x.Add(ops.Expr{}), "Binary{Func:add}: input 1 is missing"},
		{"an absent part is missing", ops.Concatenate(0, x, ops.Expr{}), "Concat{Axis:0 Inputs:2}: input 1 is missing"},
		{"a product has its axes", x.ReduceProd(false, 1), "a product: axis 1 is not an axis of shape (3)"},
		{"a product needs an operand", ops.Expr{}.ReduceProd(false), "input 0 is missing"},
		{"a failed product stays the first failure", failure.ReduceProd(true, 0), failure.Err().Error()},
		{"narrowing has its axis", x.Narrow(1, 0, 1), "axis 1 is not an axis of shape (3)"},
		{"narrowing needs an operand", ops.Expr{}.Narrow(0, 0, 1), "input 0 is missing"},
		{"narrowing stays inside", x.Narrow(0, 2, 4), "axis 0: 2 elements from 2 with step 1 are not in the 3"},
		{"a failure stays the first one", x.Add(failure).Sum(false).Exp(), failure.Err().Error()},
		{"operands have one precision", x.Add(ops.Input(g, "single", array.Float32, 3)), "input 1 is float32, the first is float64"},
		{"operands are floating-point numbers", ops.FromNode(gorgonia.NewVector(g, gorgonia.Int, gorgonia.WithName("index"), gorgonia.WithShape(3))).Exp(),
			"input 0 is int, want float32 or float64"},
		{"operands share a graph", x.Add(ops.Input(gorgonia.NewGraph(), "y", array.Float64, 3)), "input 1 does not belong to the graph of the first"},
		{"a constant needs a graph", ops.FromNode(gorgonia.NewConstant(2.0)).Exp(), "input 0 does not belong to"},
		{"names are unique", ops.Input(g, "x", array.Float64, 2), `already has an input "x"`},
		{"names are not empty", ops.Input(g, "", array.Float64, 2), "an input has no name"},
		{"inputs have elements", ops.Input(g, "none", array.Float64, 2, 0), `input "none": a tensor of shape (2, 0) has no elements`},
	} {
		t.Run(c.rule, func(t *testing.T) { refused(t, c.got, c.want) })
	}
}

// variables are inputs of a graph that have these shapes.
func variables(g *gorgonia.ExprGraph, shapes [][]int) []ops.Expr {
	in := make([]ops.Expr, len(shapes))
	for i, shape := range shapes {
		in[i] = ops.Input(g, fmt.Sprint("x", i), array.Float64, shape...)
	}
	return in
}

func refused(t *testing.T, got ops.Expr, want string) {
	t.Helper()
	switch {
	case got.Err() == nil:
		t.Errorf("%v is accepted with shape %v, want the error %q", reflect.TypeOf(ops.Of(got.Node())), got.Shape(), want)
	case !strings.Contains(got.Err().Error(), want):
		t.Errorf("error %q, want %q", got.Err(), want)
	case got.Node() != nil || got.Absent():
		t.Errorf("the failure %q has a node or is absent", got.Err())
	}
}
