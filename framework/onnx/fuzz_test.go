package onnx_test

import (
	"bytes"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// FuzzDecode checks that any data either fail to decode or make a model that
// can be read through and that survives Encode and Decode.
func FuzzDecode(f *testing.F) {
	f.Add(encode(f, everything()))
	f.Add(reluFile())
	f.Add(nested(3))
	f.Add(nested(200))
	f.Add(file(node("Mul", []string{"x", "x"}, []string{"y"}), graphInput("x"), graphOutput("y")))
	f.Add(file(node("Relu", []string{"b"}, []string{"a"}), node("Relu", []string{"a"}, []string{"b"}), graphOutput("a")))
	f.Add(file(initializer("w", dtype(onnx.Float), packed(1, 1<<40, 1<<40), message(9, make([]byte, 8))), graphOutput("w")))
	f.Add(file(initializer("w", dtype(onnx.Int64), packed(1, -1), packed(7, 1, 2, 3)), graphOutput("w")))
	f.Add(file(initializer("w", dtype(onnx.Float), message(13, str(1, "location"), str(2, "w.bin")), varint(14, 1)), graphOutput("w")))
	f.Add(file(message(11, str(1, "x"), message(2, message(4, message(1)))), graphOutput("x")))

	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := onnx.Decode(data)
		if err != nil {
			return
		}
		readThrough(t, m.Graph)
		first := encode(t, m)
		again, err := onnx.Decode(first)
		if err != nil {
			t.Fatalf("encoded again: %v", err)
		}
		if second := encode(t, again); !bytes.Equal(first, second) {
			t.Errorf("encoded twice:\n%q\n%q", first, second)
		}
	})
}

// readThrough reads every tensor of g. What a tensor holds is bounded by the
// file, so a read needs no other bound.
func readThrough(t *testing.T, g *onnx.Graph) {
	for _, tensor := range g.Initializers {
		readTensor(t, tensor)
	}
	for _, sparse := range g.SparseInitializers {
		readTensor(t, sparse.Values)
	}
	for _, n := range g.Nodes {
		_ = n.String()
		for _, a := range n.Attributes {
			if a.T != nil {
				readTensor(t, a.T)
			}
			for _, tensor := range a.Tensors {
				readTensor(t, tensor)
			}
			if a.G != nil {
				readThrough(t, a.G)
			}
			for _, sub := range a.Graphs {
				readThrough(t, sub)
			}
		}
	}
}

func readTensor(t *testing.T, tensor *onnx.Tensor) {
	n, err := tensor.Elems()
	if got, readErr := tensor.Float64s(); readErr == nil && (err != nil || len(got) != n) {
		t.Errorf("tensor %q: %d elements read of %d, %v", tensor.Name, len(got), n, err)
	}
	_, err32 := tensor.Float32s()
	_, err64 := tensor.Float64s()
	if (err32 == nil) != (err64 == nil) {
		t.Errorf("tensor %q: Float32s: %v, but Float64s: %v", tensor.Name, err32, err64)
	}
	_, _ = tensor.Int64s()
	_, _ = tensor.Strings()
}
