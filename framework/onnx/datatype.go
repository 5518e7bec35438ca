package onnx

import "fmt"

// DataType is TensorProto.DataType: the type of a tensor's elements.
type DataType int32

const (
	Undefined DataType = iota
	Float
	Uint8
	Int8
	Uint16
	Int16
	Int32
	Int64
	String
	Bool
	Float16
	Double
	Uint32
	Uint64
	Complex64
	Complex128
	BFloat16
)

// dataTypes lists, by data type, ONNX's name, the bytes of one element in
// raw_data (0: none) and the typed field that may hold elements instead. The
// types after BFLOAT16 are known by name only.
var dataTypes = [...]struct {
	name  string
	width int
	typed storage
}{
	Undefined:  {"UNDEFINED", 0, noData},
	Float:      {"FLOAT", 4, floatData},
	Uint8:      {"UINT8", 1, int32Data},
	Int8:       {"INT8", 1, int32Data},
	Uint16:     {"UINT16", 2, int32Data},
	Int16:      {"INT16", 2, int32Data},
	Int32:      {"INT32", 4, int32Data},
	Int64:      {"INT64", 8, int64Data},
	String:     {"STRING", 0, noData},
	Bool:       {"BOOL", 1, int32Data},
	Float16:    {"FLOAT16", 2, int32Data},
	Double:     {"DOUBLE", 8, doubleData},
	Uint32:     {"UINT32", 4, uint64Data},
	Uint64:     {"UINT64", 8, uint64Data},
	Complex64:  {"COMPLEX64", 8, floatData},
	Complex128: {"COMPLEX128", 16, doubleData},
	BFloat16:   {"BFLOAT16", 2, int32Data},
	17:         {name: "FLOAT8E4M3FN"},
	18:         {name: "FLOAT8E4M3FNUZ"},
	19:         {name: "FLOAT8E5M2"},
	20:         {name: "FLOAT8E5M2FNUZ"},
	21:         {name: "UINT4"},
	22:         {name: "INT4"},
	23:         {name: "FLOAT4E2M1"},
	24:         {name: "FLOAT8E8M0"},
	25:         {name: "UINT2"},
	26:         {name: "INT2"},
}

func (d DataType) known() bool { return d >= 0 && int(d) < len(dataTypes) }

// String returns the name that ONNX gives the type.
func (d DataType) String() string {
	if !d.known() {
		return fmt.Sprintf("DataType(%d)", int32(d))
	}
	return dataTypes[d].name
}
