// Package onnx is the ONNX format as data: it reads and writes .onnx files
// and mirrors what they hold. It resolves nothing: no default of an
// attribute, no operator version, no shape; what a model means, and whether
// it can be computed, is for others to say. It refuses only files that break
// the rules of the format, with an error and never a panic, using memory in
// proportion to the file.
//
// The data of a tensor may be in a file next to the model. Such files are read
// when a tensor's elements are asked for, and never outside of the model's
// folder.
//
// Weights are changed in one of two ways. Patch and SavePatched replace the
// data of initializers and leave every other byte of the file alone. For any
// other change, a Model is changed and encoded: Encode writes what did not
// change as it was, field for field, where the file lists fields by number, as
// all known writers do.
//
// What the types do not name (doc strings below the model, training
// information, quantization annotations, what later versions of ONNX add to
// these messages) is kept as bytes and written back.
//
// The format is defined by onnx.proto and IR.md of
// https://github.com/onnx/onnx.
package onnx

import (
	"fmt"
	"strconv"
)

// Model is a ModelProto.
type Model struct {
	IRVersion       int64
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	Doc             string
	Opsets          map[string]int64 // version by domain; "" is the standard domain, ai.onnx
	Graph           *Graph
	Metadata        []Entry
	Functions       []*Function

	imports []opsetImport // how the file lists Opsets, where Encode would list them otherwise
	unknown
}

// Entry is a StringStringEntryProto.
type Entry struct{ Key, Value string }

// Graph is a GraphProto. Values (inputs, initializers, outputs of nodes) are
// known by name; no two may share one, but an initializer may have the name
// of an input, whose default it then is.
type Graph struct {
	Name               string
	Nodes              []*Node // after Decode in topological order, that of the file where it is one
	Initializers       []*Tensor
	SparseInitializers []*SparseTensor
	Inputs             []*ValueInfo
	Outputs            []*ValueInfo
	ValueInfo          []*ValueInfo // of values that are neither inputs nor outputs

	unknown
}

// Node is a NodeProto: one application of an operator.
type Node struct {
	Name       string // may be empty, and need not be unique
	OpType     string
	Domain     string   // of the operator; "" is the standard domain, ai.onnx
	Inputs     []string // "" where an optional input is omitted
	Outputs    []string // "" where an optional output is omitted
	Attributes []*Attribute
	Metadata   []Entry

	unknown
}

// Attr returns the attribute of that name, or nil.
func (n *Node) Attr(name string) *Attribute {
	for _, a := range n.Attributes {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// String identifies the node in a message: `node "conv1" (Conv)`, or by its
// first output where it has no name.
func (n *Node) String() string {
	op := n.OpType
	if n.Domain != "" {
		op = n.Domain + "." + op
	}
	if n.Name != "" {
		return fmt.Sprintf("node %q (%s)", n.Name, op)
	}
	for _, output := range n.Outputs {
		if output != "" {
			return fmt.Sprintf("node for %q (%s)", output, op)
		}
	}
	return fmt.Sprintf("node (%s)", op)
}

// ValueInfo is a ValueInfoProto: the name and the type of a value. One of
// KindTensor with neither element type nor shape is a value without a type.
type ValueInfo struct {
	Name       string
	Kind       Kind
	DType      DataType // of a tensor
	Dims       []Dim    // of a tensor whose HasShape is true; empty for a scalar
	HasShape   bool     // false where even the rank is unknown
	Denotation string   // of the type

	element []byte // the body of a type that is not a tensor
	unknown
}

// NewTensorInfo returns the type of a tensor of known rank.
func NewTensorInfo(name string, dtype DataType, dims ...Dim) *ValueInfo {
	return &ValueInfo{Name: name, DType: dtype, Dims: dims, HasShape: true}
}

// Kind is the kind of a value: the oneof of a TypeProto. What the elements of
// a value that is not a tensor are, is kept as bytes.
type Kind int

const (
	KindTensor Kind = iota
	KindSequence
	KindMap
	KindOptional
	KindSparseTensor
	KindOpaque
)

var kindNames = [...]string{"tensor", "sequence", "map", "optional", "sparse tensor", "opaque"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kindNames[k]
}

// Dim is one dimension of a shape: fixed, symbolic or unknown.
type Dim struct {
	Value      int64  // -1 unless fixed
	Param      string // the name of a symbolic dimension
	Denotation string
}

// FixedDim returns a dimension of known size.
func FixedDim(size int64) Dim { return Dim{Value: size} }

// SymbolicDim returns a dimension of unknown size; dimensions of one name
// have one size.
func SymbolicDim(name string) Dim { return Dim{Value: -1, Param: name} }

// String returns the size, or the name, or "?".
func (d Dim) String() string {
	switch {
	case d.Param != "":
		return d.Param
	case d.Value >= 0:
		return strconv.FormatInt(d.Value, 10)
	}
	return "?"
}
