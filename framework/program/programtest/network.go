// Package programtest builds small models and data for tests of whatever runs programs. A model is made the way a user's is:
// written as an ONNX file, read, and imported. The package judges nothing.
package programtest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Network writes an ONNX graph layer by layer. Its parameters are DOUBLE tensors, drawn from a fixed stream of random numbers
// that is uniform within 1/√fan-in.
type Network struct {
	graph  *onnx.Graph
	last   string // the value that the last layer computes
	shape  []int  // of one example of it
	random *rand.Rand
}

// NewNetwork starts a network whose examples have the shape input.
func NewNetwork(input ...int) *Network {
	dims := []onnx.Dim{onnx.SymbolicDim("batch")}
	for _, n := range input {
		dims = append(dims, onnx.FixedDim(int64(n)))
	}
	return &Network{
		graph:  &onnx.Graph{Name: "network", Inputs: []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Double, dims...)}},
		last:   "x",
		shape:  input,
		random: rand.New(rand.NewPCG(1, 2)),
	}
}

// Apply adds an operator without parameters that keeps the shape, such as Tanh.
func (n *Network) Apply(operator string) *Network { return n.node(operator, nil, n.shape) }

// Flatten makes each example a vector.
func (n *Network) Flatten() *Network { return n.node("Flatten", nil, []int{size(n.shape)}) }

// Dense adds a Gemm with the parameters name.weight, of shape (units, inputs), and name.bias.
func (n *Network) Dense(name string, units int) *Network {
	inputs := n.shape[0]
	weight := n.parameter(name+".weight", inputs, units, inputs)
	bias := n.parameter(name+".bias", inputs, units)
	return n.node("Gemm", []string{weight, bias}, []int{units}, onnx.IntAttr("transB", 1))
}

// MatMul adds a product with the parameter name, of shape (inputs, units).
func (n *Network) MatMul(name string, units int) *Network {
	inputs := n.shape[0]
	return n.node("MatMul", []string{n.parameter(name, inputs, inputs, units)}, []int{units})
}

// Conv adds a convolution without padding, with the parameters name.weight, of shape (filters, channels, kernel, kernel), and
// name.bias.
func (n *Network) Conv(name string, filters, kernel int) *Network {
	channels, rows, columns := n.shape[0], n.shape[1], n.shape[2]
	inputs := channels * kernel * kernel
	weight := n.parameter(name+".weight", inputs, filters, channels, kernel, kernel)
	bias := n.parameter(name+".bias", inputs, filters)
	return n.node("Conv", []string{weight, bias}, []int{filters, rows - kernel + 1, columns - kernel + 1})
}

// Add adds a parameter of that shape to every example.
func (n *Network) Add(name string, dims ...int) *Network {
	return n.node("Add", []string{n.parameter(name, size(dims), dims...)}, n.shape)
}

// Mul multiplies every example by a parameter of that shape.
func (n *Network) Mul(name string, dims ...int) *Network {
	return n.node("Mul", []string{n.parameter(name, size(dims), dims...)}, n.shape)
}

// BatchNorm adds a BatchNormalization as it is exported for training: it normalizes with the batch's statistics and moves the
// buffers name.mean and name.variance a tenth of the way to them. The parameters are name.scale and name.bias.
func (n *Network) BatchNorm(name string) *Network {
	channels := n.shape[0]
	scale, bias := n.parameter(name+".scale", 1, channels), n.parameter(name+".bias", 1, channels)
	mean, variance := n.buffer(name+".mean", 0.25, channels), n.buffer(name+".variance", 2, channels)
	n.node("BatchNormalization", []string{scale, bias, mean, variance}, n.shape, onnx.FloatAttr("momentum", 0.9), onnx.IntAttr("training_mode", 1))
	normalization := n.graph.Nodes[len(n.graph.Nodes)-1]
	normalization.Outputs = append(normalization.Outputs, mean+"_out", variance+"_out")
	return n
}

// Dropout adds a Dropout as it is exported for training: it zeroes elements with probability ratio.
func (n *Network) Dropout(ratio float64) *Network {
	name := fmt.Sprintf("dropout_%d", len(n.graph.Nodes))
	n.graph.Initializers = append(n.graph.Initializers,
		onnx.NewDoubleTensor(name+".ratio", nil, []float64{ratio}), onnx.NewInt64Tensor(name+".one", nil, []int64{1}))
	n.graph.Nodes = append(n.graph.Nodes, &onnx.Node{
		OpType: "Cast", Inputs: []string{name + ".one"}, Outputs: []string{name + ".training"},
		Attributes: []*onnx.Attribute{onnx.IntAttr("to", int64(onnx.Bool))},
	})
	return n.node("Dropout", []string{name + ".ratio", name + ".training"}, n.shape)
}

// Import imports the model, with every parameter trained.
func (n *Network) Import() (*model.Model, error) {
	read, err := n.Model()
	if err != nil {
		return nil, err
	}
	return model.Import(read, model.Options{})
}

// Model writes the network as the bytes of an ONNX file, and reads them.
func (n *Network) Model() (*onnx.Model, error) {
	n.graph.Outputs = []*onnx.ValueInfo{{Name: n.last, DType: onnx.Double}}
	written := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: n.graph}
	file, err := written.Encode()
	if err != nil {
		return nil, err
	}
	return onnx.Decode(file)
}

func (n *Network) node(operator string, parameters []string, shape []int, attributes ...*onnx.Attribute) *Network {
	output := fmt.Sprintf("%s_%d", operator, len(n.graph.Nodes))
	n.graph.Nodes = append(n.graph.Nodes, &onnx.Node{
		OpType: operator, Inputs: append([]string{n.last}, parameters...), Outputs: []string{output}, Attributes: attributes,
	})
	n.last, n.shape = output, shape
	return n
}

func (n *Network) parameter(name string, inputs int, dims ...int) string {
	numbers := make([]float64, size(dims))
	for i := range numbers {
		numbers[i] = (2*n.random.Float64() - 1) / math.Sqrt(float64(inputs))
	}
	return n.initializer(name, numbers, dims...)
}

func (n *Network) buffer(name string, value float64, size int) string {
	return n.initializer(name, slices.Repeat([]float64{value}, size), size)
}

func (n *Network) initializer(name string, numbers []float64, dims ...int) string {
	shape := make([]int64, len(dims))
	for i, d := range dims {
		shape[i] = int64(d)
	}
	n.graph.Initializers = append(n.graph.Initializers, onnx.NewDoubleTensor(name, shape, numbers))
	return name
}

func size(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}
