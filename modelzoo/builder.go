package modelzoo

import (
	"fmt"
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// A builder appends layers to a graph, each to the one before. It only notes which tensors the layers need: weights take
// memory once they are drawn.
type builder struct {
	graph   *onnx.Graph
	tensors []initializer
	count   map[string]int
	stream
}

// stream is the output of the last layer.
type stream struct {
	value string
	width int64 // its features or channels
}

// initializer is a parameter or a buffer that is still to be drawn.
type initializer struct {
	name  string
	shape []int64
	first distribution
}

func newBuilder(e Entry) *builder {
	b := &builder{graph: &onnx.Graph{Name: e.Name}, count: make(map[string]int)}
	e.build(b)
	return b
}

// draw gives all initializers their first values, in the order of the layers.
func (b *builder) draw(random *rand.Rand) {
	for _, t := range b.tensors {
		data := make([]float32, elements(t.shape))
		for i := range data {
			data[i] = float32(t.first(random))
		}
		b.graph.Initializers = append(b.graph.Initializers, onnx.NewFloatTensor(t.name, t.shape, data))
	}
}

// zero gives all initializers zeros.
func (b *builder) zero() {
	for _, t := range b.tensors {
		zeros, err := onnx.Zeros(t.name, onnx.Float, t.shape)
		if err != nil {
			panic(err) // the zoo's shapes are small
		}
		b.graph.Initializers = append(b.graph.Initializers, zeros)
	}
}

// input declares the input, of the given shape after the batch dimension.
func (b *builder) input(shape ...int64) {
	b.stream = stream{"input", shape[0]}
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

// numbered returns names of a kind one after the other: conv1, conv2, ….
func (b *builder) numbered(kind string) string {
	b.count[kind]++
	return fmt.Sprint(kind, b.count[kind])
}

// initializer notes a tensor and returns its name.
func (b *builder) initializer(name string, first distribution, shape ...int64) string {
	b.tensors = append(b.tensors, initializer{name, shape, first})
	return name
}

// node appends a node with one output of its name, which it returns.
func (b *builder) node(name, op string, inputs []string, attributes ...*onnx.Attribute) string {
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{
		Name: name, OpType: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes,
	})
	return name
}

// layer appends a node that reads the output of the last layer first.
func (b *builder) layer(name, op string, more []string, attributes ...*onnx.Attribute) {
	b.value = b.node(name, op, append([]string{b.value}, more...), attributes...)
}

// side appends another output to the last node, for what an operator computes beside its value.
func (b *builder) side(name string) string {
	n := b.graph.Nodes[len(b.graph.Nodes)-1]
	n.Outputs = append(n.Outputs, name)
	return name
}

// integers is a constant vector, for shapes and axes.
func (b *builder) integers(values ...int64) string {
	return b.constant(onnx.NewInt64Tensor("", []int64{int64(len(values))}, values))
}

// integer is a constant scalar.
func (b *builder) integer(value int64) string {
	return b.constant(onnx.NewInt64Tensor("", nil, []int64{value}))
}

// number is a constant scalar.
func (b *builder) number(value float32) string {
	return b.constant(onnx.NewFloatTensor("", nil, []float32{value}))
}

// constant is a node, not an initializer: those are the model's parameters and buffers.
func (b *builder) constant(t *onnx.Tensor) string {
	return b.node(b.numbered("constant"), "Constant", nil, onnx.TensorAttr("value", t))
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, size := range shape {
		n *= size
	}
	return n
}
