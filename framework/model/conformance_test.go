package model

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"google.golang.org/protobuf/encoding/protowire"
	"gorgonia.org/gorgonia"
)

// The manifest names every test of ONNX's own collection. Of a commented one the error must contain the reason.
const manifest = "testdata/conformance.txt"

// update writes the manifest anew: what passes, and what is refused with the reason. A wrong output still fails the test.
var update = flag.Bool("update", false, "write the manifest of ONNX's tests anew")

func TestONNXBackendTestsPassOrAreRefusedAsTheManifestSays(t *testing.T) {
	root, reasons := onnxtest.TestData(t), readManifest(t)
	passed, refused := 0, 0
	var lines []string
	for _, name := range backendTests(t, root) {
		source, err := onnx.Load(filepath.Join(root, name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		reason, listed := reasons[name]
		delete(reasons, name)
		if !listed && !*update {
			t.Errorf("%s is not in the manifest", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			err := runBackendTest(t, source, filepath.Join(root, name, "test_data_set_0"))
			if *update {
				lines = append(lines, line(name, err))
				return
			}
			switch {
			case err == nil && reason == "":
				passed++
			case err == nil:
				t.Errorf("passes, but the manifest says: %s", reason)
			case reason == "" || !strings.Contains(err.Error(), reason):
				t.Errorf("%v; the manifest says: %q", err, reason)
			default:
				refused++
			}
		})
	}
	for name := range reasons {
		t.Errorf("the manifest names %s, which is not there", name)
	}
	t.Logf("%d passed, %d refused", passed, refused)
	if *update {
		if err := os.WriteFile(manifest, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// line is what the manifest says of a test: the reason without what identifies the node.
func line(name string, err error) string {
	if err == nil {
		return name + "\n"
	}
	reason := err.Error()
	if at := strings.LastIndex(reason, "): "); at >= 0 {
		reason = reason[at+3:]
	}
	return fmt.Sprintf("# %s: %s\n", name, reason)
}

// backendTests returns the tests' folders under root.
func backendTests(t *testing.T, root string) []string {
	t.Helper()
	models, err := filepath.Glob(filepath.Join(root, "*", "*", "model.onnx"))
	if err != nil || len(models) < 1000 {
		t.Fatalf("%d tests in %s: %v", len(models), root, err)
	}
	var list []string
	for _, path := range models {
		name, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, name)
	}
	return list
}

// readManifest returns the reasons by test: "" for one that passes.
func readManifest(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(manifest)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reasons := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line, skipped := strings.CutPrefix(lines.Text(), "# ")
		name, reason, _ := strings.Cut(line, ": ")
		if skipped != (reason != "") {
			t.Fatalf("%s: %q: a commented line needs a reason, no other has one", manifest, line)
		}
		reasons[name] = reason
	}
	return reasons
}

// runBackendTest returns an error if the first output is refused. A wrong output, also of the others, fails the test.
func runBackendTest(t *testing.T, source *onnx.Model, folder string) error {
	t.Helper()
	fixed := feed(t, source, folder)
	var first error
	for i, out := range source.Graph.Outputs {
		got, err := evaluate(t, fixed, out.Name)
		if i == 0 {
			first = err
		}
		if err != nil {
			continue
		}
		tensor := tensorFile(t, fmt.Sprintf("%s/output_%d.pb", folder, i), out.Name)
		tensor.DType = out.DType // the files of BFLOAT16 tests say UINT16
		want := expected(t, tensor)
		if strings.Contains(folder, "window") {
			want.tolerance = 1e-4 // they were made with π = 3.1415
		}
		compare(t, got, want)
	}
	return first
}

// feed returns the graph with its inputs' numbers as initializers: floating-point ones become parameters, others constants. The
// PyTorch tests are of opset 6, which differs from 7, for our operators, in attributes that are refused.
func feed(t *testing.T, source *onnx.Model, folder string) *onnx.Model {
	t.Helper()
	graph := *source.Graph
	graph.Initializers, graph.Inputs = slices.Clone(graph.Initializers), nil
	next := 0
	for _, in := range source.Graph.Inputs {
		if slices.ContainsFunc(source.Graph.Initializers, func(t *onnx.Tensor) bool { return t.Name == in.Name }) {
			continue
		}
		tensor := tensorFile(t, fmt.Sprintf("%s/input_%d.pb", folder, next), in.Name)
		if in.Kind == onnx.KindTensor {
			tensor.DType = in.DType // the files of BFLOAT16 tests say UINT16
		}
		graph.Initializers = append(graph.Initializers, tensor)
		next++
	}
	fixed := *source
	fixed.Graph = &graph
	fixed.Opsets = map[string]int64{"": max(MinOpset, source.Opsets[""])}
	return &fixed
}

// tensorFile reads a file that holds a TensorProto, as the initializer of a model written around it.
func tensorFile(t *testing.T, path, name string) *onnx.Tensor {
	t.Helper()
	tensor, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	field := func(message []byte, number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(message, number, protowire.BytesType), content)
	}
	output := field(nil, 1, []byte(name))
	graph := field(field(nil, 5, append(tensor, field(nil, 8, []byte(name))...)), 12, output)
	m, err := onnx.Decode(field(nil, 7, graph))
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return m.Graph.Initializers[0]
}

// result is a tensor.
type result struct {
	shape     []int
	integer   bool
	data      []float64
	tolerance float64
}

// evaluate computes a tensor of a graph without inputs in float32.
func evaluate(t *testing.T, source *onnx.Model, output string) (*result, error) {
	t.Helper()
	m := &Model{Source: source, Output: output, graph: source.Graph, opset: source.Opsets[""]}
	needed, err := m.trace()
	if err != nil {
		return nil, err
	}
	if err := m.readInitializers(needed); err != nil {
		return nil, err
	}
	if problems := m.unsupported(); len(problems) > 0 {
		return nil, fmt.Errorf("%s", summarize(problems))
	}
	given, values := Given{Graph: gorgonia.NewGraph(), Precision: array.Float32, Training: true}, opstest.Values{}
	for _, p := range m.Parameters {
		x := ops.Input(given.Graph, "parameter "+p.Name, array.Float32, p.Shape...)
		given.Params, values[x] = append(given.Params, x), p.Value.As(array.Float64).F64
	}
	for _, p := range m.Buffers {
		x := ops.Input(given.Graph, "buffer "+p.Name, array.Float32, p.Shape...)
		given.Buffers, values[x] = append(given.Buffers, x), p.Value.As(array.Float64).F64
	}
	w, err := m.newWriter(given)
	if err != nil {
		return nil, err
	}
	if err := w.nodes(m.nodes); err != nil {
		return nil, err
	}
	v := w.values[output]
	r := &result{shape: v.expr.Shape(), integer: v.isInteger()}
	if numbers, known := v.expr.Known(); known {
		r.data = numbers
		return r, nil
	}
	if len(w.out.Noise) > 0 {
		return nil, errors.New("the output depends on noise, which everybody draws differently")
	}
	for _, h := range ops.HeldBy(given.Graph) {
		values[h.Input] = h.Value.As(array.Float64).F64
	}
	r.data = opstest.Run(t, values, v.expr)[0]
	return r, nil
}

// expected reads a tensor.
func expected(t *testing.T, tensor *onnx.Tensor) *result {
	t.Helper()
	v, err := readTensor(tensor)
	if err != nil {
		t.Fatal(err)
	}
	numbers, _ := v.expr.Known()
	r := &result{v.expr.Shape(), v.isInteger(), numbers, 1e-5}
	switch tensor.DType { // which we do not round to
	case onnx.Float16:
		r.tolerance = 1. / (1 << 11)
	case onnx.BFloat16:
		r.tolerance = 1. / (1 << 8)
	}
	return r
}

// compare allows for the rounding of float32, in sums of as many terms of size one as the tests have.
func compare(t *testing.T, got, want *result) {
	t.Helper()
	if !slices.Equal(got.shape, want.shape) || got.integer != want.integer {
		t.Fatalf("the output has the shape %v (integer: %v), want %v (%v)", got.shape, got.integer, want.shape, want.integer)
	}
	for i, w := range want.data {
		g := got.data[i]
		if equal := g == w || math.IsNaN(g) && math.IsNaN(w); !equal && !(math.Abs(g-w) <= want.tolerance*(1+math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g, w)
		}
	}
}
