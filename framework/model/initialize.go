package model

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// Initializations are the ways to give parameters their first values:
//
//	keep    the file's numbers
//	he      weights normal with variance 2/fan-in, biases zero (He et al., arXiv:1502.01852)
//	lecun   weights normal with variance 1/fan-in, biases zero (LeCun et al., Efficient BackProp, 1998)
//	glorot  weights uniform within √(6/(fan-in + fan-out)), biases zero (Glorot and Bengio, 2010)
//	torch   weights and biases uniform within 1/√fan-in, as PyTorch initializes its layers
//
// Weights are what Gemm, MatMul and Conv multiply by, biases what is added to those products. Other parameters keep the file's
// numbers.
var Initializations = []string{"keep", "he", "lecun", "glorot", "torch"}

// Initialize returns first values for the parameters, in their order. They depend on the seed and on each parameter's name alone,
// not on its place in the file.
func (m *Model) Initialize(kind string, seed uint64) ([]array.Array, error) {
	roles := m.roles()
	values := make([]array.Array, len(m.Parameters))
	for i, p := range m.Parameters {
		role, known := roles[p.Name]
		if kind == "keep" || !known {
			values[i] = p.Value.Clone()
			continue
		}
		draw, err := role.distribution(kind)
		if err != nil {
			return nil, err
		}
		name := fnv.New64a()
		name.Write([]byte(p.Name))
		random := rand.New(rand.NewPCG(seed, name.Sum64()))
		values[i] = array.New(array.Float64, p.Value.Len())
		for j := range values[i].F64 {
			values[i].F64[j] = draw(random)
		}
	}
	return values, nil
}

// role is what a parameter does in its layer.
type role struct {
	bias          bool
	fanIn, fanOut int
}

func (r role) distribution(kind string) (func(*rand.Rand) float64, error) {
	normal := func(variance float64) func(*rand.Rand) float64 {
		deviation := math.Sqrt(variance)
		return func(random *rand.Rand) float64 { return deviation * random.NormFloat64() }
	}
	uniform := func(bound float64) func(*rand.Rand) float64 {
		return func(random *rand.Rand) float64 { return bound * (2*random.Float64() - 1) }
	}
	in, out := float64(r.fanIn), float64(r.fanOut)
	switch {
	case kind == "torch":
		return uniform(1 / math.Sqrt(in)), nil
	case r.bias && (kind == "he" || kind == "lecun" || kind == "glorot"):
		return func(*rand.Rand) float64 { return 0 }, nil
	case kind == "he":
		return normal(2 / in), nil
	case kind == "lecun":
		return normal(1 / in), nil
	case kind == "glorot":
		return uniform(math.Sqrt(6 / (in + out))), nil
	}
	return nil, fmt.Errorf("model: unknown initialization %q (one of %v)", kind, Initializations)
}

// roles finds weights and biases by the nodes that read them.
func (m *Model) roles() map[string]role {
	shapes := map[string][]int{}
	for _, p := range m.Parameters {
		shapes[p.Name] = p.Shape
	}
	products := map[string]role{} // of the weights, by the product's name
	aliases := map[string]string{}
	roles := map[string]role{}
	for _, n := range m.nodes {
		switch n.OpType {
		case "Identity", "Transpose":
			aliases[n.Outputs[0]] = original(aliases, n.Inputs[0])
		case "Gemm", "MatMul", "Conv":
			name := original(aliases, n.Inputs[1])
			weights, ok := weightsRole(n, shapes[name], name != n.Inputs[1] && m.transposed(n.Inputs[1]))
			if !ok {
				continue
			}
			roles[name] = weights
			products[n.Outputs[0]] = weights
			if len(n.Inputs) > 2 {
				markBias(roles, shapes, original(aliases, n.Inputs[2]), weights)
			}
		case "Add":
			for i, name := range n.Inputs {
				if weights, isProduct := products[n.Inputs[1-i]]; isProduct {
					markBias(roles, shapes, original(aliases, name), weights)
				}
			}
		}
	}
	return roles
}

func original(aliases map[string]string, name string) string {
	if source, ok := aliases[name]; ok {
		return source
	}
	return name
}

func (m *Model) transposed(value string) bool {
	for _, n := range m.nodes {
		if n.Outputs[0] == value {
			return n.OpType == "Transpose"
		}
	}
	return false
}

func markBias(roles map[string]role, shapes map[string][]int, name string, weights role) {
	if shape, trained := shapes[name]; trained && len(shape) > 0 {
		roles[name] = role{bias: true, fanIn: weights.fanIn, fanOut: weights.fanOut}
	}
}

// weightsRole returns the fans of the weights that a product reads: inputs and outputs of one of its units.
func weightsRole(n *onnx.Node, shape []int, transposed bool) (role, bool) {
	if len(shape) < 2 {
		return role{}, false
	}
	rows, columns := shape[len(shape)-2], shape[len(shape)-1]
	if n.OpType == "Conv" {
		area := 1
		for _, k := range shape[2:] {
			area *= k
		}
		return role{fanIn: shape[1] * area, fanOut: shape[0] * area}, true
	}
	if a := n.Attr("transB"); a != nil && a.I != 0 {
		transposed = !transposed
	}
	if transposed {
		rows, columns = columns, rows
	}
	return role{fanIn: rows, fanOut: columns}, true
}
