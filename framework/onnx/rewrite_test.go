package onnx_test

import (
	"bytes"
	"errors"
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
