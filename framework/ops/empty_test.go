package ops_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/tensor"
)

// emptyCases are operators on tensors without elements. No graph has these, but the constants of a file may.
func emptyCases() []operatorCase {
	return []operatorCase{
		{ops.Unary{Func: ops.Exp}, [][]int{{0, 2}}, []int{0, 2}, unary(nil), signed},
		{ops.Binary{Func: ops.Add}, [][]int{{2, 0}, {2, 1}}, []int{2, 0}, binary(nil), signed},
		{ops.Binary{Func: ops.Add}, [][]int{{}, {0}}, []int{0}, binary(nil), signed},
		{ops.Where{}, [][]int{{0, 1}, {1, 3}, {}}, []int{0, 3}, each(choose), signed},
		{ops.Expand{Dims: []int{0, 2}}, [][]int{{1, 2}}, []int{0, 2}, each(nil), signed},
		{ops.Expand{Dims: []int{3, 0}}, [][]int{{0}}, []int{3, 0}, each(nil), signed},
		{ops.Reshape{Dims: []int{3, 0}}, [][]int{{0, 2}}, []int{3, 0}, each(nil), signed},
		{ops.Transpose{Perm: []int{1, 0}}, [][]int{{0, 2}}, []int{2, 0}, each(nil), signed},
		{ops.ReduceSum{Axes: []int{0}}, [][]int{{0, 2}}, []int{2}, sumOver(0), signed},
		{ops.ReduceSum{Axes: []int{0, 1}, Keep: true}, [][]int{{3, 0}}, []int{1, 1}, sumOver(0, 1), signed},
		{ops.ReduceSum{Axes: []int{0}}, [][]int{{2, 0}}, []int{0}, sumOver(0), signed},
		{ops.Concat{Axis: 0, Inputs: 3}, [][]int{{0, 2}, {3, 2}, {0, 2}}, []int{3, 2}, joined(0), signed},
		{ops.Concat{Axis: 1, Inputs: 2}, [][]int{{2, 0}, {2, 3}}, []int{2, 3}, joined(1), signed},
		{ops.Concat{Axis: 0, Inputs: 2}, [][]int{{2, 0}, {1, 0}}, []int{3, 0}, joined(0), signed},
		{ops.Slice{Start: []int{4, 0}, Step: []int{1, 1}, Size: []int{0, 2}}, [][]int{{3, 2}}, []int{0, 2}, each(nil), signed},
		{ops.Slice{Start: []int{0}, Step: []int{-1}, Size: []int{0}}, [][]int{{0}}, []int{0}, each(nil), signed},
		{ops.Place{Start: []int{0, 0}, Step: []int{1, 1}, Dims: []int{2, 3}, Fill: 7}, [][]int{{0, 3}}, []int{2, 3},
			placed([]int{0, 0}, []int{1, 1}, 7), signed},
		{ops.Place{Start: []int{0}, Step: []int{1}, Dims: []int{0}}, [][]int{{0}}, []int{0}, each(nil), signed},
		{ops.ReduceMax{Axes: []int{1}}, [][]int{{0, 2}}, []int{0}, each(nil), signed},
		{ops.ArgMax{Axis: 1}, [][]int{{0, 2}}, []int{0}, each(nil), signed},
		{ops.Order{Axis: 1}, [][]int{{2, 0}}, []int{2, 0}, each(nil), signed},
		{ops.MatMul{}, [][]int{{2, 0}, {0, 3}}, []int{2, 3}, product(false, false), signed},
		{ops.Gather{Axis: 0}, [][]int{{3, 2}, {0}}, []int{0, 2}, each(nil), signed},
		{ops.Gather{Axis: 1}, [][]int{{0, 2}, {3}}, []int{0, 3}, each(nil), signed},
		{ops.ScatterAdd{Axis: 0, Size: 2}, [][]int{{0, 3}, {0}}, []int{2, 3}, addedSlices(0), signed},
		{ops.GatherElements{Axis: 0}, [][]int{{3, 2}, {0, 2}}, []int{0, 2}, each(nil), signed},
		{ops.ScatterAddElements{Axis: 0, Dims: []int{2, 3}}, [][]int{{0, 3}, {0, 3}}, []int{2, 3}, addedElements(0), signed},
	}
}

func TestOperatorsTakeEmptyTensors(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, c := range emptyCases() {
		t.Run(c.String(), func(t *testing.T) {
			shapes := make([]tensor.Shape, len(c.in))
			in := make([]ops.Tensor[float64], len(c.in))
			arrays := make([]ndarray, len(c.in))
			for i, shape := range c.in {
				arrays[i] = ndarray{shape, c.draw(r, i)}
				shapes[i], in[i] = shape, ops.Tensor[float64]{Shape: shape, Data: arrays[i].data}
			}
			shape, err := c.op.Shape(shapes...)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(shape, c.out) {
				t.Fatalf("the output has shape %v, want %v", shape, c.out)
			}
			out := ops.Tensor[float64]{Shape: shape, Data: slices.Repeat([]float64{nan}, size(shape))}
			c.op.Eval64(out, in...)
			identical(t, "value", out.Data, c.oracle(c.out, arrays...))
		})
	}
}

func TestShapesRefuseToReadFromNothing(t *testing.T) {
	for _, c := range []struct {
		rule string
		op   ops.Operator
		in   []tensor.Shape
		want string
	}{
		{"nothing has no maximum", ops.ReduceMax{Axes: []int{0}}, []tensor.Shape{{0, 2}}, "shape (0, 2): there is no maximum of nothing"},
		{"nothing has no index of a maximum", ops.ArgMax{}, []tensor.Shape{{0, 2}}, "shape (0, 2): there is no maximum of nothing"},
		{"nothing is gathered from", ops.Gather{Axis: 1}, []tensor.Shape{{2, 0}, {3}}, "indices of shape (3) into an axis of size 0"},
		{"nothing is scattered to", ops.ScatterAdd{}, []tensor.Shape{{3}, {3}}, "indices of shape (3) into an axis of size 0"},
		{"no element is gathered from", ops.GatherElements{}, []tensor.Shape{{0}, {3}}, "indices of shape (3) into an axis of size 0"},
		{"no element is scattered to", ops.ScatterAddElements{Dims: []int{0}}, []tensor.Shape{{3}, {3}}, "indices of shape (3) into an axis of size 0"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if shape, err := c.op.Shape(c.in...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("shape %v, error %v, want %q", shape, err, c.want)
			}
		})
	}
}

func TestProductsOfConstantsAreKnown(t *testing.T) {
	six := ops.Constant([]int{2, 3}, []float64{1, 2, 3, 4, 5, 6})
	for _, c := range []struct {
		rule    string
		product ops.Expr
		shape   []int
		want    []float64
	}{
		{"of all elements", six.ReduceProd(false), []int{}, []float64{720}},
		{"along an axis", six.ReduceProd(true, 1), []int{2, 1}, []float64{6, 120}},
		{"of no element", ops.Constant([]int{2, 0}, nil).ReduceProd(false, 1), []int{2}, []float64{1, 1}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, known := c.product.Known()
			if !known || !slices.Equal(got, c.want) || !slices.Equal([]int(c.product.Shape()), c.shape) {
				t.Errorf("the product is %v of shape %v (%v), want %v of shape %v", got, c.product.Shape(), c.product.Err(), c.want, c.shape)
			}
		})
	}
}
