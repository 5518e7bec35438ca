package onnx_test

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Files are put together field by field with protowire, so that tests can
// write what Encode never would.

func varint(number protowire.Number, v int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), uint64(v))
}

func fixed32(number protowire.Number, v uint32) []byte {
	return protowire.AppendFixed32(protowire.AppendTag(nil, number, protowire.Fixed32Type), v)
}

func message(number protowire.Number, fields ...[]byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), slices.Concat(fields...))
}

func str(number protowire.Number, s string) []byte { return message(number, []byte(s)) }

func packed(number protowire.Number, numbers ...int64) []byte {
	var b []byte
	for _, v := range numbers {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return message(number, b)
}

// file is a model with the given fields of a graph.
func file(graph ...[]byte) []byte {
	return slices.Concat(varint(1, 8), message(7, graph...), message(8, str(1, ""), varint(2, 17)))
}

// node is a field of a graph.
func node(op string, inputs, outputs []string, more ...[]byte) []byte {
	var fields [][]byte
	for _, input := range inputs {
		fields = append(fields, str(1, input))
	}
	for _, output := range outputs {
		fields = append(fields, str(2, output))
	}
	fields = append(fields, str(4, op))
	return message(1, append(fields, more...)...)
}

func graphInput(name string) []byte  { return message(11, str(1, name)) }
func graphOutput(name string) []byte { return message(12, str(1, name)) }

// initializer is a field of a graph; its fields are those of a tensor.
func initializer(name string, fields ...[]byte) []byte {
	return message(5, append([][]byte{str(8, name)}, fields...)...)
}

// reluFile is a small valid file.
func reluFile() []byte {
	return file(node("Relu", []string{"x"}, []string{"y"}, str(3, "relu1")), graphInput("x"), graphOutput("y"))
}
