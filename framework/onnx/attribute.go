package onnx

import "fmt"

// Attribute is an AttributeProto: a named constant of a node. Type says which
// field holds the value. Where a file leaves Type out, as IR version 1 allows,
// it is that of the value present.
type Attribute struct {
	Name      string
	Type      AttributeType
	F         float32
	I         int64
	S         []byte
	T         *Tensor
	G         *Graph
	Floats    []float32
	Ints      []int64
	Strings   [][]byte
	Tensors   []*Tensor
	Graphs    []*Graph
	Reference string // ref_attr_name: inside a function, the attribute of the call whose value stands here

	unknown
}

// AttributeType is AttributeProto.AttributeType. The values of the sparse
// tensor and type proto types are kept as bytes.
type AttributeType int32

const (
	AttributeUndefined AttributeType = iota
	AttributeFloat
	AttributeInt
	AttributeString
	AttributeTensor
	AttributeGraph
	AttributeFloats
	AttributeInts
	AttributeStrings
	AttributeTensors
	AttributeGraphs
	AttributeSparseTensor
	AttributeSparseTensors
	AttributeTypeProto
	AttributeTypeProtos
)

var attributeTypeNames = [...]string{
	"UNDEFINED", "FLOAT", "INT", "STRING", "TENSOR", "GRAPH", "FLOATS", "INTS", "STRINGS", "TENSORS", "GRAPHS",
	"SPARSE_TENSOR", "SPARSE_TENSORS", "TYPE_PROTO", "TYPE_PROTOS",
}

// String returns the name that ONNX gives the type.
func (t AttributeType) String() string {
	if t < 0 || int(t) >= len(attributeTypeNames) {
		return fmt.Sprintf("AttributeType(%d)", int32(t))
	}
	return attributeTypeNames[t]
}

// FloatAttr returns an attribute of type FLOAT.
func FloatAttr(name string, f float32) *Attribute {
	return &Attribute{Name: name, Type: AttributeFloat, F: f}
}

// FloatsAttr returns an attribute of type FLOATS.
func FloatsAttr(name string, floats ...float32) *Attribute {
	return &Attribute{Name: name, Type: AttributeFloats, Floats: floats}
}

// IntAttr returns an attribute of type INT.
func IntAttr(name string, i int64) *Attribute {
	return &Attribute{Name: name, Type: AttributeInt, I: i}
}

// IntsAttr returns an attribute of type INTS.
func IntsAttr(name string, ints ...int64) *Attribute {
	return &Attribute{Name: name, Type: AttributeInts, Ints: ints}
}

// StringAttr returns an attribute of type STRING.
func StringAttr(name, s string) *Attribute {
	return &Attribute{Name: name, Type: AttributeString, S: []byte(s)}
}

// StringsAttr returns an attribute of type STRINGS.
func StringsAttr(name string, strings ...string) *Attribute {
	a := &Attribute{Name: name, Type: AttributeStrings}
	for _, s := range strings {
		a.Strings = append(a.Strings, []byte(s))
	}
	return a
}

// TensorAttr returns an attribute of type TENSOR.
func TensorAttr(name string, t *Tensor) *Attribute {
	return &Attribute{Name: name, Type: AttributeTensor, T: t}
}

// GraphAttr returns an attribute of type GRAPH.
func GraphAttr(name string, g *Graph) *Attribute {
	return &Attribute{Name: name, Type: AttributeGraph, G: g}
}
