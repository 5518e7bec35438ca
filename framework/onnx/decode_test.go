package onnx_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

func TestRefusesFilesThatBreakTheFormat(t *testing.T) {
	relu := func(more ...[]byte) []byte {
		return node("Relu", []string{"x"}, []string{"y"}, append([][]byte{str(3, "relu1")}, more...)...)
	}
	x, y := graphInput("x"), graphOutput("y")
	group := slices.Concat(protowire.AppendTag(nil, 3, protowire.StartGroupType), protowire.AppendTag(nil, 3, protowire.EndGroupType))
	unknownGroup := slices.Concat(protowire.AppendTag(nil, 99, protowire.StartGroupType), protowire.AppendTag(nil, 99, protowire.EndGroupType))

	for _, test := range []struct {
		rule string
		data []byte
		want string
	}{
		{"an empty file", nil, "not an ONNX file: it is empty"},
		{"a text file", []byte("hello, world\n"), "not an ONNX file"},
		{"a picture", []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR"), "not an ONNX file"},
		{"zeros", make([]byte, 1000), "not an ONNX file"},
		{"a Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00"), "git lfs pull"},
		{"a model without a graph", varint(1, 8), "the model has no graph"},
		{"a graph without outputs", file(relu(), x), "graph: it has no outputs"},
		{"an operator set in two versions", slices.Concat(file(relu(), x, y), message(8, str(1, "ai.onnx"), varint(2, 9))), `domain "" has versions 17 and 9`},

		{"a length beyond the end", file(relu(), x, []byte{12<<3 | 2, 100, 'y'}), "graph: output: the data ends inside the field"},
		{"an unknown field beyond the end", file(relu(), x, y, protowire.AppendTag(nil, 99, protowire.Fixed64Type)), "graph: field 99: the data ends"},
		{"field number zero", file([]byte{0, 0}, x, y), "graph: field 0: not a field of protobuf"},
		{"an overlong varint", file(relu(message(5, str(1, "axis"), bytes.Repeat([]byte{0x80}, 20))), x, y), `node 0 "relu1": attribute 0 "axis": field 0: not a field of protobuf`},
		{"an overlong varint as a packed number", file(relu(message(5, str(1, "axes"), message(8, bytes.Repeat([]byte{0x80}, 20)))), x, y), `node 0 "relu1": attribute 0 "axes": ints: not a field of protobuf`},
		{"a group", file(message(1, group), y), "graph: node 0: name: ONNX has no group fields"},
		{"a group in an unknown field", file(relu(unknownGroup), x, y), "field 99: ONNX has no group fields"},
		{"a number in place of a string", file(message(1, varint(4, 1)), y), "graph: node 0: op_type: wire type 0, where ONNX has 2"},
		{"a number in place of a message", file(varint(1, 1), y), "graph: node 0: wire type 0, where ONNX has a message"},
		{"a string in place of a number", slices.Concat(str(1, "8"), file(relu(), x, y)), "ir_version: wire type 2, where ONNX has 0"},
		{"a name that is not UTF-8", file(node("Relu", []string{"x"}, []string{"\xff\xfe"}), x, y), "output: \"\\xff\\xfe\" is not valid UTF-8"},

		{"a node without an operator", file(node("", []string{"x"}, []string{"y"}, str(3, "relu1")), x, y), `graph: node 0 "relu1" (): it has no op_type`},
		{"a node without outputs", file(node("Relu", []string{"x"}, []string{""}), x, y), "graph: node 0 (Relu): it has no outputs"},
		{"an attribute given twice", file(relu(message(5, str(1, "axis"), varint(3, 1), varint(20, 2)), message(5, str(1, "axis"), varint(3, 2), varint(20, 2))), x, y), `node 0 "relu1" (Relu): attribute "axis": given twice`},
		{"an attribute without a name", file(relu(message(5, varint(3, 1), varint(20, 2))), x, y), "it has no name"},
		{"an attribute of two types", file(relu(message(5, str(1, "axis"), varint(3, 1), str(4, "a"), varint(20, 2))), x, y), `its type is INT, but it holds STRING`},
		{"an attribute without a value", file(relu(message(5, str(1, "value"), varint(20, 4))), x, y), `attribute "value": its type is TENSOR, but it holds none`},
		{"an attribute of an unknown type", file(relu(message(5, str(1, "value"), varint(20, -3))), x, y), `AttributeType(-3), is not one of ONNX`},

		{"two inputs of one name", file(relu(), x, x, y), `two inputs are named "x"`},
		{"an input without a name", file(relu(), x, graphInput(""), y), "input 1 has no name"},
		{"two initializers of one name", file(relu(), initializer("x"), initializer("x"), y), `two initializers are named "x"`},
		{"an initializer without a name", file(relu(), x, initializer(""), y), "initializer 0 has no name"},
		{"a value produced twice", file(relu(), node("Abs", []string{"x"}, []string{"y"}), x, y), `value "y" is produced twice: by node 0 "relu1" (Relu) and by node 1 for "y" (Abs)`},
		{"an output named like an input", file(relu(), x, graphInput("y"), y), `node 0 "relu1" (Relu): its output "y" is an input or an initializer too`},
		{"an undefined input", file(relu(), y), `graph: node 0 "relu1" (Relu): its input 0, "x", is not an input of the graph`},
		{"an undefined output", file(relu(), x, y, graphOutput("z")), `graph: output "z" is not an output of a node`},
		{"an undefined output of a graph without nodes", file(x, y), `graph: output "y" is not`},
		{"a node that uses itself", file(node("Relu", []string{"y"}, []string{"y"}), y), `cycle, each using an output of the next and the last of the first: node 0 for "y" (Relu)`},
		{"a cycle", file(node("A", []string{"x"}, []string{"a"}), node("B", []string{"a", "c"}, []string{"b"}), node("C", []string{"b"}, []string{"c"}), graphOutput("c"), x),
			`node 1 for "b" (B), node 2 for "c" (C)`},
		{"a shape with a negative dimension", file(relu(), message(11, str(1, "x"), message(2, message(1, varint(1, 1), message(2, message(1, varint(1, -5)))))), y), `input 0 "x": type: tensor_type: shape: dim 0: dim_value: -5 is negative`},
		{"a tensor with data in two fields", file(relu(), initializer("x", str(9, "abcd"), message(4, make([]byte, 4))), y), `initializer 0 "x": data are both in raw_data and in float_data`},
		{"a tensor in an unknown place", file(relu(), initializer("x", varint(14, 2)), y), "data_location is neither"},
		{"a subgraph that uses an undefined value", file(node("If", []string{"x"}, []string{"y"}, message(5, str(1, "then_branch"), varint(20, 5), message(6, node("Relu", []string{"z"}, []string{"r"}), graphOutput("r")))), x, y),
			`node 0 for "y" (If): its input 1, "z", is not`},
		{"a subgraph that breaks the format", file(node("If", []string{"x"}, []string{"y"}, message(5, str(1, "then_branch"), varint(20, 5), message(6, node("", nil, []string{"r"})))), x, y),
			`node 0 for "y" (If): attribute "then_branch": node 0 for "r" (): it has no op_type`},
		{"subgraphs nested without end", nested(1000), "messages nest more than 100 deep"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			m, err := onnx.Decode(test.data)
			if err == nil {
				t.Fatalf("decoded to %+v, want an error that says %s", m, test.want)
			}
			if !strings.HasPrefix(err.Error(), "onnx: ") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %q, want one of onnx that says %s", err, test.want)
			}
		})
	}
}

