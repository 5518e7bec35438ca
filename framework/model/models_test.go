package model_test

import (
	"fmt"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// network is an ONNX model that tests bend to their needs: opset 17, the input x of shape (batch, 3), the output y.
func network(nodes ...*onnx.Node) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name:    "network",
		Nodes:   nodes,
		Inputs:  []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(3))},
		Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
	}}
}

// with adds initializers.
func with(m *onnx.Model, tensors ...*onnx.Tensor) *onnx.Model {
	m.Graph.Initializers = append(m.Graph.Initializers, tensors...)
	return m
}

// node is named "n" and applies an operator to the inputs. An attribute may stand among them.
func node(operator, output string, inputs ...any) *onnx.Node {
	n := &onnx.Node{Name: "n", OpType: operator, Outputs: []string{output}}
	for _, in := range inputs {
		switch in := in.(type) {
		case string:
			n.Inputs = append(n.Inputs, in)
		case *onnx.Attribute:
			n.Attributes = append(n.Attributes, in)
		default:
			panic(fmt.Sprintf("a %T is neither an input nor an attribute", in))
		}
	}
	return n
}

// weights are 0, 1/8, 2/8, …
func weights(name string, dims ...int64) *onnx.Tensor {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	numbers := make([]float32, n)
	for i := range numbers {
		numbers[i] = float32(i) / 8
	}
	return onnx.NewFloatTensor(name, dims, numbers)
}

func integers(name string, numbers ...int64) *onnx.Tensor {
	return onnx.NewInt64Tensor(name, []int64{int64(len(numbers))}, numbers)
}

// perceptron is y = relu(x·w1ᵀ + b1)·w2ᵀ + b2.
func perceptron() *onnx.Model {
	return with(network(
		node("Gemm", "h", "x", "w1", "b1", onnx.IntAttr("transB", 1)),
		node("Relu", "r", "h"),
		node("Gemm", "y", "r", "w2", "b2", onnx.IntAttr("transB", 1)),
	), weights("w1", 5, 3), weights("b1", 5), weights("w2", 4, 5), weights("b2", 4))
}

// write writes a model into a graph at a batch size.
func write(m *model.Model, batch int) (*model.Expressions, error) {
	var e *model.Expressions
	err := ops.Build(func() (err error) {
		given := model.Given{Graph: gorgonia.NewGraph(), Precision: array.Float32, Batch: batch, Training: true}
		for _, p := range m.Parameters {
			given.Params = append(given.Params, ops.Input(given.Graph, "parameter "+p.Name, array.Float32, p.Shape...))
		}
		for _, p := range m.Buffers {
			given.Buffers = append(given.Buffers, ops.Input(given.Graph, "buffer "+p.Name, array.Float32, p.Shape...))
		}
		e, err = m.Write(given)
		return err
	})
	return e, err
}

func importModel(t testing.TB, source *onnx.Model) *model.Model {
	t.Helper()
	m, err := model.Import(source, model.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}
