package onnx

import (
	"fmt"
	"slices"

	onnxgo "github.com/owulveryck/onnx-go"
	"gonum.org/v1/gonum/graph"
	"gonum.org/v1/gonum/graph/simple"
)

// A skeleton is the part of a graph that onnx-go neither refuses nor loses:
// which node uses which. onnx-go reads the topology from it.
//
//   - A node carries one attribute, its position in the graph, by which what
//     onnx-go reports is joined with the node that it stands for.
//   - A node has one output, its first. The others are read under its name,
//     because onnx-go draws an edge from every output to every input.
//   - The inputs of a node are followed by what its subgraphs take from the
//     graph. "" stands for an omitted input, and for the input that onnx-go
//     would invent for a node without any.
//   - Inputs and initializers are not declared: onnx-go meets them where they
//     are used. (For each initializer it would search all inputs.)
type skeleton struct{ nodes []*Node }

const positionAttr = "position"

// skeleton returns the skeleton of g. The producer of each value and the
// values that each node uses are given.
func (g *Graph) skeleton(producer map[string]int, inputs [][]string) skeleton {
	s := skeleton{make([]*Node, len(g.Nodes))}
	for i, n := range g.Nodes {
		first := slices.IndexFunc(n.Outputs, func(name string) bool { return name != "" })
		s.nodes[i] = &Node{
			OpType:     n.OpType,
			Outputs:    n.Outputs[first : first+1],
			Attributes: []*Attribute{IntAttr(positionAttr, int64(i))},
		}
	}
	for i, n := range s.nodes {
		for _, name := range inputs[i] {
			if position, defined := producer[name]; defined && position != source {
				name = s.nodes[position].Outputs[0]
			}
			n.Inputs = append(n.Inputs, name)
		}
		if len(n.Inputs) == 0 {
			n.Inputs = []string{""}
		}
	}
	return s
}

// dependencies returns, for each node, the positions of the nodes whose
// outputs it uses, in the order of its inputs, as onnx-go reads them.
func (s skeleton) dependencies() ([][]int, error) {
	r := recorder{nodes: s.nodes, outputs: make([]*vertex, len(s.nodes))}
	if err := s.decodeInto(&r); err != nil {
		return nil, fmt.Errorf("topology: %w", err)
	}
	dependencies := make([][]int, len(s.nodes))
	for i, output := range r.outputs {
		if output == nil {
			return nil, fmt.Errorf("topology: onnx-go did not report node %d", i)
		}
		for _, input := range output.inputs {
			if input.position != source {
				dependencies[i] = append(dependencies[i], input.position)
			}
		}
	}
	return dependencies, nil
}

// decodeInto has onnx-go decode the skeleton into r. A panic of onnx-go
// becomes an error.
func (s skeleton) decodeInto(r *recorder) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("onnx-go: %v", p)
		}
	}()
	last := s.nodes[len(s.nodes)-1]
	var w writer
	w.fields(&Model{Graph: &Graph{
		Nodes:   s.nodes,
		Outputs: []*ValueInfo{{Name: last.Outputs[0]}}, // onnx-go wants one
	}})
	return onnxgo.NewModel(r).UnmarshalBinary(slices.Concat(append(w.parts, w.tail)...))
}

// recorder is the backend that onnx-go builds a graph in. Its vertices are
// values; an edge leads from the output of a node to an input of the node.
type recorder struct {
	graph.Directed // what is built, which onnx-go does not ask for: nil

	nodes    []*Node   // of the skeleton
	outputs  []*vertex // by position of the node
	vertices int64
}

var _ onnxgo.Backend = (*recorder)(nil)

type vertex struct {
	id       int64
	name     string
	position int // of the node that produces the value, or source
	inputs   []*vertex
}

func (v *vertex) ID() int64           { return v.id }
func (v *vertex) GetName() string     { return v.name }
func (v *vertex) SetName(name string) { v.name = name }

// NewNode returns a new vertex.
func (r *recorder) NewNode() graph.Node {
	r.vertices++
	return &vertex{id: r.vertices, position: source}
}

// AddNode does nothing: a vertex is known by its edges.
func (r *recorder) AddNode(graph.Node) {}

// NewWeightedEdge returns the edge by which a node uses a value as its input
// number w.
func (r *recorder) NewWeightedEdge(output, input graph.Node, w float64) graph.WeightedEdge {
	return simple.WeightedEdge{F: output, T: input, W: w}
}

// SetWeightedEdge adds e. Equal edges count: Mul(x, x) has two.
func (r *recorder) SetWeightedEdge(e graph.WeightedEdge) {
	output := e.From().(*vertex)
	if e.Weight() != float64(len(output.inputs)) {
		panic(fmt.Sprintf("input %v of %q comes after %d others", e.Weight(), output.name, len(output.inputs)))
	}
	output.inputs = append(output.inputs, e.To().(*vertex))
}

// ApplyOperation is told the outputs of a node after their edges. It compares
// what onnx-go read with the node.
func (r *recorder) ApplyOperation(op onnxgo.Operation, outputs ...graph.Node) error {
	position, ok := op.Attributes[positionAttr].(int64)
	if !ok || position < 0 || position >= int64(len(r.nodes)) || len(outputs) != 1 {
		return fmt.Errorf("onnx-go reports an unknown node (%s)", op.Name)
	}
	output := outputs[0].(*vertex)
	var inputs []string
	for _, input := range output.inputs {
		inputs = append(inputs, input.name)
	}
	n := r.nodes[position]
	if op.Name != n.OpType || output.name != n.Outputs[0] || !slices.Equal(inputs, n.Inputs) {
		return fmt.Errorf("onnx-go reads node %d as %q = %s(%q), where the file has %q = %s(%q)",
			position, output.name, op.Name, inputs, n.Outputs[0], n.OpType, n.Inputs)
	}
	output.position = int(position)
	r.outputs[position] = output
	return nil
}
