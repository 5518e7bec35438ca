package onnx

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// This file is onnx.proto: for each message its fields, by number and name,
// and where they are kept.

func (m *Model) fields() []field {
	return []field{
		{1, "ir_version", integer{&m.IRVersion}},
		{2, "producer_name", text{&m.ProducerName}},
		{3, "producer_version", text{&m.ProducerVersion}},
		{4, "domain", text{&m.Domain}},
		{5, "model_version", optional{&m.ModelVersion}},
		{6, "doc_string", text{&m.Doc}},
		{7, "graph", single(&m.Graph)},
		{8, "opset_import", opsets{&m.Opsets, &m.imports}},
		{14, "metadata_props", entries{&m.Metadata}},
		{25, "functions", repeated(&m.Functions)},
	}
}

func (g *Graph) fields() []field {
	return []field{
		{1, "node", repeated(&g.Nodes)},
		{2, "name", text{&g.Name}},
		{5, "initializer", repeated(&g.Initializers)},
		{11, "input", repeated(&g.Inputs)},
		{12, "output", repeated(&g.Outputs)},
		{13, "value_info", repeated(&g.ValueInfo)},
		{15, "sparse_initializer", repeated(&g.SparseInitializers)},
	}
}

func (n *Node) fields() []field {
	return []field{
		{1, "input", texts{&n.Inputs}},
		{2, "output", texts{&n.Outputs}},
		{3, "name", text{&n.Name}},
		{4, "op_type", text{&n.OpType}},
		{5, "attribute", repeated(&n.Attributes)},
		{7, "domain", domain{&n.Domain}},
		{9, "metadata_props", entries{&n.Metadata}},
	}
}

func (a *Attribute) fields() []field {
	return []field{
		{1, "name", text{&a.Name}},
		{2, "f", typed{a, AttributeFloat, float{&a.F}}},
		{3, "i", typed{a, AttributeInt, integer{&a.I}}},
		{4, "s", typed{a, AttributeString, blob{&a.S}}},
		{5, "t", typed{a, AttributeTensor, single(&a.T)}},
		{6, "g", typed{a, AttributeGraph, single(&a.G)}},
		{7, "floats", typed{a, AttributeFloats, floats{&a.Floats}}},
		{8, "ints", typed{a, AttributeInts, integers{&a.Ints}}},
		{9, "strings", typed{a, AttributeStrings, blobs{&a.Strings}}},
		{10, "tensors", typed{a, AttributeTensors, repeated(&a.Tensors)}},
		{11, "graphs", typed{a, AttributeGraphs, repeated(&a.Graphs)}},
		{20, "type", enum[AttributeType]{&a.Type}},
		{21, "ref_attr_name", text{&a.Reference}},
	}
}

func (t *Tensor) fields() []field {
	return []field{
		{1, "dims", integers{&t.Dims}},
		{2, "data_type", enum[DataType]{&t.DType}},
		{4, "float_data", contents{t, floatData, protowire.Fixed32Type}},
		{5, "int32_data", contents{t, int32Data, protowire.VarintType}},
		{6, "string_data", blobs{&t.strings}},
		{7, "int64_data", contents{t, int64Data, protowire.VarintType}},
		{8, "name", text{&t.Name}},
		{9, "raw_data", contents{t, rawData, protowire.BytesType}},
		{10, "double_data", contents{t, doubleData, protowire.Fixed64Type}},
		{11, "uint64_data", contents{t, uint64Data, protowire.VarintType}},
		{13, "external_data", entries{&t.external}},
		{14, "data_location", location{t}},
	}
}

func (t *SparseTensor) fields() []field {
	return []field{
		{1, "values", single(&t.Values)},
		{2, "indices", single(&t.Indices)},
		{3, "dims", integers{&t.Dims}},
	}
}

func (v *ValueInfo) fields() []field {
	hasType := v.Kind != KindTensor || v.hasTensorType()
	return []field{
		{1, "name", text{&v.Name}},
		{2, "type", inline{typeProto{v: v}, &hasType}},
	}
}

// hasTensorType reports whether v has the type of a tensor, not just no type.
func (v *ValueInfo) hasTensorType() bool {
	return v.Kind == KindTensor && (v.DType != Undefined || v.HasShape)
}

// typeProto, tensorType and shapeProto are the messages TypeProto,
// TypeProto.Tensor and TensorShapeProto inside a ValueInfo.
type (
	typeProto struct {
		v *ValueInfo
		closed
	}
	tensorType struct {
		v *ValueInfo
		closed
	}
	shapeProto struct {
		v *ValueInfo
		closed
	}
)

