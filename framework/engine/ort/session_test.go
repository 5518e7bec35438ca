package ort_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// graph returns the file of a graph whose nodes are written as "output = Operator(input, input)".
func graph(t testing.TB, inputs, outputs []*onnx.ValueInfo, nodes ...string) []byte {
	t.Helper()
	g := &onnx.Graph{Name: "graph", Inputs: inputs, Outputs: outputs}
	for _, text := range nodes {
		output, call, _ := strings.Cut(text, " = ")
		operator, arguments, _ := strings.Cut(strings.TrimSuffix(call, ")"), "(")
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: operator, Inputs: strings.Split(arguments, ", "), Outputs: strings.Split(output, ", ")})
	}
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
	file, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// vector is a value of one dimension of any size.
func vector(name string, dtype onnx.DataType) *onnx.ValueInfo {
	return onnx.NewTensorInfo(name, dtype, onnx.SymbolicDim("n"))
}

func list(values ...*onnx.ValueInfo) []*onnx.ValueInfo { return values }

// sum is z = x + y on vectors of float32.
func sum(t testing.TB) []byte {
	return graph(t, list(vector("x", onnx.Float), vector("y", onnx.Float)), list(vector("z", onnx.Float)), "z = Add(x, y)")
}

func open(t testing.TB, file []byte, o ort.Options) *ort.Session {
	t.Helper()
	s, err := ort.Open(file, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func run(t testing.TB, s *ort.Session, inputs ...ort.Tensor) []ort.Tensor {
	t.Helper()
	outputs, err := s.Run(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

func floats(name string, data ...float32) ort.Tensor {
	return ort.Tensor{Name: name, Shape: []int{len(data)}, Data: data}
}

func TestEveryElementTypeGoesInAndComesOut(t *testing.T) {
	needLibrary(t)
	for dtype, data := range map[onnx.DataType]any{
		onnx.Float:  []float32{1.5, -2},
		onnx.Double: []float64{1e-300, -2},
		onnx.Int8:   []int8{-128, 127},
		onnx.Int16:  []int16{-1 << 15, 1},
		onnx.Int32:  []int32{-1 << 31, 1},
		onnx.Int64:  []int64{-1 << 63, 1},
		onnx.Uint8:  []uint8{255, 1},
		onnx.Uint16: []uint16{1<<16 - 1, 1},
		onnx.Uint32: []uint32{1<<32 - 1, 1},
		onnx.Uint64: []uint64{1<<64 - 1, 1},
		onnx.Bool:   []bool{true, false},
	} {
		elements := reflect.ValueOf(data)
		for _, shape := range [][]int{{}, {0}, {1}, {2}, {2, 1}} {
			size := 1
			var dims []onnx.Dim
			for range shape {
				dims = append(dims, onnx.SymbolicDim(""))
			}
			for _, n := range shape {
				size *= n
			}
			x, y := onnx.NewTensorInfo("x", dtype, dims...), onnx.NewTensorInfo("y", dtype, dims...)
			in := ort.Tensor{Name: "x", Shape: shape, Data: elements.Slice(0, size).Interface()}
			got := run(t, open(t, graph(t, list(x), list(y), "y = Identity(x)"), ort.Options{}), in)
			if want := []ort.Tensor{{Name: "y", Shape: shape, Data: in.Data}}; !reflect.DeepEqual(got, want) {
				t.Errorf("%v, shape %v: %v comes out as %v", dtype, shape, want, got)
			}
		}
	}
}

func TestOutputsAreChosenByName(t *testing.T) {
	needLibrary(t)
	file := graph(t, list(vector("x", onnx.Float)), list(vector("minus", onnx.Float), vector("size", onnx.Int64)),
		"minus = Neg(x)", "size = Shape(x)")
	minus, size := floats("minus", -1, -2), ort.Tensor{Name: "size", Shape: []int{1}, Data: []int64{2}}
	for _, c := range []struct {
		chosen []string
		want   []ort.Tensor
	}{
		{nil, []ort.Tensor{minus, size}},
		{[]string{"size", "minus"}, []ort.Tensor{size, minus}},
		{[]string{"size"}, []ort.Tensor{size}},
	} {
		s := open(t, file, ort.Options{Outputs: c.chosen})
		if got := run(t, s, floats("x", 1, 2)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q: %v, want %v", c.chosen, got, c.want)
		}
		for i, out := range s.Outputs() {
			if out.Name != c.want[i].Name {
				t.Errorf("%q: output %d is called %s", c.chosen, i, out.Name)
			}
		}
	}
}

// Before IR version 4 initializers were inputs too: a run is not given those.
func TestInputsAreThoseWithoutAValueInTheFile(t *testing.T) {
	needLibrary(t)
	m, err := onnx.Decode(sum(t))
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializers = append(m.Graph.Initializers, onnx.NewFloatTensor("y", []int64{2}, []float32{10, 20}))
	file, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, file, ort.Options{})
	if in := s.Inputs(); len(in) != 1 || in[0].Name != "x" || in[0].Dims[0].String() != "n" {
		t.Errorf("the inputs are %v", in)
	}
	if got := run(t, s, floats("x", 1, 2)); !reflect.DeepEqual(got, []ort.Tensor{floats("z", 11, 22)}) {
		t.Errorf("x + y = %v", got)
	}
}

// The order of the tensors is free, and sizes that the file leaves open change from run to run.
func TestInputsAreFoundByName(t *testing.T) {
	needLibrary(t)
	m := graph(t, list(vector("x", onnx.Float), vector("y", onnx.Float)), list(vector("z", onnx.Float)), "z = Sub(x, y)")
	s := open(t, m, ort.Options{Threads: 2})
	for _, c := range []struct{ inputs, want []ort.Tensor }{
		{[]ort.Tensor{floats("x", 5, 5), floats("y", 1, 2)}, []ort.Tensor{floats("z", 4, 3)}},
		{[]ort.Tensor{floats("y", 1), floats("x", 5)}, []ort.Tensor{floats("z", 4)}},
	} {
		if got := run(t, s, c.inputs...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v gives %v, want %v", c.inputs, got, c.want)
		}
	}
}

// Weights in a file of their own, beside the model.
func TestAModelInAFileFindsItsTensors(t *testing.T) {
	needLibrary(t)
	folder := t.TempDir()
	path := filepath.Join(folder, "model.onnx")
	if _, err := ort.OpenFile(path, ort.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v", err)
	}
	if err := os.WriteFile(path, externalSum(), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := ort.OpenFile(path, ort.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("missing weights: %v", err)
	}
	weights, err := binary.Append(nil, binary.LittleEndian, []float32{10, 20})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "weights.bin"), weights, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := ort.OpenFile(path, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := run(t, s, floats("x", 1, 2)); !reflect.DeepEqual(got, []ort.Tensor{floats("z", 11, 22)}) {
		t.Errorf("x + y = %v", got)
	}
}

func TestWhatCannotBeOpenedIsRefusedWithItsReason(t *testing.T) {
	needLibrary(t)
	x, y := list(vector("x", onnx.Float)), list(vector("y", onnx.Float))
	for _, c := range []struct {
		name   string
		file   []byte
		chosen []string
		want   string
	}{
		{"no model", []byte("no model"), nil, "not an ONNX file"},
		{"an operator that does not exist", graph(t, x, y, "y = Frobnicate(x)"), nil, "opening the model: .*Frobnicate"},
		{"elements that cannot be received", graph(t, x, list(vector("y", onnx.String)), "y = Cast(x)"), nil, `"y" is a tensor of STRING elements`},
		{"no input", graph(t, nil, y, "y = Constant()"), nil, "0 inputs and 1 outputs"},
		{"an output that does not exist", graph(t, x, y, "y = Neg(x)"), []string{"logits"}, `no output "logits": its outputs are ["y"]`},
	} {
		s, err := ort.Open(c.file, ort.Options{Outputs: c.chosen})
		if err == nil {
			s.Close()
			t.Errorf("%s: no error", c.name)
			continue
		}
		for part := range strings.SplitSeq(c.want, ".*") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", c.name, err, part)
			}
		}
	}
}

func TestAWrongRunIsRefusedWithItsReason(t *testing.T) {
	needLibrary(t)
	matrix := onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(2))
	s := open(t, graph(t, list(matrix, vector("y", onnx.Float)), list(onnx.NewTensorInfo("z", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(2))),
		"z = Add(x, y)"), ort.Options{})
	x := func(shape []int, data any) ort.Tensor { return ort.Tensor{Name: "x", Shape: shape, Data: data} }
	right, y := x([]int{1, 2}, []float32{1, 2}), floats("y", 3, 4)
	for _, c := range []struct {
		name   string
		inputs []ort.Tensor
		want   string
	}{
		{"an input is missing", []ort.Tensor{right}, `input "y" is missing`},
		{"an input is given twice", []ort.Tensor{right, right, y}, `input "x" is given twice`},
		{"an input does not exist", []ort.Tensor{right, floats("w", 1)}, `no input "w": its inputs are ["x" "y"]`},
		{"another element type", []ort.Tensor{x([]int{1, 2}, []float64{1, 2}), y}, `input "x": the elements are given as []float64, want []float32 for FLOAT`},
		{"no elements", []ort.Tensor{x([]int{1, 2}, nil), y}, `input "x": the elements are given as <nil>`},
		{"another rank", []ort.Tensor{x([]int{2}, []float32{1, 2}), y}, `input "x": the shape is [2], want [batch 2]`},
		{"another fixed dimension", []ort.Tensor{x([]int{1, 3}, []float32{1, 2, 3}), y}, `input "x": the shape is [1 3], want [batch 2]`},
		{"a negative dimension", []ort.Tensor{x([]int{-1, 2}, []float32{1, 2}), y}, `input "x": the shape is [-1 2]`},
		{"too few elements", []ort.Tensor{x([]int{2, 2}, []float32{1, 2}), y}, `input "x": 2 elements are given for the shape [2 2]`},
		{"too many elements", []ort.Tensor{x([]int{1, 2}, []float32{1, 2, 3}), y}, `input "x": 3 elements are given for the shape [1 2]`},
		{"shapes that the operators refuse", []ort.Tensor{right, floats("y", 1, 2, 3)}, "running the model: "},
	} {
		if _, err := s.Run(c.inputs); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", c.name, err, c.want)
		}
	}
	if got := run(t, s, right, y)[0].Data; !reflect.DeepEqual(got, []float32{4, 6}) {
		t.Errorf("after all those errors, x + y = %v", got)
	}
}

