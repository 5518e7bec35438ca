package onnx_test

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// function is a field of a model; its fields are those of a function.
func function(name string, fields ...[]byte) []byte {
	return message(25, append([][]byte{str(1, name)}, fields...)...)
}

// functionNode is a field of a function.
func functionNode(op, input, output string, attributes ...[]byte) []byte {
	return message(7, node(op, []string{input}, []string{output}, attributes...)[2:])
}

func TestFunctionsAreDecodedWithTheirBodies(t *testing.T) {
	reference := message(5, str(1, "alpha"), varint(20, 1), str(21, "slope"))
	data := slices.Concat(file(node("Relu", []string{"x"}, []string{"y"}), graphInput("x"), graphOutput("y")), function("Twice", str(4, "x"), str(5, "y"), str(6, "slope"),
		functionNode("LeakyRelu", "x", "h", reference), functionNode("Elu", "h", "y"), str(8, "doc"),
		message(9, varint(2, 17)), message(9, str(1, "com.acme"), varint(2, 1)), str(10, "com.acme"),
		message(11, str(1, "beta"), fixed32(2, 0x3f800000), varint(20, 1)), str(13, "overload")))
	m, err := onnx.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	f := m.Functions[0]
	if f.Name != "Twice" || f.Domain != "com.acme" || f.Doc != "doc" || f.String() != `function "com.acme.Twice"` {
		t.Errorf("%v in %q, doc %q", f, f.Domain, f.Doc)
	}
	if !slices.Equal(f.Inputs, []string{"x"}) || !slices.Equal(f.Outputs, []string{"y"}) || !slices.Equal(f.Attributes, []string{"slope"}) {
		t.Errorf("inputs %q, outputs %q, attributes %q", f.Inputs, f.Outputs, f.Attributes)
	}
	if len(f.Defaults) != 1 || f.Defaults[0].Name != "beta" || f.Defaults[0].F != 1 {
		t.Errorf("defaults %+v", f.Defaults)
	}
	if want := map[string]int64{"": 17, "com.acme": 1}; !maps.Equal(f.Opsets, want) {
		t.Errorf("operator sets %v, want %v", f.Opsets, want)
	}
	if len(f.Nodes) != 2 || f.Nodes[0].OpType != "LeakyRelu" || f.Nodes[1].OpType != "Elu" {
		t.Fatalf("nodes %v", f.Nodes)
	}
	if a := f.Nodes[0].Attr("alpha"); a.Reference != "slope" || a.Type != onnx.AttributeFloat {
		t.Errorf("attribute %+v", a)
	}
	if got := encode(t, m); !bytes.Equal(got, data) {
		t.Errorf("encoded\n%q\nwant\n%q", got, data)
	}
}

func TestNodesOfFunctionsAreSorted(t *testing.T) {
	m, err := onnx.Decode(slices.Concat(reluFile(), function("F", str(4, "x"), str(5, "y"), functionNode("B", "h", "y"), functionNode("A", "x", "h"))))
	if err != nil {
		t.Fatal(err)
	}
	if nodes := m.Functions[0].Nodes; nodes[0].OpType != "A" || nodes[1].OpType != "B" {
		t.Errorf("nodes %v", nodes)
	}
}

func TestRefusesFunctionsThatBreakTheFormat(t *testing.T) {
	reference := message(5, str(1, "alpha"), varint(20, 1), str(21, "slope"))
	x, y := str(4, "x"), str(5, "y")
	for _, test := range []struct {
		rule string
		data []byte
		want string
	}{
		{"no name", function(""), `function "": it has no name`},
		{"an undefined input", function("F", y, functionNode("A", "z", "y")), `function "F": node 0 for "y" (A): its input 0, "z", is not`},
		{"an undefined output", function("F", x, y), `function "F": output "y" is not`},
		{"a cycle", function("F", x, y, functionNode("A", "y", "y")), "cycle"},
		{"two inputs of one name", function("F", x, x), `two inputs are named "x"`},
		{"an attribute declared twice", function("F", str(6, "a"), message(11, str(1, "a"), varint(3, 1))), `attribute "a": declared twice`},
		{"a default without a value", function("F", message(11, str(1, "a"), varint(20, 4))), `attribute "a": its type is TENSOR, but it holds none`},
		{"a reference to nothing", function("F", x, y, functionNode("A", "x", "y", reference)), `attribute "alpha": it stands for "slope", which is no attribute of a function`},
		{"a reference with a value", function("F", x, y, str(6, "slope"), functionNode("A", "x", "y", message(5, str(1, "a"), fixed32(2, 1), str(21, "slope")))), "it holds FLOAT, and stands for"},
		{"a reference outside of functions", message(7, node("A", nil, []string{"z"}, reference)), `attribute "alpha": it stands for "slope"`},
		{"a body that is no message", function("F", varint(7, 1)), `functions 0 "F": node 0: wire type 0`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if _, err := onnx.Decode(slices.Concat(reluFile(), test.data)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}
