package model

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

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
// Weights are the second operands of Gemm, MatMul and Conv, biases the vectors that are added to those products. Other parameters
// keep the file's numbers. Where a head was replaced, "keep" draws its numbers as "torch" does.
var Initializations = []string{"keep", "he", "lecun", "glorot", "torch"}

// Initialize returns first values for the parameters, in their order. They depend on the seed and on each parameter's name and role
// alone, not on its place in the file.
func (m *Model) Initialize(kind string, seed uint64) ([]array.Array, error) {
	if !slices.Contains(Initializations, kind) {
		return nil, fmt.Errorf("model: unknown initialization %q (one of %v)", kind, Initializations)
	}
	roles := m.roles()
	values := make([]array.Array, len(m.Parameters))
	for i, p := range m.Parameters {
		role, known := roles[p.Name]
		draw := kind
		if kind == "keep" && slices.Contains(m.fresh, p.Name) {
			draw = "torch" // a new head has no numbers to keep
		}
		if draw == "keep" || !known {
			values[i] = p.Value.Clone()
			continue
		}
		name := fnv.New64a()
		name.Write([]byte(p.Name))
		random := rand.New(rand.NewPCG(seed, name.Sum64()))
		values[i] = array.New(array.Float64, p.Value.Len())
		for j := range values[i].F64 {
			values[i].F64[j] = role.draw(draw, random)
		}
	}
	return values, nil
}

// role is what a parameter does in its layer. A bias has the fans of the weights.
type role struct {
	bias          bool
	fanIn, fanOut int
}

// draw returns one random number of the distribution that kind prescribes.
func (r role) draw(kind string, random *rand.Rand) float64 {
	in, out := float64(r.fanIn), float64(r.fanOut)
	uniform := func(bound float64) float64 { return bound * (2*random.Float64() - 1) }
	switch {
	case kind == "torch":
		return uniform(1 / math.Sqrt(in))
	case r.bias:
		return 0
	case kind == "glorot":
		return uniform(math.Sqrt(6 / (in + out)))
	case kind == "he":
		return math.Sqrt(2/in) * random.NormFloat64()
	default: // lecun
		return math.Sqrt(1/in) * random.NormFloat64()
	}
}

// origin is the parameter that a value is, as it stands or with rows and columns exchanged.
type origin struct {
	parameter  Parameter
	transposed bool
}

// roles finds weights and biases by the nodes that read them. Of a parameter with several uses the first one counts.
func (m *Model) roles() map[string]role {
	origins, roles := map[string]origin{}, map[string]role{}
	for _, p := range m.Parameters {
		origins[p.Name] = origin{parameter: p}
	}
	assign := func(value string, r role) {
		o, trained := origins[value]
		if _, taken := roles[o.parameter.Name]; trained && !taken && (!r.bias || isVector(o.parameter.Shape)) {
			roles[o.parameter.Name] = r
		}
	}
	products := map[string]role{} // the role of the weights, by the product
	for _, n := range m.nodes {
		switch n.OpType {
		case "Identity", "Cast", "Transpose":
			if o, trained := origins[n.Inputs[0]]; trained {
				o.transposed = o.transposed != (n.OpType == "Transpose")
				origins[n.Outputs[0]] = o
			}
		case "Gemm", "MatMul", "Conv":
			weights, ok := weightsRole(n, origins[n.Inputs[1]])
			if !ok {
				continue
			}
			assign(n.Inputs[1], weights)
			products[n.Outputs[0]] = weights
			if len(n.Inputs) > 2 {
				assign(n.Inputs[2], weights.ofBias())
			}
		case "Add":
			for i, name := range n.Inputs {
				if weights, isProduct := products[n.Inputs[1-i]]; isProduct {
					assign(name, weights.ofBias())
				}
			}
		}
	}
	return roles
}

func (r role) ofBias() role { return role{bias: true, fanIn: r.fanIn, fanOut: r.fanOut} }

// isVector reports whether at most one dimension, of one or more, is larger than one.
func isVector(shape []int) bool {
	return len(shape) > 0 && slices.Max(shape) == product(shape)
}

// weightsRole returns the fans of the weights that a product reads: the numbers of inputs and outputs of one of its units. A
// transposition of anything but a matrix is not followed.
func weightsRole(n *onnx.Node, o origin) (role, bool) {
	shape := o.parameter.Shape
	if len(shape) < 2 || o.transposed && len(shape) > 2 {
		return role{}, false
	}
	if n.OpType == "Conv" {
		area := product(shape[2:])
		return role{fanIn: shape[1] * area, fanOut: shape[0] * area}, true
	}
	rows, columns := shape[len(shape)-2], shape[len(shape)-1]
	if a := n.Attr("transB"); o.transposed != (a != nil && a.I != 0) {
		rows, columns = columns, rows
	}
	return role{fanIn: rows, fanOut: columns}, true
}