// nested is a file with subgraphs inside subgraphs.
func nested(depth int) []byte {
	graph := graphOutput("y")
	for range depth {
		graph = slices.Concat(node("If", nil, []string{"y"}, message(5, str(1, "then_branch"), message(6, graph))), graphOutput("y"))
	}
	return file(graph)
}

func TestTruncatedFilesAreErrors(t *testing.T) {
	whole := reluFile()
	end := bytes.Index(whole, []byte{8<<3 | 2}) // the operator set follows the graph
	for n := range end {
		if _, err := onnx.Decode(whole[:n]); err == nil {
			t.Errorf("the first %d of %d bytes decode", n, len(whole))
		}
	}
	if _, err := onnx.Decode(whole); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsProportionalToTheFile(t *testing.T) {
	var many, chain [][]byte
	names := make([]string, 2000)
	for i := range names {
		names[i] = fmt.Sprint("v", i)
		many = append(many, graphInput(names[i]), initializer(names[i]))
	}
	const length = 20000
	for i := length; i > 0; i-- {
		chain = append(chain, node("Relu", []string{fmt.Sprint("c", i-1)}, []string{fmt.Sprint("c", i)}))
	}
	outputs := make([]string, 2000)
	for i := range outputs {
		outputs[i] = fmt.Sprint("o", i)
	}
	huge := initializer("w", packed(1, 1<<40, 1<<20), varint(2, 1), str(9, "abcd"))
	for _, test := range []struct {
		rule string
		data []byte
	}{
		{"huge dimensions allocate nothing", file(huge, graphOutput("w"))},
		{"many inputs with many outputs have no edge for each pair", file(append(many, node("F", names, outputs), graphOutput("o1"))...)},
		{"a long chain in reverse order is sorted without recursion", file(append(chain, graphInput("c0"), graphOutput(fmt.Sprint("c", length)))...)},
		{"packed numbers grow eightfold", file(node("F", nil, []string{"y"}, message(5, str(1, "a"), message(8, make([]byte, 1<<20)))), graphOutput("y"))},
	} {
		t.Run(test.rule, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			m, err := onnx.Decode(test.data)
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			const fixed = 64 << 10
			if used := after.TotalAlloc - before.TotalAlloc; used > fixed+200*uint64(len(test.data)) {
				t.Errorf("%d bytes allocated for a file of %d", used, len(test.data))
			}
			for _, w := range m.Graph.Initializers {
				if _, err := w.Float32s(); w.Name == "w" && err == nil {
					t.Error("a tensor of 2^60 elements was read")
				}
			}
		})
	}
}

