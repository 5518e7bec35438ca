package model

import (
	"bufio"
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

// The manifest names every test of ONNX's own collection whose values are tensors and that uses no operators but ours. Of a
// commented one the error must contain the reason.
const manifest = "testdata/conformance.txt"

func TestONNXBackendTestsPassOrAreRefusedAsTheManifestSays(t *testing.T) {
	root, reasons := onnxtest.TestData(t), readManifest(t)
	passed, refused := 0, 0
	for _, name := range backendTests(t, root) {
		source, err := onnx.Load(filepath.Join(root, name, "model.onnx"))
		if err != nil {
			t.Fatal(err)
		}
		reason, listed := reasons[name]
		delete(reasons, name)
		if ours := isOurs(source); ours != listed {
			t.Errorf("%s: only our operators, only tensors: %v; in the manifest: %v", name, ours, listed)
		}
		if !listed {
			continue
		}
		t.Run(name, func(t *testing.T) {
			err := runBackendTest(t, source, filepath.Join(root, name, "test_data_set_0"))
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

// isOurs reports whether a test reads and writes tensors only and uses no operators but ours.
func isOurs(source *onnx.Model) bool {
	foreign := func(n *onnx.Node) bool { return n.Domain != "" || !slices.Contains(Operators(), n.OpType) }
	noTensor := func(v *onnx.ValueInfo) bool { return v.Kind != onnx.KindTensor }
	g := source.Graph
	return !slices.ContainsFunc(g.Nodes, foreign) && !slices.ContainsFunc(slices.Concat(g.Inputs, g.Outputs), noTensor)
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
		want, err := readTensor(tensorFile(t, fmt.Sprintf("%s/output_%d.pb", folder, i), out.Name))
		if err != nil {
			t.Fatal(err)
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

// evaluate computes a tensor of a graph without inputs in float32.
func evaluate(t *testing.T, source *onnx.Model, output string) (*literal, error) {
	t.Helper()
	m := &Model{Source: source, Output: output, opset: source.Opsets[""]}
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
	g, values := gorgonia.NewGraph(), opstest.Values{}
	var params []ops.Expr
	for _, p := range m.Parameters {
		x := ops.Input(g, "parameter "+p.Name, array.Float32, p.Shape...)
		params, values[x] = append(params, x), p.Value.As(array.Float64).F64
	}
	w, err := m.newWriter(g, array.Float32, params)
	if err != nil {
		return nil, err
	}
	if err := w.nodes(m.nodes); err != nil {
		return nil, err
	}
	result := w.values[output]
	if result.literal != nil {
		return result.literal, nil
	}
	for _, c := range w.out.Constants {
		values[c.Input] = c.Value.As(array.Float64).F64
	}
	return &literal{shape: result.expr.Shape(), data: opstest.Run(t, values, result.expr)[0]}, nil
}

// compare allows for the rounding of float32, in sums of as many terms of size one as the tests have.
func compare(t *testing.T, got, want *literal) {
	t.Helper()
	if !slices.Equal(got.shape, want.shape) || got.integer != want.integer {
		t.Fatalf("the output has the shape %v (integer: %v), want %v (%v)", got.shape, got.integer, want.shape, want.integer)
	}
	for i, w := range want.data {
		g := got.data[i]
		if equal := g == w || math.IsNaN(g) && math.IsNaN(w); !equal && !(math.Abs(g-w) <= 1e-5*(1+math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g, w)
		}
	}
}
