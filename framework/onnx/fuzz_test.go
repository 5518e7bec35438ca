package onnx_test

import (
	"bytes"
	"slices"
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
		readThrough(t, m)
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

// readThrough reads every tensor of m. What a tensor holds is bounded by the
// file, so a read needs no other bound; only what is made dense is not.
func readThrough(t *testing.T, m *onnx.Model) {
	readGraph(t, m.Graph)
	for _, f := range m.Functions {
		_ = f.String()
		readNodes(t, f.Nodes)
		for _, a := range f.Defaults {
			readAttribute(t, a)
		}
	}
}

func readGraph(t *testing.T, g *onnx.Graph) {
	for _, tensor := range g.Initializers {
		readTensor(t, tensor)
	}
	for _, sparse := range g.SparseInitializers {
		readTensor(t, sparse.Values)
		if sparse.Indices != nil {
			readTensor(t, sparse.Indices)
		}
		shape := onnx.Tensor{Dims: sparse.Dims}
		if n, err := shape.Elems(); err != nil || n < 1<<20 || n > 1<<28 {
			if dense, err := sparse.Dense(); err == nil {
				readTensor(t, dense)
			}
		}
	}
	readNodes(t, g.Nodes)
}

func readNodes(t *testing.T, nodes []*onnx.Node) {
	for _, n := range nodes {
		_ = n.String()
		for _, a := range n.Attributes {
			readAttribute(t, a)
		}
	}
}

func readAttribute(t *testing.T, a *onnx.Attribute) {
	if a.T != nil {
		readTensor(t, a.T)
	}
	for _, tensor := range a.Tensors {
		readTensor(t, tensor)
	}
	if a.G != nil {
		readGraph(t, a.G)
	}
	for _, sub := range a.Graphs {
		readGraph(t, sub)
	}
}

func readTensor(t *testing.T, tensor *onnx.Tensor) {
	n, err := tensor.Elems()
	wide, err64 := tensor.Float64s()
	if err64 == nil && (err != nil || len(wide) != n) {
		t.Errorf("tensor %q: %d elements read of %d, %v", tensor.Name, len(wide), n, err)
	}
	narrow, err32 := tensor.Float32s()
	if (err32 == nil) != (err64 == nil) || len(narrow) != len(wide) {
		t.Errorf("tensor %q: Float32s: %d, %v, but Float64s: %d, %v", tensor.Name, len(narrow), err32, len(wide), err64)
	}
	_, _ = tensor.Int64s()
	_, _ = tensor.Strings()
	if !real(tensor) || err64 != nil {
		return
	}
	again, err := tensor.WithFloat64s(wide)
	if err != nil {
		t.Fatalf("tensor %q does not take its own values: %v", tensor.Name, err)
	}
	if got, err := again.Float64s(); err != nil || !slices.EqualFunc(got, wide, same) {
		t.Errorf("tensor %q: %v written, %v read, %v", tensor.Name, wide, got, err)
	}
}

// real reports whether the tensor has elements that training may change.
func real(w *onnx.Tensor) bool {
	switch w.DType {
	case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
		return true
	}
	return false
}

// same takes any two NaNs as equal.
func same(a, b float64) bool { return a == b || a != a && b != b }

// FuzzPatch checks that new data for some initializers of a file are in it
// afterwards, and that the old data put it back.
func FuzzPatch(f *testing.F) {
	seed := func(w ...[]byte) {
		f.Add(file(append(w, graphOutput("w"))...), uint64(5), float64(1.5))
	}
	two := packed(1, 2)
	seed(initializer("w", dtype(onnx.Float), two, raw([]float32{1, 2})), initializer("v", dtype(onnx.Float), raw([]float32{1})))
	seed(initializer("w", dtype(onnx.Float), two, fixed32(4, 0), message(4, raw([]float32{2})[2:])))
	seed(overlong(5, slices.Concat(str(8, "w"), dtype(onnx.Double), two, message(10, raw([]float64{1, 2})[2:]))))
	seed(initializer("w", dtype(onnx.Float16), two, varint(5, 1), packed(5, 1)))
	seed(initializer("w", dtype(onnx.BFloat16), two, raw([]uint16{7}), raw([]uint16{1, 2})))
	seed(initializer("w", dtype(onnx.Float), message(9), packed(1, 0)), initializer("u", dtype(onnx.Float), external("location", "f")))
	f.Add(encode(f, everything()), uint64(1), float64(-0.1))

	f.Fuzz(func(t *testing.T, data []byte, choice uint64, value float64) {
		m, err := onnx.Decode(data)
		if err != nil {
			return
		}
		var olds, news []*onnx.Tensor
		for i, w := range m.Graph.Initializers {
			v, err := w.Float64s()
			if err != nil || !real(w) || choice>>(i%64)&1 == 0 {
				continue
			}
			for j := range v {
				v[j] = value
			}
			if changed, err := w.WithFloat64s(v); err == nil {
				olds, news = append(olds, w), append(news, changed)
			}
		}
		patched, err := onnx.Patch(data, news...)
		if err != nil {
			t.Fatal(err)
		}
		checkPatched(t, m, patched, news)
		restored, err := onnx.Patch(patched, olds...)
		if err != nil {
			t.Fatal(err)
		}
		if len(patched) == len(data) && !bytes.Equal(restored, data) && !slices.ContainsFunc(olds, mayBeVarints) {
			t.Errorf("the old data do not put the file back:\n%q\n%q", data, restored)
		}
		if again, err := onnx.Decode(restored); err != nil || !bytes.Equal(encode(t, again), encode(t, m)) {
			t.Errorf("the old data do not put the model back:\n%q\n%q, %v", data, restored, err)
		}
	})
}

// mayBeVarints reports whether the tensor may be stored as varints, of which one
// number has several.
func mayBeVarints(w *onnx.Tensor) bool { return w.DType == onnx.Float16 || w.DType == onnx.BFloat16 }

// checkPatched checks that a patched file is what m becomes by replacing its
// tensors.
func checkPatched(t *testing.T, m *onnx.Model, patched []byte, news []*onnx.Tensor) {
	t.Helper()
	got, err := onnx.Decode(patched)
	if err != nil {
		t.Fatalf("the patched file: %v", err)
	}
	initializers := m.Graph.Initializers
	defer func() { m.Graph.Initializers = initializers }()
	m.Graph.Initializers = slices.Clone(initializers)
	for _, w := range news {
		i := slices.IndexFunc(initializers, func(old *onnx.Tensor) bool { return old.Name == w.Name })
		m.Graph.Initializers[i] = w
	}
	if got, want := encode(t, got), encode(t, m); !bytes.Equal(got, want) {
		t.Errorf("patched:\n%q\nwant\n%q", got, want)
	}
}

// FuzzDecodeTensor checks that any data either fail to decode or make a tensor
// that can be read.
func FuzzDecodeTensor(f *testing.F) {
	f.Add(slices.Concat(packed(1, 2), dtype(onnx.Float), raw([]float32{0.5, -2})))
	f.Add(slices.Concat(dtype(onnx.Int64), packed(7, 1, 2, 3)))
	f.Add(slices.Concat(dtype(onnx.Float), message(13, str(1, "location"), str(2, "w.bin")), varint(14, 1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if tensor, err := onnx.DecodeTensor(data); err == nil {
			readTensor(t, tensor)
		}
	})
}