func TestAScalarOutputThatIsNotDeclaredIsRefused(t *testing.T) {
	needLibrary(t)
	undeclared := &onnx.ValueInfo{Name: "y", DType: onnx.Int64}
	s := open(t, graph(t, list(vector("x", onnx.Float)), list(undeclared), "y = Size(x)"), ort.Options{})
	if _, err := s.Run([]ort.Tensor{floats("x", 1)}); err == nil || !strings.Contains(err.Error(), "does not declare its shape") {
		t.Errorf("a scalar: %v", err)
	}
	s = open(t, graph(t, list(vector("x", onnx.Float)), list(undeclared), "y = Shape(x)"), ort.Options{})
	if got := run(t, s, floats("x", 1, 2, 3))[0]; !reflect.DeepEqual(got, ort.Tensor{Name: "y", Shape: []int{1}, Data: []int64{3}}) {
		t.Errorf("a vector: %v", got)
	}
}

func TestAClosedSessionRefusesToRun(t *testing.T) {
	needLibrary(t)
	s := open(t, sum(t), ort.Options{})
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.Run([]ort.Tensor{floats("x", 1), floats("y", 1)}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("error %v", err)
	}
}

// Goroutines run one session, which is closed while they do: every run is right or refused.
func TestRunsAreConcurrentAndCloseWaitsForThem(t *testing.T) {
	needLibrary(t)
	s := open(t, sum(t), ort.Options{})
	const runs = 500
	var group sync.WaitGroup
	right := make([]int, 4)
	closing := make(chan struct{}, len(right))
	for g := range right {
		group.Go(func() {
			for i := range runs {
				if i == runs/2 {
					closing <- struct{}{}
				}
				a, b := float32(g), float32(i)
				got, err := s.Run([]ort.Tensor{floats("x", a, b), floats("y", 1, a)})
				switch {
				case err == nil && slices.Equal(got[0].Data.([]float32), []float32{a + 1, b + a}):
					right[g]++
				case err == nil || !strings.Contains(err.Error(), "closed"):
					t.Errorf("goroutine %d, run %d: %v, %v", g, i, got, err)
				}
			}
		})
	}
	<-closing
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	group.Wait()
	if done := slices.Max(right); done < runs/2 {
		t.Errorf("%d runs at most before the session was closed", done)
	}
}