func TestDecodeKeepsViewsOfTensors(t *testing.T) {
	weights := onnx.NewFloatTensor("w", []int64{1 << 20}, make([]float32, 1<<20))
	data := encode(t, &onnx.Model{IRVersion: 8, Graph: &onnx.Graph{
		Initializers: []*onnx.Tensor{weights}, Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("w", onnx.Float, onnx.FixedDim(1<<20))},
	}})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := onnx.Decode(data); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<10 {
		t.Errorf("%d bytes allocated for a file of %d", used, len(data))
	}
}

func TestDecodesWhatFilesMaySay(t *testing.T) {
	x, y := graphInput("x"), graphOutput("y")
	decode := func(t *testing.T, data []byte) *onnx.Model {
		t.Helper()
		m, err := onnx.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	t.Run("ai.onnx is the standard domain", func(t *testing.T) {
		m := decode(t, slices.Concat(varint(1, 8), message(8, str(1, "ai.onnx"), varint(2, 13)),
			message(7, node("Relu", []string{"x"}, []string{"y"}, str(7, "ai.onnx")), x, y)))
		if m.Opsets[""] != 13 || m.Graph.Nodes[0].Domain != "" {
			t.Errorf("operator sets %v, domain of the node %q", m.Opsets, m.Graph.Nodes[0].Domain)
		}
	})
	t.Run("an attribute without a type has that of its value", func(t *testing.T) {
		m := decode(t, file(node("F", nil, []string{"y"}, message(5, str(1, "axis"), varint(3, 0))), y))
		if a := m.Graph.Nodes[0].Attr("axis"); a == nil || a.Type != onnx.AttributeInt {
			t.Errorf("attribute %+v", a)
		}
	})
	t.Run("repeated numbers are packed or not, or both", func(t *testing.T) {
		half := message(7, fixed32(1, 0)[1:])
		m := decode(t, file(node("F", nil, []string{"y"},
			message(5, str(1, "ints"), packed(8, 1, -2), varint(8, 3), varint(20, 7)),
			message(5, str(1, "floats"), half, fixed32(7, 0x3f800000), varint(20, 6))), y))
		n := m.Graph.Nodes[0]
		if got := n.Attr("ints").Ints; !slices.Equal(got, []int64{1, -2, 3}) {
			t.Errorf("ints %v", got)
		}
		if got := n.Attr("floats").Floats; !slices.Equal(got, []float32{0, 1}) {
			t.Errorf("floats %v", got)
		}
	})
	t.Run("a graph without nodes passes its input through", func(t *testing.T) {
		m := decode(t, file(x, graphOutput("x")))
		if len(m.Graph.Nodes) != 0 || m.Graph.Inputs[0].Name != "x" || m.Graph.Outputs[0].Name != "x" {
			t.Errorf("graph %+v", m.Graph)
		}
	})
	t.Run("dimensions are fixed, symbolic or unknown", func(t *testing.T) {
		shape := message(2, message(1, varint(1, 3)), message(1, str(2, "batch")), message(1), message(1, varint(1, -1)))
		m := decode(t, file(message(11, str(1, "x"), message(2, message(1, varint(1, 1), shape))), graphOutput("x")))
		want := []onnx.Dim{onnx.FixedDim(3), onnx.SymbolicDim("batch"), {Value: -1}, {Value: -1}}
		if v := m.Graph.Inputs[0]; !v.HasShape || !slices.Equal(v.Dims, want) || fmt.Sprint(v.Dims) != "[3 batch ? ?]" {
			t.Errorf("dimensions %v, want %v", v.Dims, want)
		}
	})
	t.Run("a scalar has a shape and a tensor of unknown rank has none", func(t *testing.T) {
		scalar := message(2, message(1, varint(1, 1), message(2)))
		unranked := message(2, message(1, varint(1, 1)))
		m := decode(t, file(message(11, str(1, "s"), scalar), message(11, str(1, "u"), unranked), graphOutput("s")))
		if s, u := m.Graph.Inputs[0], m.Graph.Inputs[1]; !s.HasShape || len(s.Dims) != 0 || u.HasShape || u.DType != onnx.Float {
			t.Errorf("scalar %+v, unranked %+v", s, u)
		}
	})
	t.Run("a value may be a sequence", func(t *testing.T) {
		m := decode(t, file(message(11, str(1, "x"), message(2, message(4, message(1)))), graphOutput("x")))
		if v := m.Graph.Inputs[0]; v.Kind != onnx.KindSequence || v.Kind.String() != "sequence" {
			t.Errorf("kind %v", v.Kind)
		}
	})
	t.Run("functions are named", func(t *testing.T) {
		m := decode(t, slices.Concat(reluFile(), message(25, str(1, "Gelu"), str(4, "x"), str(10, "com.acme"))))
		if len(m.Functions) != 1 || m.Functions[0].Name != "Gelu" || m.Functions[0].Domain != "com.acme" {
			t.Errorf("functions %+v", m.Functions)
		}
	})
	t.Run("a message in two pieces is one", func(t *testing.T) {
		m := decode(t, slices.Concat(varint(1, 8), message(7, x), message(7, graphOutput("x"))))
		if len(m.Graph.Inputs) != 1 || len(m.Graph.Outputs) != 1 {
			t.Errorf("graph %+v", m.Graph)
		}
	})
}

func TestLoadNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "broken.onnx")
	if err := os.WriteFile(path, []byte("hello"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{path, filepath.Join(t.TempDir(), "absent.onnx")} {
		if _, err := onnx.Load(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name %s", err, path)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	var nodes [][]byte
	for i := range 1000 {
		nodes = append(nodes, node("Relu", []string{fmt.Sprint("v", i)}, []string{fmt.Sprint("v", i+1)}, message(5, str(1, "axis"), varint(3, 1))))
	}
	data := file(append(nodes, graphInput("v0"), graphOutput("v1000"), initializer("w", message(9, make([]byte, 100<<20))))...)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := onnx.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}