func (t typeProto) fields() []field {
	v := t.v
	isTensor := v.hasTensorType()
	return []field{
		{1, "tensor_type", inline{tensorType{v: v}, &isTensor}},
		{4, "sequence_type", element{v, KindSequence}},
		{5, "map_type", element{v, KindMap}},
		{6, "denotation", text{&v.Denotation}},
		{7, "opaque_type", element{v, KindOpaque}},
		{8, "sparse_tensor_type", element{v, KindSparseTensor}},
		{9, "optional_type", element{v, KindOptional}},
	}
}

func (t tensorType) fields() []field {
	return []field{
		{1, "elem_type", enum[DataType]{&t.v.DType}},
		{2, "shape", inline{shapeProto{v: t.v}, &t.v.HasShape}},
	}
}

func (s shapeProto) fields() []field { return []field{{1, "dim", dims{&s.v.Dims}}} }

// dimProto is the message TensorShapeProto.Dimension.
type dimProto struct {
	d *Dim
	closed
}

func (p dimProto) fields() []field {
	return []field{
		{1, "dim_value", extent{p.d}},
		{2, "dim_param", text{&p.d.Param}},
		{3, "denotation", text{&p.d.Denotation}},
	}
}

type entryProto struct {
	*Entry
	closed
}

func (e entryProto) fields() []field {
	return []field{
		{1, "key", text{&e.Key}},
		{2, "value", text{&e.Value}},
	}
}

// typed is the field of an attribute that holds values of one type. It is
// written where the attribute has that type and a value, and gives the type to
// an attribute that has none.
type typed struct {
	a   *Attribute
	typ AttributeType
	codec
}

func (c typed) decode(v value) error {
	if c.a.Type == AttributeUndefined {
		c.a.Type = c.typ
	}
	return c.codec.decode(v)
}

func (c typed) encode(w *writer, number protowire.Number) {
	if c.a.Type == c.typ && c.a.Reference == "" {
		c.codec.encode(w, number)
	}
}

// inline is a message whose fields are kept in the value that holds it. It is
// written where *present; reading one sets that.
type inline struct {
	r       record
	present *bool
}

func (c inline) decode(v value) error {
	*c.present = true
	if err := decodeMessage(v, c.r); err != nil {
		return fmt.Errorf("%s%w", v.name, err)
	}
	return nil
}

func (c inline) encode(w *writer, number protowire.Number) {
	if *c.present {
		w.record(number, c.r)
	}
}

// element is the type of a value that is not a tensor, kept as bytes.
type element struct {
	v    *ValueInfo
	kind Kind
}

func (c element) decode(v value) error {
	c.v.Kind = c.kind
	return blob{&c.v.element}.decode(v)
}

func (c element) encode(w *writer, number protowire.Number) {
	if c.v.Kind == c.kind {
		w.bytes(number, c.v.element)
	}
}

type dims struct{ list *[]Dim }

func (c dims) decode(v value) error {
	d := Dim{Value: -1}
	if err := decodeMessage(v, dimProto{d: &d}); err != nil {
		return fmt.Errorf("dim %d%w", len(*c.list), err)
	}
	if d.Param != "" {
		d.Value = -1
	}
	*c.list = append(*c.list, d)
	return nil
}

func (c dims) encode(w *writer, number protowire.Number) {
	for i := range *c.list {
		w.record(number, dimProto{d: &(*c.list)[i]})
	}
}

// extent is the size of a dimension, written where it is fixed. Files say -1
// for unknown.
type extent struct{ d *Dim }

func (c extent) decode(v value) error {
	if err := (integer{&c.d.Value}).decode(v); err != nil {
		return err
	}
	if c.d.Value < -1 {
		return fmt.Errorf("%s: %d is negative", v.name, c.d.Value)
	}
	return nil
}

func (c extent) encode(w *writer, number protowire.Number) {
	if c.d.Param == "" && c.d.Value >= 0 {
		w.varint(number, uint64(c.d.Value))
	}
}

type entries struct{ list *[]Entry }

func (c entries) decode(v value) error {
	var e Entry
	if err := decodeMessage(v, entryProto{Entry: &e}); err != nil {
		return fmt.Errorf("%s %d%w", v.name, len(*c.list), err)
	}
	*c.list = append(*c.list, e)
	return nil
}

func (c entries) encode(w *writer, number protowire.Number) {
	for i := range *c.list {
		w.record(number, entryProto{Entry: &(*c.list)[i]})
	}
}
