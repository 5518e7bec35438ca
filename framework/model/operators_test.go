package model

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"gorgonia.org/gorgonia"
)

// The examples are worked out by hand from the operators' definitions in ONNX's Operators.md and Changelog.md; the backend tests of
// the collection are all of recent opsets.
func TestOperatorsFollowTheirOpset(t *testing.T) {
	six := floats([]int64{2, 3}, 1, 2, 3, 4, 5, 6)
	cube := floats([]int64{1, 2, 2}, logs(1, 2, 3, 4)...)
	row, column := floats([]int64{2}, 10, 20), floats([]int64{3}, 1, 0, -1)
	line := floats([]int64{1, 1, 4}, 1, 3, 2, 4)
	sixteen := floats([]int64{4, 4}, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)

	for _, c := range []struct {
		rule       string
		opset      int64
		operator   string
		inputs     []*onnx.Tensor
		attributes []*onnx.Attribute
		want       *onnx.Tensor
	}{
		{"ReduceSum reduces the axes of its attribute before opset 13", 11, "ReduceSum",
			list(six), attrs(onnx.IntsAttr("axes", -1)), floats([]int64{2, 1}, 6, 15)},
		{"ReduceSum reduces the axes of its input from opset 13", 13, "ReduceSum",
			list(six, ints(0)), attrs(onnx.IntAttr("keepdims", 0)), floats([]int64{3}, 5, 7, 9)},
		{"ReduceSum without axes reduces all", 13, "ReduceSum",
			list(six), nil, floats([]int64{1, 1}, 21)},
		{"ReduceSum with an empty list of axes reduces all", 13, "ReduceSum",
			list(six, ints()), attrs(onnx.IntAttr("keepdims", 0)), floats(nil, 21)},
		{"ReduceSum without axes reduces none if noop_with_empty_axes is set", 13, "ReduceSum",
			list(six), attrs(onnx.IntAttr("noop_with_empty_axes", 1)), six},
		{"ReduceLogSumExp of zeros only is zero, as logarithms", 13, "ReduceLogSumExp",
			list(floats([]int64{2}, float32(math.Inf(-1)), float32(math.Inf(-1)))), attrs(onnx.IntAttr("keepdims", 0)), floats(nil, float32(math.Inf(-1)))},
		{"ReduceMean takes an attribute before opset 18", 17, "ReduceMean",
			list(six), attrs(onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0)), floats([]int64{2}, 2, 5)},
		{"ReduceMean takes an input from opset 18", 18, "ReduceMean",
			list(six, ints(1, 0)), nil, floats([]int64{1, 1}, 3.5)},

		{"Softmax joins all axes from the first on before opset 13", 11, "Softmax",
			list(cube), attrs(onnx.IntAttr("axis", 1)), floats([]int64{1, 2, 2}, 0.1, 0.2, 0.3, 0.4)},
		{"Softmax has axis 1 by default before opset 13", 12, "Softmax",
			list(cube), nil, floats([]int64{1, 2, 2}, 0.1, 0.2, 0.3, 0.4)},
		{"Softmax works along one axis from opset 13", 13, "Softmax",
			list(cube), attrs(onnx.IntAttr("axis", 1)), floats([]int64{1, 2, 2}, 1./4, 2./6, 3./4, 4./6)},
		{"Softmax has the last axis by default from opset 13", 13, "Softmax",
			list(cube), nil, floats([]int64{1, 2, 2}, 1./3, 2./3, 3./7, 4./7)},
		{"LogSoftmax joins axes before opset 13", 11, "LogSoftmax",
			list(cube), nil, floats([]int64{1, 2, 2}, logs(0.1, 0.2, 0.3, 0.4)...)},
		{"LogSoftmax works along one axis from opset 13", 13, "LogSoftmax",
			list(cube), attrs(onnx.IntAttr("axis", -2)), floats([]int64{1, 2, 2}, logs(1./4, 2./6, 3./4, 4./6)...)},

		{"Reshape copies a dimension for 0 and infers one for −1", 13, "Reshape",
			list(six, ints(0, -1, 1)), nil, floats([]int64{2, 3, 1}, 1, 2, 3, 4, 5, 6)},
		{"Reshape to no dimensions makes a scalar", 13, "Reshape",
			list(floats([]int64{1, 1}, 7), ints()), nil, floats(nil, 7)},
		{"Reshape without allowzero copies from opset 14 on too", 14, "Reshape",
			list(six, ints(3, 2)), attrs(onnx.IntAttr("allowzero", 0)), floats([]int64{3, 2}, 1, 2, 3, 4, 5, 6)},
		{"Flatten counts a negative axis from the end", 13, "Flatten",
			list(floats([]int64{1, 2, 1, 2}, 1, 2, 3, 4)), attrs(onnx.IntAttr("axis", -2)), floats([]int64{2, 2}, 1, 2, 3, 4)},
		{"Flatten at axis 0 makes one row", 11, "Flatten",
			list(six), attrs(onnx.IntAttr("axis", 0)), floats([]int64{1, 6}, 1, 2, 3, 4, 5, 6)},
		{"Flatten behind the last axis makes one column", 11, "Flatten",
			list(row), nil, floats([]int64{2, 1}, 10, 20)},
		{"Transpose reverses the axes by default", 13, "Transpose",
			list(six), nil, floats([]int64{3, 2}, 1, 4, 2, 5, 3, 6)},
		{"Squeeze takes an attribute before opset 13", 11, "Squeeze",
			list(floats([]int64{1, 2, 1}, 1, 2)), attrs(onnx.IntsAttr("axes", -1)), floats([]int64{1, 2}, 1, 2)},
		{"Squeeze takes an input from opset 13", 13, "Squeeze",
			list(floats([]int64{1, 2, 1}, 1, 2), ints(0)), nil, floats([]int64{2, 1}, 1, 2)},
		{"Squeeze without axes drops all of size one", 13, "Squeeze",
			list(floats([]int64{1, 2, 1}, 1, 2)), nil, floats([]int64{2}, 1, 2)},
		{"Unsqueeze takes an attribute before opset 13", 11, "Unsqueeze",
			list(row), attrs(onnx.IntsAttr("axes", 0, -1)), floats([]int64{1, 2, 1}, 10, 20)},
		{"Unsqueeze takes an input from opset 13", 13, "Unsqueeze",
			list(row, ints(1)), nil, floats([]int64{2, 1}, 10, 20)},
		{"Expand keeps a dimension that is larger than asked for", 13, "Expand",
			list(column, ints(2, 1)), nil, floats([]int64{2, 3}, 1, 0, -1, 1, 0, -1)},

		{"Gemm multiplies", 13, "Gemm",
			list(six, floats([]int64{3, 1}, 1, 0, -1)), nil, floats([]int64{2, 1}, -2, -2)},
		{"Gemm transposes A and B", 13, "Gemm",
			list(six, floats([]int64{1, 2}, 1, 2)), attrs(onnx.IntAttr("transA", 1), onnx.IntAttr("transB", 1)),
			floats([]int64{3, 1}, 9, 12, 15)},
		{"Gemm scales the product by alpha and C by beta", 13, "Gemm",
			list(six, floats([]int64{3, 1}, 1, 0, -1), scalar(3)), attrs(onnx.FloatAttr("alpha", 0.5), onnx.FloatAttr("beta", 2)),
			floats([]int64{2, 1}, 5, 5)},
		{"Gemm repeats a C with one axis in every row", 11, "Gemm",
			list(floats([]int64{2, 1}, 1, 2), floats([]int64{1, 2}, 1, 1), row), nil, floats([]int64{2, 2}, 11, 21, 12, 22)},
		{"Gemm repeats a C with one column", 11, "Gemm",
			list(floats([]int64{2, 1}, 1, 2), floats([]int64{1, 2}, 1, 1), floats([]int64{2, 1}, 10, 20)), nil,
			floats([]int64{2, 2}, 11, 11, 22, 22)},
		{"MatMul with a vector on the right drops its axis", 13, "MatMul",
			list(six, column), nil, floats([]int64{2}, -2, -2)},
		{"MatMul with a vector on the left drops its axis", 13, "MatMul",
			list(floats([]int64{2}, 1, 2), six), nil, floats([]int64{3}, 9, 12, 15)},
		{"MatMul of vectors is a scalar", 13, "MatMul",
			list(column, column), nil, floats(nil, 2)},
		{"MatMul of constants with a vector on the left drops its axis", 13, "MatMul",
			list(ints(1, 2), onnx.NewInt64Tensor("", []int64{2, 3}, []int64{1, 2, 3, 4, 5, 6})), nil, ints(9, 12, 15)},
		{"MatMul repeats matrices", 13, "MatMul",
			list(floats([]int64{2, 1, 1}, 1, 2), floats([]int64{1, 2}, 3, 4)), nil, floats([]int64{2, 1, 2}, 3, 4, 6, 8)},
		{"MatMul with a vector on the left drops it from a stack of matrices", 13, "MatMul",
			list(floats([]int64{1}, 2), floats([]int64{2, 1, 2}, 1, 2, 3, 4)), nil, floats([]int64{2, 2}, 2, 4, 6, 8)},

		{"Conv slides without padding by default", 11, "Conv",
			list(line, floats([]int64{1, 1, 2}, 1, -1)), nil, floats([]int64{1, 1, 3}, -2, 1, -2)},
		{"Conv pads the end first with SAME_UPPER", 11, "Conv",
			list(line, floats([]int64{1, 1, 2}, 1, -1)), attrs(onnx.StringAttr("auto_pad", "SAME_UPPER")),
			floats([]int64{1, 1, 4}, -2, 1, -2, 4)},
		{"Conv pads the beginning first with SAME_LOWER", 11, "Conv",
			list(line, floats([]int64{1, 1, 2}, 1, -1)), attrs(onnx.StringAttr("auto_pad", "SAME_LOWER")),
			floats([]int64{1, 1, 4}, -1, -2, 1, -2)},
		{"Conv with SAME_UPPER has one position for each stride", 11, "Conv",
			list(line, floats([]int64{1, 1, 3}, 1, 1, 1)), attrs(onnx.StringAttr("auto_pad", "SAME_UPPER"), onnx.IntsAttr("strides", 2)),
			floats([]int64{1, 1, 2}, 6, 6)},
		{"Conv does not pad with VALID", 11, "Conv",
			list(line, floats([]int64{1, 1, 2}, 1, -1)), attrs(onnx.StringAttr("auto_pad", "VALID")),
			floats([]int64{1, 1, 3}, -2, 1, -2)},
		{"Conv adds its bias to every position", 11, "Conv",
			list(line, floats([]int64{2, 1, 4}, 1, 0, 0, 0, 0, 0, 0, 1), row), nil, floats([]int64{1, 2, 1}, 11, 24)},
		{"Conv dilates, pads and groups", 11, "Conv",
			list(floats([]int64{1, 2, 2}, 1, 2, 3, 4), floats([]int64{2, 1, 2}, 1, 10, 1, 100)),
			attrs(onnx.IntAttr("group", 2), onnx.IntsAttr("dilations", 2), onnx.IntsAttr("pads", 1, 1)),
			floats([]int64{1, 2, 2}, 20, 1, 400, 3)},
		{"MaxPool rounds down by default", 11, "MaxPool",
			list(line), attrs(onnx.IntsAttr("kernel_shape", 3), onnx.IntsAttr("strides", 2)), floats([]int64{1, 1, 1}, 3)},
		{"MaxPool rounds up with ceil_mode", 11, "MaxPool",
			list(line), attrs(onnx.IntsAttr("kernel_shape", 3), onnx.IntsAttr("strides", 2), onnx.IntAttr("ceil_mode", 1)),
			floats([]int64{1, 1, 2}, 3, 4)},
		{"MaxPool has strides of one by default", 8, "MaxPool",
			list(line), attrs(onnx.IntsAttr("kernel_shape", 2)), floats([]int64{1, 1, 3}, 3, 3, 4)},
		{"GlobalAveragePool keeps its axes", 13, "GlobalAveragePool",
			list(line), nil, floats([]int64{1, 1, 1}, 2.5)},

		{"Pow with a constant exponent", 13, "Pow", list(column, scalar(-1)), nil, floats([]int64{3}, 1, float32(math.Inf(1)), -1)},
		{"Pow cubes", 13, "Pow", list(column, scalar(3)), nil, column},
		{"Pow takes the inverse of a root", 13, "Pow", list(floats(nil, 4), scalar(-0.5)), nil, floats(nil, 0.5)},
		{"Reciprocal", 13, "Reciprocal", list(floats(nil, 4)), nil, floats(nil, 0.25)},
		{"Dropout is the identity before opset 12", 11, "Dropout", list(six), attrs(onnx.FloatAttr("ratio", 0.5)), six},
		{"Dropout is the identity where training_mode is omitted", 13, "Dropout", list(six, scalar(0.5)), nil, six},
		{"Dropout is the identity with ratio 0", 13, "Dropout", list(six, scalar(0), ints(1)), nil, six},
		{"Cast to another precision does nothing", 13, "Cast", list(six), attrs(onnx.IntAttr("to", int64(onnx.Double))), six},
		{"Cast to another type of integers keeps them", 13, "Cast",
			list(ints(-7)), attrs(onnx.IntAttr("to", int64(onnx.Int32))), ints(-7)},

		{"Shape has start and end from opset 15", 15, "Shape",
			list(six), attrs(onnx.IntAttr("start", -1), onnx.IntAttr("end", 9)), ints(3)},
		{"Slice takes attributes before opset 10", 9, "Slice",
			list(ints(5, 6, 7)), attrs(onnx.IntsAttr("starts", 1), onnx.IntsAttr("ends", math.MaxInt32)), ints(6, 7)},
		{"Slice goes on to the end before opset 10, however far that is said to be", 9, "Slice",
			list(ints(5, 6, 7)), attrs(onnx.IntsAttr("starts", math.MinInt64), onnx.IntsAttr("ends", math.MaxInt64)), ints(5, 6, 7)},
		{"Shape may end beyond the last dimension, however far", 15, "Shape", list(six), attrs(onnx.IntAttr("end", math.MaxInt64)), ints(2, 3)},
		{"Slice takes inputs from opset 10", 10, "Slice", list(ints(5, 6, 7), ints(-2), ints(math.MaxInt64)), nil, ints(6, 7)},
		{"Slice takes steps", 13, "Slice", list(ints(5, 6, 7), ints(0), ints(3), ints(0), ints(2)), nil, ints(5, 7)},
		{"Slice may be empty", 13, "Slice", list(ints(5, 6, 7), ints(2), ints(1)), nil, ints()},
		{"Gather counts a negative index from the end", 13, "Gather", list(ints(5, 6, 7), ints(-1, 0)), nil, ints(7, 5)},
		{"Concat joins", 13, "Concat", list(ints(5), ints(), ints(6, 7)), attrs(onnx.IntAttr("axis", 0)), ints(5, 6, 7)},
		{"integer division rounds toward zero", 13, "Div", list(ints(-7, 7), ints(2)), nil, ints(-3, 3)},
		{"an integer to a negative power rounds toward zero", 13, "Pow", list(ints(1, 2, -4), ints(-1)), nil, ints(1, 0, 0)},
		{"OneHot leaves a negative class out before opset 11", 9, "OneHot",
			list(ints(-1, 1), ints(2), ints(5, 7)), nil, onnx.NewInt64Tensor("", []int64{2, 2}, []int64{5, 5, 5, 7})},
		{"OneHot counts a negative class from the end from opset 11", 11, "OneHot",
			list(ints(-1, 1), ints(2), ints(5, 7)), nil, onnx.NewInt64Tensor("", []int64{2, 2}, []int64{5, 7, 5, 7})},
		{"ConstantOfShape repeats zero by default", 13, "ConstantOfShape", list(ints(2)), nil, floats([]int64{2}, 0, 0)},
		{"ConstantOfShape repeats its value", 13, "ConstantOfShape",
			list(ints(2)), attrs(onnx.TensorAttr("value", ints(3))), ints(3, 3)},
		{"Where chooses", 13, "Where", list(ints(1, 0), ints(5, 6), ints(7, 8)), nil, ints(5, 8)},
		{"Equal compares", 13, "Equal", list(ints(5, 6), ints(5)), nil, ints(1, 0)},

		{"Resize of opset 10 is asymmetric and takes the element below when it grows", 10, "Resize",
			list(row, floats([]int64{1}, 2)), nil, floats([]int64{4}, 10, 10, 20, 20)},
		{"Resize of opset 10 takes the element above when it shrinks", 10, "Resize",
			list(floats([]int64{4}, 1, 2, 3, 4), floats([]int64{1}, 0.6)), nil, floats([]int64{2}, 1, 3)},
		{"Resize of opset 10 interpolates without half pixels", 10, "Resize",
			list(row, floats([]int64{1}, 2)), attrs(onnx.StringAttr("mode", "linear")), floats([]int64{4}, 10, 15, 20, 20)},
		{"Resize has half pixels by default from opset 11", 11, "Resize",
			list(row, none, floats([]int64{1}, 2)), attrs(onnx.StringAttr("mode", "linear")), floats([]int64{4}, 10, 12.5, 17.5, 20)},
		{"Resize with empty scales takes the sizes", 11, "Resize",
			list(row, none, floats([]int64{0}), ints(3)),
			attrs(onnx.StringAttr("mode", "linear"), onnx.StringAttr("coordinate_transformation_mode", "align_corners")),
			floats([]int64{3}, 10, 15, 20)},
		{"Resize rounds a new length as float32", 13, "Resize",
			list(floats([]int64{10}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), none, floats([]int64{1}, 0.7)),
			attrs(onnx.StringAttr("nearest_mode", "floor"), onnx.StringAttr("coordinate_transformation_mode", "asymmetric")),
			floats([]int64{7}, 0, 1, 2, 4, 5, 7, 8)},
		{"Resize to one element takes the first with pytorch_half_pixel", 13, "Resize",
			list(row, none, none, ints(1)),
			attrs(onnx.StringAttr("mode", "linear"), onnx.StringAttr("coordinate_transformation_mode", "pytorch_half_pixel")),
			floats([]int64{1}, 10)},
		{"Resize takes axes from opset 18", 18, "Resize",
			list(six, none, floats([]int64{1}, 2)), attrs(onnx.IntsAttr("axes", -2)),
			floats([]int64{4, 3}, 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6)},
		{"Resize keeps the aspect ratio and is not larger", 18, "Resize",
			list(six, none, none, ints(4, 9)), attrs(onnx.StringAttr("keep_aspect_ratio_policy", "not_larger")),
			floats([]int64{4, 6}, 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6)},
		{"Resize keeps the aspect ratio and is not smaller", 18, "Resize",
			list(six, none, none, ints(1, 6)), attrs(onnx.StringAttr("keep_aspect_ratio_policy", "not_smaller")),
			floats([]int64{4, 6}, 1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 4, 4, 5, 5, 6, 6)},
		{"Resize widens a linear kernel against aliasing", 18, "Resize",
			list(floats([]int64{4}, 1, 2, 3, 4), none, floats([]int64{1}, 0.5)),
			attrs(onnx.StringAttr("mode", "linear"), onnx.IntAttr("antialias", 1)), floats([]int64{2}, 1.625, 3.375)},
		{"Resize widens a cubic kernel against aliasing", 18, "Resize",
			list(sixteen, none, floats([]int64{2}, 0.6, 0.6)),
			attrs(onnx.StringAttr("mode", "cubic"), onnx.IntAttr("antialias", 1)),
			floats([]int64{2, 2}, 2.5180721, 4.2858863, 9.589329, 11.357142)},
		{"Resize gives no weight to what is outside", 13, "Resize",
			list(row, none, floats([]int64{1}, 2)),
			attrs(onnx.StringAttr("mode", "cubic"), onnx.IntAttr("exclude_outside", 1)),
			floats([]int64{4}, 8.636364, 12.29452, 17.70548, 21.363636)},
		{"Resize keeps half_pixel_symmetric in the middle", 19, "Resize",
			list(floats([]int64{4}, 1, 2, 3, 4), none, floats([]int64{1}, 0.6)),
			attrs(onnx.StringAttr("mode", "linear"), onnx.StringAttr("coordinate_transformation_mode", "half_pixel_symmetric")),
			floats([]int64{2}, 1.6666667, 3.3333333)},
		{"Upsample has its scales as an attribute before opset 9", 7, "Upsample",
			list(row), attrs(onnx.FloatsAttr("scales", 2)), floats([]int64{4}, 10, 10, 20, 20)},
		{"Upsample has its scales as an input from opset 9", 9, "Upsample",
			list(row, floats([]int64{1}, 2)), attrs(onnx.StringAttr("mode", "linear")), floats([]int64{4}, 10, 15, 20, 20)},

		{"Einsum orders the letters of an implicit output", 12, "Einsum",
			list(six), attrs(onnx.StringAttr("equation", "ba")), floats([]int64{3, 2}, 1, 4, 2, 5, 3, 6)},
		{"Einsum puts an ellipsis first in an implicit output", 12, "Einsum",
			list(six, column), attrs(onnx.StringAttr("equation", "... j, j")), floats([]int64{2}, -2, -2)},
		{"Einsum takes the diagonal of three equal letters", 12, "Einsum",
			list(floats([]int64{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)), attrs(onnx.StringAttr("equation", "iii->i")), floats([]int64{2}, 1, 8)},
		{"Einsum sums a diagonal", 12, "Einsum",
			list(floats([]int64{2, 2}, 1, 2, 3, 4)), attrs(onnx.StringAttr("equation", "ii")), floats(nil, 5)},
		{"Einsum keeps a diagonal among other axes", 12, "Einsum",
			list(floats([]int64{2, 2, 2}, 1, 2, 3, 4, 5, 6, 7, 8)), attrs(onnx.StringAttr("equation", "iji->ji")),
			floats([]int64{2, 2}, 1, 6, 3, 8)},
		{"Einsum multiplies without a common letter", 12, "Einsum",
			list(row, column), attrs(onnx.StringAttr("equation", "i,j->ji")), floats([]int64{3, 2}, 10, 20, 0, 0, -10, -20)},
		{"Einsum multiplies three operands", 12, "Einsum",
			list(row, six, column), attrs(onnx.StringAttr("equation", "i,ij,j->")), floats(nil, -60)},
		{"Einsum sums a letter of one operand", 12, "Einsum",
			list(six, row), attrs(onnx.StringAttr("equation", "ij,k->k")), floats([]int64{2}, 210, 420)},
		{"Einsum broadcasts ellipses of different lengths", 12, "Einsum",
			list(cube, row), attrs(onnx.StringAttr("equation", "...ij,...j->i...")),
			floats([]int64{2, 1}, float32(20*math.Ln2), float32(10*math.Log(3)+20*math.Log(4)))},
		{"Einsum broadcasts axes of size one", 12, "Einsum",
			list(floats([]int64{2, 1}, 1, 2), six), attrs(onnx.StringAttr("equation", "ij,ij->i")), floats([]int64{2}, 6, 30)},

		{"NegativeLogLikelihoodLoss is a mean over the weights by default", 12, "NegativeLogLikelihoodLoss",
			list(six, ints(2, 0), floats([]int64{3}, 1, 5, 3)), nil, floats(nil, -13./4)},
		{"NegativeLogLikelihoodLoss leaves out what it ignores, whatever number marks it", 13, "NegativeLogLikelihoodLoss",
			list(six, ints(-100, 1)), attrs(onnx.IntAttr("ignore_index", -100)), floats(nil, -5)},
		{"SoftmaxCrossEntropyLoss takes scores", 12, "SoftmaxCrossEntropyLoss",
			list(floats([]int64{1, 2, 2}, logs(1, 2, 3, 2)...), onnx.NewInt64Tensor("", []int64{1, 2}, []int64{1, 0})),
			attrs(onnx.StringAttr("reduction", "none")), floats([]int64{1, 2}, logs(4./3, 2)...)},

		{"Add repeats nothing before opset 7 unless it is told to", 6, "Add", list(row, row), nil, floats([]int64{2}, 20, 40)},
		{"Sub repeats its second operand along the last axes before opset 7", 6, "Sub",
			list(six, column), attrs(onnx.IntAttr("broadcast", 1)), floats([]int64{2, 3}, 0, 2, 4, 3, 5, 7)},
		{"Mul repeats its second operand from an axis on before opset 7", 6, "Mul",
			list(six, row), attrs(onnx.IntAttr("broadcast", 1), onnx.IntAttr("axis", 0)), floats([]int64{2, 3}, 10, 20, 30, 80, 100, 120)},
		{"Pow broadcasts a scalar before opset 7", 6, "Pow",
			list(row, scalar(2)), attrs(onnx.IntAttr("broadcast", 1)), floats([]int64{2}, 100, 400)},
		{"Less broadcasts before opset 7", 6, "Less",
			list(ints(1, 5), onnx.NewInt64Tensor("", nil, []int64{3})), attrs(onnx.IntAttr("broadcast", 1)), ints(1, 0)},
		{"Gemm needs no broadcast to repeat C before opset 7", 6, "Gemm",
			list(six, floats([]int64{3, 1}, 1, 0, -1), scalar(3)), attrs(onnx.IntAttr("broadcast", 1)), floats([]int64{2, 1}, 1, 1)},
		{"PRelu has a slope for each channel before opset 7", 6, "PRelu",
			list(floats([]int64{1, 2, 2}, -1, 2, -3, -4), row), nil, floats([]int64{1, 2, 2}, -10, 2, -60, -80)},
		{"BatchNormalization takes the running statistics for is_test before opset 7", 6, "BatchNormalization",
			list(floats([]int64{2, 1}, 1, 3), perChannel(2), perChannel(1), perChannel(1), perChannel(4)),
			attrs(onnx.IntAttr("is_test", 1), onnx.FloatAttr("epsilon", 0)), floats([]int64{2, 1}, 1, 3)},
		{"BatchNormalization takes the batch's statistics without is_test before opset 7", 6, "BatchNormalization",
			list(floats([]int64{2, 1}, 1, 3), perChannel(2), perChannel(1), perChannel(1), perChannel(4)),
			attrs(onnx.FloatAttr("epsilon", 0)), floats([]int64{2, 1}, -1, 3)},
		{"Dropout is the identity for is_test before opset 7", 6, "Dropout", list(six), attrs(onnx.IntAttr("is_test", 1)), six},
		{"Upsample has two scales as attributes before opset 7", 6, "Upsample",
			list(floats([]int64{1, 1, 1, 2}, 1, 2)), attrs(onnx.FloatAttr("height_scale", 2), onnx.FloatAttr("width_scale", 1)),
			floats([]int64{1, 1, 2, 2}, 1, 2, 1, 2)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := evaluate(t, single(c.opset, c.operator, c.inputs, c.attributes), "y")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, expected(t, c.want))
		})
	}
}