// A run reads Go's memory, which the library does not keep alive: here nothing else refers to it, the collector runs without pause,
// and what it frees is overwritten at once. The model reads y only after a while.
func TestTensorsLiveThroughCollections(t *testing.T) {
	needLibrary(t)
	const length, runs, delay = 1 << 12, 100, 500
	nodes, last := []string{}, "x"
	for i := range delay {
		next := fmt.Sprintf("x%d", i)
		nodes, last = append(nodes, next+" = Neg("+last+")"), next
	}
	nodes = append(nodes, "z = Add("+last+", y)")
	file := graph(t, list(vector("x", onnx.Float), vector("y", onnx.Float)), list(vector("z", onnx.Float)), nodes...)
	s := open(t, file, ort.Options{})
	stop := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
				for range 64 {
					overwritten = slices.Repeat([]float32{-1}, length)
				}
			}
		}
	})
	var kept []ort.Tensor
	for i := range runs {
		x, y := make([]float32, length), make([]float32, length)
		for j := range x {
			x[j], y[j] = float32(i), float32(j)
		}
		kept = append(kept, run(t, s, floats("x", x...), floats("y", y...))...)
	}
	close(stop)
	group.Wait()
	for i, z := range kept {
		for j, got := range z.Data.([]float32) {
			if want := float32(i + j); got != want {
				t.Fatalf("run %d, element %d: %v, want %v", i, j, got, want)
			}
		}
	}
}

var overwritten []float32

// externalSum is the file of z = x + y, with y in weights.bin.
func externalSum() []byte {
	entry := func(key, value string) []byte { return message(13, message(1, []byte(key)), message(2, []byte(value))) }
	dims := func(name string) []byte {
		dim := message(1, message(2, []byte("n")))
		return slices.Concat(message(1, []byte(name)), message(2, message(1, varint(1, 1), message(2, dim))))
	}
	y := message(5, varint(1, 2), varint(2, 1), message(8, []byte("y")), entry("location", "weights.bin"), varint(14, 1))
	node := message(1, message(1, []byte("x")), message(1, []byte("y")), message(2, []byte("z")), message(4, []byte("Add")))
	g := message(7, node, message(2, []byte("graph")), y, message(11, dims("x")), message(12, dims("z")))
	return slices.Concat(varint(1, 8), g, message(8, message(1), varint(2, 17)))
}

func message(field int, parts ...[]byte) []byte {
	content := slices.Concat(parts...)
	return slices.Concat([]byte{byte(field<<3 | 2)}, binary.AppendUvarint(nil, uint64(len(content))), content)
}

func varint(field, value int) []byte { return []byte{byte(field << 3), byte(value)} }
