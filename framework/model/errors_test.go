package model_test

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

func TestWhatIsNotSupportedIsRefusedByName(t *testing.T) {
	fixed := func(m *onnx.Model, dims ...onnx.Dim) *onnx.Model {
		m.Graph.Inputs[0].Dims = dims
		return m
	}
	opset := func(m *onnx.Model, version int64) *onnx.Model {
		m.Opsets[""] = version
		return m
	}
	input := func(m *onnx.Model, change func(*onnx.ValueInfo)) *onnx.Model {
		change(m.Graph.Inputs[0])
		return m
	}
	branch := func(output string) *onnx.Attribute {
		return onnx.GraphAttr("then_branch", &onnx.Graph{Outputs: []*onnx.ValueInfo{{Name: output}}})
	}
	image := []onnx.Dim{onnx.SymbolicDim("batch"), onnx.FixedDim(1), onnx.FixedDim(4)}
	kernel := onnx.IntsAttr("kernel_shape", 2)
	relu := func() *onnx.Model { return network(node("Relu", "y", "x")) }
	number := func(name string, v float32) *onnx.Node {
		return node("Constant", name, onnx.FloatAttr("value_float", v))
	}

	for _, c := range []struct {
		rule   string
		source *onnx.Model
		want   string
	}{
		{"an unknown operator", network(node("Det", "y", "x")),
			`model: node "n" (Det, opset 17): operator Det of opset 17 is not supported`},
		{"an operator of another domain", network(&onnx.Node{OpType: "Relu", Domain: "com.acme", Inputs: []string{"x"}, Outputs: []string{"y"}}),
			`model: node for "y" (com.acme.Relu, opset 0): domain "com.acme": only operators of the standard domain are supported`},
		{"several problems", network(node("Det", "a", "x"), node("Det", "b", "a"), node("Det", "c", "b"), node("Det", "d", "c"), node("Det", "y", "d")),
			`model: node "n" (Det, opset 17): operator Det of opset 17 is not supported; ` +
				`node "n" (Det, opset 17): operator Det of opset 17 is not supported; ` +
				`node "n" (Det, opset 17): operator Det of opset 17 is not supported; and 2 more`},
		{"an old opset", opset(relu(), 5), `model: opset 5 is not supported (6 to 21 are): convert the file, or export it again`},
		{"a new opset", opset(relu(), 99), `model: opset 99 is not supported (6 to 21 are): convert the file, or export it again`},
		{"no opset", func() *onnx.Model {
			m := relu()
			m.Opsets = map[string]int64{"com.acme": 1}
			return m
		}(), `model: the file names no opset of the standard domain (ai.onnx)`},

		{"a normalization of groups with a scale for each channel", func() *onnx.Model {
			m := with(network(node("GroupNormalization", "y", "x", "s", "s", onnx.IntAttr("num_groups", 2))), weights("s", 6))
			m.Opsets[""] = 18
			return fixed(m, onnx.SymbolicDim("batch"), onnx.FixedDim(6), onnx.FixedDim(4))
		}(), `model: node "n" (GroupNormalization, opset 18): scale ("s") has 6 elements; want one for each of the 2 groups ` +
			`(from opset 21 one for each channel)`},
		{"a bias of another size", fixed(with(network(node("Conv", "y", "x", "w", "b")), weights("w", 2, 1, 1), weights("b", 3)), image...),
			`model: node "n" (Conv, opset 17): bias ("b") has 3 elements; want one for each of the 2 channels of the output`},
		{"an unknown attribute", network(node("Relu", "y", "x", onnx.FloatAttr("alpha", 1))),
			`model: node "n" (Relu, opset 17): attribute alpha is not supported`},
		{"an attribute of a later opset", opset(network(node("Softmax", "y", "x", onnx.IntAttr("axes", 1))), 11),
			`model: node "n" (Softmax, opset 11): attribute axes is not supported`},
		{"an attribute of an earlier opset", network(node("ReduceSum", "y", "x", onnx.IntsAttr("axes", 1))),
			`model: node "n" (ReduceSum, opset 17): attribute axes is not supported`},
		{"an attribute of the wrong type", network(node("Softmax", "y", "x", onnx.FloatAttr("axis", 1))),
			`model: node "n" (Softmax, opset 17): attribute axis is of type FLOAT, want INT`},
		{"an attribute out of range", network(node("Softmax", "y", "x", onnx.IntAttr("axis", math.MaxInt64))),
			`model: node "n" (Softmax, opset 17): attribute axis = 9223372036854775807 is out of range`},
		{"an axis that is none", network(node("Softmax", "y", "x", onnx.IntAttr("axis", 2))),
			`model: node "n" (Softmax, opset 17): axis 2 is not an axis of a tensor with 2 dimensions`},
		{"an axis named twice", with(network(node("ReduceSum", "y", "x", "axes")), integers("axes", 1, -1)),
			`model: node "n" (ReduceSum, opset 17): axes [1 -1] name an axis twice`},
		{"an unknown padding", with(fixed(network(node("Conv", "y", "x", "w", onnx.StringAttr("auto_pad", "FULL"))), image...), weights("w", 1, 1, 2)),
			`model: node "n" (Conv, opset 17): attribute auto_pad = "FULL" is not known`},
		{"a kernel that the weights do not have", with(fixed(network(node("Conv", "y", "x", "w", onnx.IntsAttr("kernel_shape", 3))), image...), weights("w", 1, 1, 2)),
			`model: node "n" (Conv, opset 17): kernel_shape [3], but the weights have the shape (1, 1, 2)`},
		{"a kernel with too many axes", fixed(network(node("MaxPool", "y", "x", onnx.IntsAttr("kernel_shape", 2, 2))), image...),
			`model: node "n" (MaxPool, opset 17): kernel_shape [2 2] for an input of shape (2, 1, 4)`},
		{"strides with too many axes", fixed(network(node("MaxPool", "y", "x", kernel, onnx.IntsAttr("strides", 2, 2))), image...),
			`model: node "n" (MaxPool, opset 17): strides [2 2], dilations [1] for 1 spatial axes`},
		{"pads for too many axes", fixed(network(node("AveragePool", "y", "x", kernel, onnx.IntsAttr("pads", 0, 0, 0), onnx.IntAttr("count_include_pad", 1))), image...),
			`model: node "n" (AveragePool, opset 17): kernel [2] with strides [1], dilations [1], pads [0 0 0] does not fit 1 spatial axes`},
		{"strides with too few axes of a transposed convolution", with(fixed(network(node("ConvTranspose", "y", "x", "w",
			onnx.IntsAttr("strides"), onnx.StringAttr("auto_pad", "SAME_UPPER"))), image...), weights("w", 1, 1, 2)),
			`model: node "n" (ConvTranspose, opset 17): strides [], dilations [1] for 1 spatial axes`},
		{"a convolution of a matrix", with(network(node("Conv", "y", "x", "w")), weights("w", 1, 1, 2)),
			`model: node "n" (Conv, opset 17): input of shape (2, 3) with weights of shape (1, 1, 2)`},
		{"a pool over a matrix", network(node("GlobalAveragePool", "y", "x")),
			`model: node "n" (GlobalAveragePool, opset 17): input of shape (2, 3) has no spatial axes`},

		{"too few inputs", network(node("Add", "y", "x")),
			`model: node "n" (Add, opset 17): Add takes 2 inputs, not 1`},
		{"too many inputs", network(node("Relu", "y", "x", "x")),
			`model: node "n" (Relu, opset 17): Relu takes 1 inputs, not 2`},
		{"an omitted input", network(node("Add", "y", "x", "")),
			`model: node "n" (Add, opset 17): input 1 is missing`},
		{"an input that nothing computes", network(node("Add", "y", "x", "z")),
			`model: node "n" (Add, opset 17): nothing computes input 1 ("z")`},
		{"an input of a later opset", with(network(node("ReduceMean", "y", "x", "axes")), integers("axes", 1)),
			`model: node "n" (ReduceMean, opset 17): input 1 ("axes") is not supported`},
		{"a shape that depends on data", network(node("Reshape", "y", "x", "x")),
			`model: node "n" (Reshape, opset 17): input 1 ("x") must be a constant, not computed from data`},
		{"a shape of fractions", network(number("c", 2), node("Reshape", "y", "x", "c")),
			`model: node "n" (Reshape, opset 17): input 1 ("c") must be a constant of integers`},
		{"division of integers by zero", with(network(node("Div", "c", "one", "zero"), node("Reshape", "y", "x", "c")), integers("one", 1), integers("zero", 0)),
			`model: node "n" (Div, opset 17): integers are divided by zero`},
		{"a cast to text", network(node("Cast", "y", "x", onnx.IntAttr("to", int64(onnx.String)))),
			`model: node "n" (Cast, opset 17): a cast to STRING is not supported`},
		{"dropout of everything", network(number("one", 1), node("Dropout", "y", "x", "one", "one")),
			`model: node "n" (Dropout, opset 17): a ratio of 1 is not at least 0 and below 1`},
		{"a branch that depends on data", network(node("If", "y", "x", branch("x"))),
			`model: node "n" (If, opset 17): input 0 ("x") must be a constant, not computed from data`},
		{"a branch that is not there", with(network(node("If", "y", "no", branch("x"))), integers("no", 0)),
			`model: node "n" (If, opset 17): attribute else_branch is missing`},
		{"a constant without a value", network(node("Constant", "c"), node("Add", "y", "x", "c")),
			`model: node "n" (Constant, opset 17): 0 attributes give the constant's value, want one`},
		{"a constant of another type than it says", network(node("Constant", "c", onnx.IntAttr("value_float", 1)), node("Add", "y", "x", "c")),
			`model: node "n" (Constant, opset 17): attribute value_float is of type INT, want FLOAT`},
		{"an index that is out of range", with(network(node("Shape", "s", "x"), node("Gather", "c", "s", "two"), node("Reshape", "y", "x", "c")), integers("two", 2)),
			`model: node "n" (Gather, opset 17): the index 2 names none of an axis of size 2: want an integer from -2 to 1`},
		{"gathering along another axis", with(network(node("Shape", "s", "x"), node("Gather", "c", "s", "two", onnx.IntAttr("axis", 1)), node("Reshape", "y", "x", "c")), integers("two", 2)),
			`model: node "n" (Gather, opset 17): axis 1 is not an axis of a tensor with 1 dimensions`},
		{"unequal parts before opset 18", network(&onnx.Node{Name: "n", OpType: "Split", Inputs: []string{"x"}, Outputs: []string{"y", "z"},
			Attributes: []*onnx.Attribute{onnx.IntAttr("axis", 1)}}),
			`model: node "n" (Split, opset 17): an axis of size 3 cannot be split into 2 equal parts`},
		{"slicing backwards", with(network(node("Slice", "c", "two", "two", "two", "two", "two"), node("Reshape", "y", "x", "c")), integers("two", 0)),
			`model: node "n" (Slice, opset 17): a step of 0`},
		{"slicing two axes of one", with(network(node("Slice", "c", "two", "two", "two"), node("Reshape", "y", "x", "c")), integers("two", 0, 1)),
			`model: node "n" (Slice, opset 17): axis 1 is not an axis of a tensor with 1 dimensions`},
		{"joining integers and fractions", with(network(number("f", 1), node("Unsqueeze", "g", "f", "zero"), node("Concat", "c", "zero", "g", onnx.IntAttr("axis", 0)), node("Reshape", "y", "x", "c")), integers("zero", 0)),
			`model: node "n" (Concat, opset 17): input 1 ("g") holds FLOAT elements, the first INT64`},
		{"integers that do not fit the shape they are given", with(network(node("Reshape", "c", "six", "five"), node("Reshape", "y", "x", "c")), integers("six", 6), integers("five", 5)),
			`model: node "n" (Reshape, opset 17): shape (1) has 1 elements, shape (5) has 5`},
		{"a constant of strings", network(node("Constant", "c", onnx.StringAttr("value_string", "a")), node("Add", "y", "x", "c")),
			`model: node "n" (Constant, opset 17): attribute value_string is not supported`},

		{"a shape of another size", with(network(node("Reshape", "y", "x", "shape")), integers("shape", 2, 5)),
			`model: node "n" (Reshape, opset 17): shape (2, 3) has 6 elements, shape (2, 5) has 10`},
		{"a dimension of zero", with(network(node("Reshape", "y", "x", "shape", onnx.IntAttr("allowzero", 1))), integers("shape", 0, 3)),
			`model: node "n" (Reshape, opset 17): shape (2, 3) has 6 elements, shape (0, 3) has 0`},
		{"two inferred dimensions", with(network(node("Reshape", "y", "x", "shape")), integers("shape", -1, -1)),
			`model: node "n" (Reshape, opset 17): shape [-1 -1]: dimension 1 cannot be -1`},
		{"a shape that is too large", with(network(node("Expand", "y", "x", "shape")), integers("shape", 1<<30, 1<<30, 1, 1)),
			`model: node "n" (Expand, opset 17): the output: shape (1073741824, 1073741824, 2, 3) has 6.92e+18 elements, too many for a tensor`},
		{"an input with too many axes", fixed(relu(), slices.Repeat([]onnx.Dim{onnx.FixedDim(1)}, 100)...),
			`model: input "input x": 100 axes are too many for a tensor`},
		{"a long constant of integers", with(network(node("Concat", "c", "ones", "ones", onnx.IntAttr("axis", 0)), node("Reshape", "y", "x", "c")),
			integers("ones", slices.Repeat([]int64{1}, 4000)...)),
			`model: node "n" (Reshape, opset 17): a shape of 8000 dimensions`},
		{"a longer constant of integers", with(network(node("Reshape", "y", "x", "ones")), integers("ones", slices.Repeat([]int64{1}, 5000)...)),
			`model: node "n" (Reshape, opset 17): a shape of 5000 dimensions`},
		{"a long shape of a constant of integers", with(network(node("ConstantOfShape", "c", "s", onnx.TensorAttr("value", integers("", 1))), node("Reshape", "y", "x", "c")),
			integers("s", 1<<40, 1<<40)),
			`model: node "n" (ConstantOfShape, opset 17): the output: shape (1099511627776, 1099511627776) has 1.21e+24 elements, too many for a tensor`},
		{"an axis that is squeezed and not of size one", with(network(node("Squeeze", "y", "x", "axes")), integers("axes", 1)),
			`model: node "n" (Squeeze, opset 17): axis 1 of shape (2, 3) is not of size one`},
		{"a C that would enlarge Gemm's product", with(network(node("Gemm", "y", "x", "w", "c")), weights("w", 3, 1), weights("c", 2, 4)),
			`model: node "n" (Gemm, opset 17): C of shape (2, 4) does not broadcast to (2, 1)`},
		{"a Gemm of a vector", with(network(node("Gemm", "y", "x", "w")), weights("w", 3)),
			`model: node "n" (Gemm, opset 17): inputs of shapes (2, 3) and (3): Gemm multiplies matrices`},

		{"a second output that is used", network(&onnx.Node{Name: "n", OpType: "Relu", Inputs: []string{"x"}, Outputs: []string{"m", "at"}}, node("Mul", "y", "m", "at")),
			`model: node "n" (Relu, opset 17): output 1 ("at") of Relu is not supported`},
		{"an operator that is refused for a reason", network(node("Loop", "y", "x")),
			`model: node "n" (Loop, opset 17): operator Loop of opset 17 is not supported: it repeats a graph; export the model with a ` +
				`fixed number of steps (unrolled)`},
		{"an output without the batch", network(node("Transpose", "y", "x")),
			`model: at batch 2 the output "y" has the shape (3, 2); its first dimension must be the batch`},
		{"an output that is a constant", network(number("c", 1), node("Shape", "s", "x"), node("Identity", "y", "s")),
			`model: the output "y" is a constant`},
		{"a file for another batch, which it depends on",
			with(fixed(network(node("Reshape", "y", "x", "shape")), onnx.FixedDim(4), onnx.FixedDim(3)), integers("shape", 4, 3)),
			`model: node "n" (Reshape, opset 17): shape (2, 3) has 6 elements, shape (4, 3) has 12` +
				` (the file was exported for batch 4, this is 2: use that, or export it with a dynamic batch)`},
		{"an open dimension that is not the batch", fixed(relu(), onnx.SymbolicDim("batch"), onnx.SymbolicDim("width")),
			`model: dimension 1 of input "x" (width) has no size in the file: write dims = {width = N} in [model], or --dim width=N`},
		{"a dimension of an input that is zero", fixed(relu(), onnx.SymbolicDim("batch"), onnx.FixedDim(0)),
			`model: input "x": dimension 1 is 0: it has no elements, and examples are fed to it`},
		{"an input that is too large", fixed(relu(), onnx.SymbolicDim("batch"), onnx.FixedDim(1<<30), onnx.FixedDim(1<<30)),
			`model: input "input x": shape (2, 1073741824, 1073741824) has 2.31e+18 elements, too many for a tensor`},
		{"a scalar input", fixed(relu()),
			`model: input "x" has no batch dimension: examples are fed to the first input; to fix the input "x", write fix = {x = N} in [model], or --fix x=N`},
		{"an input of text", input(relu(), func(in *onnx.ValueInfo) { in.DType = onnx.String }),
			`model: input "x" holds STRING elements; only numbers and truth values are supported`},
		{"an input that is no tensor", input(relu(), func(in *onnx.ValueInfo) { in.Kind = onnx.KindSequence }),
			`model: input "x" is a sequence; only tensors are supported`},
		{"no inputs", with(network(node("Relu", "y", "w")), weights("w", 2, 3)), `model: the output "y" depends on no input`},
		{"no output", func() *onnx.Model {
			m := relu()
			m.Graph.Outputs = nil
			return m
		}(), `model: the graph has no output`},
		{"an output that nothing computes", network(node("Relu", "z", "x")), `model: no node computes a tensor "y"`},
		{"a parameter without elements", with(network(node("Add", "y", "x", "w")), onnx.NewFloatTensor("w", []int64{0, 3}, nil)),
			`model: node "n" (Add, opset 17): shapes (2, 3) and (0, 3) do not broadcast: 2 against 0`},
		{"a parameter without its data", with(network(node("Add", "y", "x", "w")), &onnx.Tensor{Name: "w", DType: onnx.Float, Dims: []int64{3}}),
			`model: initializer "w": tensor "w": 0 bytes of data for 3 FLOAT elements of shape [3]`},
		{"a sparse parameter", func() *onnx.Model {
			m := network(node("Add", "y", "x", "w"))
			m.Graph.SparseInitializers = []*onnx.SparseTensor{{Values: weights("w", 3)}}
			return m
		}(), `model: initializer "w" is sparse, which is not supported`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			m, err := model.Import(c.source, model.Options{})
			if err == nil {
				_, err = write(m, 2)
			}
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