// single is a graph of one operator, whose inputs are initializers.
func single(opset int64, operator string, inputs []*onnx.Tensor, attributes []*onnx.Attribute) *onnx.Model {
	node := &onnx.Node{OpType: operator, Outputs: []string{"y"}, Attributes: attributes}
	graph := &onnx.Graph{Nodes: []*onnx.Node{node}}
	for i, in := range inputs {
		if in == none {
			node.Inputs = append(node.Inputs, "")
			continue
		}
		named := *in
		named.Name = fmt.Sprint("x", i)
		node.Inputs = append(node.Inputs, named.Name)
		graph.Initializers = append(graph.Initializers, &named)
	}
	return &onnx.Model{Opsets: map[string]int64{"": opset}, Graph: graph}
}

func TestOperatorsRefuseWhatMakesNoSense(t *testing.T) {
	six, row := floats([]int64{2, 3}, 1, 2, 3, 4, 5, 6), floats([]int64{2}, 10, 20)
	text, equation := onnx.StringAttr, func(e string) []*onnx.Attribute { return attrs(onnx.StringAttr("equation", e)) }
	for _, c := range []struct {
		rule       string
		opset      int64
		operator   string
		inputs     []*onnx.Tensor
		attributes []*onnx.Attribute
		want       string
	}{
		{"operands of two shapes before opset 7", 6, "Add", list(six, row), nil,
			"shapes (2, 3) and (2) differ, and attribute broadcast is not set"},
		{"an axis where the shape does not fit", 6, "Add", list(six, row), attrs(onnx.IntAttr("broadcast", 1), onnx.IntAttr("axis", 2)),
			"a tensor of shape (2, 3) has no axes of shape (2) from axis 2 on"},
		{"broadcast from opset 7 on", 7, "Add", list(row, row), attrs(onnx.IntAttr("broadcast", 1)), "attribute broadcast is not supported"},

		{"neither scales nor sizes", 13, "Resize", list(row, none), nil, "scales [] and sizes []: one of them says how the input is resized"},
		{"scales and sizes", 13, "Resize", list(row, none, perChannel(1), ints(2)), nil, "one of them says how the input is resized"},
		{"scales of other axes", 13, "Resize", list(six, none, perChannel(2)), nil, "scales [2] and sizes [] for 2 axes"},
		{"scales of a scalar", 13, "Resize", list(scalar(1), none, perChannel(2)), nil, "scales [2] and sizes [] for 0 axes"},
		{"a constant that would be large", 13, "Resize",
			list(onnx.NewInt64Tensor("", []int64{2, 1}, []int64{1, 2}), none, perChannel(1<<18, 8)), nil,
			"a constant of shape (524288, 1) cannot be resized to 8 elements"},
		{"a scale that leaves nothing", 13, "Resize", list(row, none, perChannel(0.1)), nil, "axis 0: 2 elements cannot be resized to 0 by"},
		{"a negative scale", 13, "Resize", list(row, none, perChannel(-2)), nil, "axis 0: 2 elements cannot be resized to 0 by -2"},
		{"a scale that is no number", 13, "Resize", list(row, none, perChannel(float32(math.NaN()))), nil, "cannot be resized"},
		{"a scale beyond all memory", 13, "Resize", list(row, none, perChannel(1e30)), nil, "axis 0: 2 elements cannot be resized to 2147483648 by"},
		{"a size beyond all memory", 13, "Resize", list(row, none, none, ints(1<<40)), nil, "axis 0: 2 elements cannot be resized to 1099511627776 by"},
		{"a matrix beyond all memory", 13, "Resize", list(floats([]int64{1 << 12}, make([]float32, 1<<12)...), none, none, ints(1<<11)),
			attrs(text("mode", "cubic"), text("coordinate_transformation_mode", "asymmetric")),
			"axis 0: 4096 elements cannot be resized to 2048 by 0.5"},
		{"a region of interest of other axes", 13, "Resize", list(row, perChannel(0), perChannel(2)),
			attrs(text("coordinate_transformation_mode", "tf_crop_and_resize")), "a region of interest of 1 numbers for 1 axes"},
		{"integers that are interpolated", 13, "Resize", list(ints(1, 2), none, perChannel(2)), attrs(text("mode", "linear")),
			`mode "linear" of integers is not supported`},
		{"a mode of its own", 13, "Resize", list(row, none, perChannel(2)), attrs(text("mode", "area")), `axis 0: attribute mode = "area" is not known`},
		{"coordinates of its own", 13, "Resize", list(row, none, perChannel(2)), attrs(text("coordinate_transformation_mode", "polar")),
			`attribute coordinate_transformation_mode = "polar" is not known`},
		{"a rounding of its own", 13, "Resize", list(row, none, perChannel(2)), attrs(text("nearest_mode", "up")),
			`attribute nearest_mode = "up" is not known`},
		{"a policy of its own", 18, "Resize", list(row, none, none, ints(2)), attrs(text("keep_aspect_ratio_policy", "square")),
			`attribute keep_aspect_ratio_policy = "square" is not known`},
		{"an axis twice", 18, "Resize", list(six, none, perChannel(2, 2)), attrs(onnx.IntsAttr("axes", 1, -1)), "axes [1 -1] name an axis twice"},
		{"no scales", 7, "Upsample", list(row), nil, "scales [] and sizes [] for 1 axes"},

		{"terms of other operands", 12, "Einsum", list(six), equation("ij,j"), "2 terms for 1 inputs"},
		{"a term of another rank", 12, "Einsum", list(six), equation("ijk"), `the term "ijk" is not that of a tensor with 2 axes`},
		{"a term of digits", 12, "Einsum", list(six), equation("i1->i"), `the term "i1" is not one of letters and an ellipsis`},
		{"two ellipses", 12, "Einsum", list(six), equation("......"), "is not that of a tensor with 2 axes"},
		{"an output of another letter", 12, "Einsum", list(six), equation("ij->k"), `the output has the label 'k'`},
		{"an output with a letter twice", 12, "Einsum", list(six), equation("ij->ii"), `the output has the label 'i'`},
		{"an output without the ellipsis", 12, "Einsum", list(six), equation("i...->i"), "the inputs have an ellipsis, and the output has none"},
		{"two sizes of one letter", 12, "Einsum", list(six), equation("ii->i"), `the axes 'i' have the sizes 2 and 3`},
		{"an operand without elements", 12, "Einsum", list(ints(), ints(1)), equation("i,i"), "shape (0) has 0 elements, shape () has 1"},
		{"no equation", 12, "Einsum", list(six), nil, "is not that of a tensor with 2 axes"},

		{"targets of another shape", 13, "NegativeLogLikelihoodLoss", list(six, ints(0)), nil, "targets of shape (1) for (2, 3)"},
		{"weights of other classes", 13, "NegativeLogLikelihoodLoss", list(six, ints(0, 1), row), nil, "weights of shape (2) for 3 classes"},
		{"scores without classes", 13, "SoftmaxCrossEntropyLoss", list(row, ints(0, 1)), nil, "scores of shape (2) have no axis of classes"},
		{"a reduction of its own", 13, "SoftmaxCrossEntropyLoss", list(six, ints(0, 1)), attrs(text("reduction", "max")),
			`attribute reduction = "max" is not known`},

		{"padding that is not known, of a transposed convolution", 11, "ConvTranspose",
			list(floats([]int64{1, 1, 2}, 1, 2), floats([]int64{1, 1, 2}, 1, 2)), attrs(text("auto_pad", "FULL")),
			`attribute auto_pad = "FULL" is not known`},
		{"a scale that would enlarge what it scales", 17, "LayerNormalization", list(six, floats([]int64{2, 1, 3}, 1, 2, 3, 4, 5, 6)), nil,
			"a scale of shape (2, 1, 3) does not broadcast to (2, 3)"},
		{"shifts of signed integers", 11, "BitShift", list(ints(1), ints(1)), attrs(text("direction", "LEFT")), "INT64 elements are not shifted"},
		{"lengths of other sequences", 14, "RNN",
			list(floats([]int64{2, 1, 1}, 1, 2), floats([]int64{1, 1, 1}, 1), floats([]int64{1, 1, 1}, 1), none, ints(1, 1)), nil,
			"lengths of shape (2) for 1 sequences"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			_, err := evaluate(t, single(c.opset, c.operator, c.inputs, c.attributes), "y")
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), unforeseen) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestConstantsAreComputedWhileTheGraphIsWritten(t *testing.T) {
	constant := func(a *onnx.Attribute) *onnx.Node { return &onnx.Node{OpType: "Constant", Attributes: attrs(a)} }
	then := func(operator string, a ...*onnx.Attribute) *onnx.Node {
		return &onnx.Node{OpType: operator, Attributes: a}
	}
	to := func(d onnx.DataType) *onnx.Attribute { return onnx.IntAttr("to", int64(d)) }

	for _, c := range []struct {
		rule  string
		chain []*onnx.Node // each reads what the one before computes
		want  *onnx.Tensor
	}{
		{"an integer", []*onnx.Node{constant(onnx.IntAttr("value_int", math.MaxInt32))}, onnx.NewInt64Tensor("", nil, []int64{math.MaxInt32})},
		{"integers", []*onnx.Node{constant(onnx.IntsAttr("value_ints", 3, 4))}, ints(3, 4)},
		{"a number", []*onnx.Node{constant(onnx.FloatAttr("value_float", 1.5))}, scalar(1.5)},
		{"numbers", []*onnx.Node{constant(onnx.FloatsAttr("value_floats", 1, 2))}, floats([]int64{2}, 1, 2)},
		{"a tensor", []*onnx.Node{constant(onnx.TensorAttr("value", ints(3)))}, ints(3)},
		{"numbers cast to integers lose their fraction",
			[]*onnx.Node{constant(onnx.FloatsAttr("value_floats", 2.75, -2.75)), then("Cast", to(onnx.Int64))}, ints(2, -2)},
		{"numbers cast to truth values are true unless zero",
			[]*onnx.Node{constant(onnx.FloatsAttr("value_floats", 0.5, 0)), then("Cast", to(onnx.Bool))}, ints(1, 0)},
		{"integers cast to numbers are no integers any more",
			[]*onnx.Node{constant(onnx.IntsAttr("value_ints", 2)), then("Cast", to(onnx.Float)), then("Sqrt")},
			floats([]int64{1}, math.Sqrt2)},
		{"integers are reshaped",
			[]*onnx.Node{constant(onnx.IntsAttr("value_ints", 2)), then("Squeeze"), then("Flatten", onnx.IntAttr("axis", 0)), then("Shape")},
			ints(1, 1)},
	} {
		t.Run(c.rule, func(t *testing.T) {
			for i, n := range c.chain {
				n.Outputs = []string{fmt.Sprint("y", i)}
				if i > 0 {
					n.Inputs = c.chain[i-1].Outputs
				}
			}
			source := &onnx.Model{Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{Nodes: c.chain}}
			got, err := evaluate(t, source, fmt.Sprint("y", len(c.chain)-1))
			if err != nil {
				t.Fatal(err)
			}
			compare(t, got, expected(t, c.want))
		})
	}
}

func floats(dims []int64, numbers ...float32) *onnx.Tensor {
	return onnx.NewFloatTensor("", dims, numbers)
}

func ints(numbers ...int64) *onnx.Tensor {
	return onnx.NewInt64Tensor("", []int64{int64(len(numbers))}, numbers)
}

func scalar(v float32) *onnx.Tensor { return floats(nil, v) }

func perChannel(numbers ...float32) *onnx.Tensor {
	return floats([]int64{int64(len(numbers))}, numbers...)
}

func logs(numbers ...float64) []float32 {
	list := make([]float32, len(numbers))
	for i, v := range numbers {
		list[i] = float32(math.Log(v))
	}
	return list
}

// none is an optional input that is omitted.
var none *onnx.Tensor

func list(tensors ...*onnx.Tensor) []*onnx.Tensor { return tensors }

func attrs(attributes ...*onnx.Attribute) []*onnx.Attribute { return attributes }

// At zero, the slope is that of the negative side, as in PyTorch.
func TestActivationsAtZero(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x ops.Expr) ops.Expr
		want float64
	}{
		{"LeakyRelu", func(x ops.Expr) ops.Expr { return leakyRelu(x, 0.1) }, 0.1},
		{"Elu", func(x ops.Expr) ops.Expr { return elu(x, 0.5) }, 0.5},
		{"Celu", func(x ops.Expr) ops.Expr { return celu(x, 2) }, 1},
	} {
		x := ops.Input(gorgonia.NewGraph(), "x", array.Float64, 1)
		gradients, err := autodiff.Grad(c.f(x).Sum(false), x)
		if err != nil {
			t.Fatal(err)
		}
		values := opstest.Values{x: {0}}
		for _, h := range ops.HeldBy(x.Node().Graph()) {
			values[h.Input] = h.Value.F64
		}
		if got := opstest.Run(t, values, gradients[0])[0][0]; got != c.want {
			t.Errorf("%s has the slope %v at zero, want %v", c.name, got, c.want)
		}
	}
}
