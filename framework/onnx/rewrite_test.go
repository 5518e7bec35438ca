package onnx_test

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// What surrounds a rewritten node stays as it was, also what the package does not name, however it is spelled.
func TestARewriteLeavesAllElseAsItWas(t *testing.T) {
	relu := message(1, str(1, "x"), str(2, "y"), str(4, "Relu"), str(6, "doc"), str(77, "unknown"))
	elu := message(1, str(1, "x"), str(2, "y"), str(4, "Elu"), str(6, "doc"), str(77, "unknown"))
	tanh := message(1, str(4, "Tanh"), str(1, "x"), str(2, "z")) // not in the order of the fields
	around := func(node []byte) []byte {
		return file(message(11, str(1, "x")), tanh, node, initializer("w", dtype(onnx.Float), packed(1, 1), raw([]float32{1})), str(78, "unknown"), graphOutput("y"))
	}
	rewrite := func(to ...string) onnx.Rewrite {
		return func(n *onnx.Node, _ int64) (nodes []*onnx.Node, err error) {
			if n.OpType != "Relu" {
				return nil, nil
			}
			nodes = []*onnx.Node{}
			for _, name := range to {
				own := *n
				own.OpType = name
				nodes = append(nodes, &own)
			}
			return nodes, nil
		}
	}
	source := write(t, filepath.Join(t.TempDir(), "m.onnx"), around(relu))
	target := filepath.Join(t.TempDir(), "out.onnx")
	w := onnx.NewFloatTensor("w", []int64{1}, []float32{1})
	if err := rewrite("Elu").SavePatched(source, target, w); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, around(elu)) {
		t.Errorf("got\n%q, %v, want\n%q", got, err, around(elu))
	}
	if err := rewrite().SavePatched(source, target); err == nil || !strings.Contains(err.Error(), "y") {
		t.Errorf("a file whose output nothing computes is written: %v", err)
	}
	failure := errors.New("no")
	refuse := onnx.Rewrite(func(*onnx.Node, int64) ([]*onnx.Node, error) { return nil, failure })
	if err := refuse.SavePatched(source, target); !errors.Is(err, failure) || !strings.Contains(err.Error(), "Tanh") {
		t.Errorf("a node that cannot be rewritten: %v", err)
	}
}

func TestARewriteIsAskedForEveryNodeWithItsOwnOpset(t *testing.T) {
	branch := func(op string) *onnx.Graph {
		nodes := []*onnx.Node{{OpType: op, Outputs: []string{op}}}
		return &onnx.Graph{Name: op, Nodes: nodes, Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo(op, onnx.Float)}}
	}
	m := &onnx.Model{
		IRVersion: 8, Opsets: map[string]int64{"": 15, "f": 1},
		Functions: []*onnx.Function{
			{Domain: "f", Name: "Old", Opsets: map[string]int64{"": 9}, Outputs: []string{"b"},
				Nodes: []*onnx.Node{{OpType: "InOld", Outputs: []string{"b"}}}},
			{Domain: "f", Name: "Same", Outputs: []string{"b"}, Nodes: []*onnx.Node{{OpType: "InSame", Outputs: []string{"b"}}}},
		},
		Graph: &onnx.Graph{Name: "g", Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
			Nodes: []*onnx.Node{{OpType: "Outer", Outputs: []string{"y"}, Attributes: []*onnx.Attribute{
				{Name: "one", Type: onnx.AttributeGraph, G: branch("InOne")},
				{Name: "many", Type: onnx.AttributeGraphs, Graphs: []*onnx.Graph{branch("InFirst"), branch("InSecond")}},
			}}}},
	}
	folder := t.TempDir()
	source := filepath.Join(folder, "source.onnx")
	if err := m.Save(source); err != nil {
		t.Fatal(err)
	}
	asked := map[string]int64{}
	rewrite := onnx.Rewrite(func(n *onnx.Node, opset int64) ([]*onnx.Node, error) {
		asked[n.OpType] = opset
		return nil, nil
	})
	if err := rewrite.SavePatched(source, filepath.Join(folder, "target.onnx")); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"Outer": 15, "InOne": 15, "InFirst": 15, "InSecond": 15, "InOld": 9, "InSame": 15}
	if !maps.Equal(asked, want) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}
