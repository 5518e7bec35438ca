package modelzoo

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// A builder appends layers to a graph, each to the one before. Layers are
// numbered by kind: conv1, relu1, conv2, ….
type builder struct {
	graph   *onnx.Graph
	weights *rand.Rand
	count   map[string]int
	value   string // the output of the last layer
	width   int64  // its features or channels
}

// input declares the input, of the given shape after the batch dimension.
func (b *builder) input(shape ...int64) {
	b.value, b.width = "input", shape[0]
	b.graph.Inputs = append(b.graph.Inputs, batched(b.value, shape...))
}

// output names the output of the last layer, [batch, width].
func (b *builder) output(name string) {
	b.graph.Nodes[len(b.graph.Nodes)-1].Outputs[0] = name
	b.graph.Outputs = append(b.graph.Outputs, batched(name, b.width))
}

func batched(name string, shape ...int64) *onnx.ValueInfo {
	dims := []onnx.Dim{onnx.SymbolicDim("batch")}
	for _, size := range shape {
		dims = append(dims, onnx.FixedDim(size))
	}
	return onnx.NewTensorInfo(name, onnx.Float, dims...)
}

// flatten turns [batch, …] into [batch, width].
func (b *builder) flatten(width int64) {
	b.layer("flatten", "Flatten", nil, onnx.IntAttr("axis", 1))
	b.width = width
}

// linear is a fully connected layer: weight [out, in], bias [out].
func (b *builder) linear(out int64) {
	b.layer("fc", "Gemm", []int64{out, b.width}, onnx.IntAttr("transB", 1))
	b.width = out
}

// conv is a 3x3 convolution that keeps the size of the image: weight
// [out, in, 3, 3], bias [out].
func (b *builder) conv(out int64) {
	b.layer("conv", "Conv", []int64{out, b.width, 3, 3}, onnx.IntsAttr("kernel_shape", 3, 3), onnx.IntsAttr("pads", 1, 1, 1, 1))
	b.width = out
}

func (b *builder) relu() { b.layer("relu", "Relu", nil) }

// maxPool halves the size of the image.
func (b *builder) maxPool() {
	b.layer("pool", "MaxPool", nil, onnx.IntsAttr("kernel_shape", 2, 2), onnx.IntsAttr("strides", 2, 2))
}

func (b *builder) globalAveragePool() { b.layer("avgpool", "GlobalAveragePool", nil) }

// layer appends a node, with a weight of the given shape and a bias if there
// is a shape.
func (b *builder) layer(kind, op string, weight []int64, attributes ...*onnx.Attribute) {
	b.count[kind]++
	name := fmt.Sprint(kind, b.count[kind])
	inputs := []string{b.value}
	if weight != nil {
		w, bias := b.parameters(name, weight)
		b.graph.Initializers = append(b.graph.Initializers, w, bias)
		inputs = append(inputs, w.Name, bias.Name)
	}
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{
		Name: name, OpType: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes,
	})
	b.value = name
}

// parameters returns a He-normal weight, of standard deviation √(2 / fan-in),
// and a zero bias. Fan-in is the product of all dimensions but the first.
func (b *builder) parameters(layer string, shape []int64) (weight, bias *onnx.Tensor) {
	fanIn := int64(1)
	for _, size := range shape[1:] {
		fanIn *= size
	}
	std := math.Sqrt(2 / float64(fanIn))
	data := make([]float32, shape[0]*fanIn)
	for i := range data {
		data[i] = float32(std * b.weights.NormFloat64())
	}
	return onnx.NewFloatTensor(layer+".weight", shape, data),
		onnx.NewFloatTensor(layer+".bias", shape[:1], make([]float32, shape[0]))
}
