package model

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// spelled writes nodes as y, z = Operator(x, w) {attribute=1}.
func spelled(nodes []*onnx.Node) string {
	var list []string
	for _, n := range nodes {
		var attributes []string
		for _, a := range n.Attributes {
			attributes = append(attributes, fmt.Sprintf("%s=%d", a.Name, a.I))
		}
		list = append(list, fmt.Sprintf("%s = %s(%s) {%s}", strings.Join(n.Outputs, ", "), n.OpType, strings.Join(n.Inputs, ", "), strings.Join(attributes, " ")))
	}
	return strings.Join(list, "; ")
}

func TestNodesForTrainingAreWrittenForInference(t *testing.T) {
	training, spatial := onnx.IntAttr("training_mode", 1), onnx.IntAttr("spatial", 1)
	isTest := onnx.IntAttr("is_test", 1)
	off, on := boolean(t, "off", 0), boolean(t, "on", 1)
	const bn, given = "BatchNormalization", "x s b m v"
	for _, c := range []struct {
		opset int64
		node  *onnx.Node
		read  string // names that are read elsewhere
		want  string // "" if the node stays
	}{
		{14, applied(bn, "y m2 v2", given, training), "y", "y = BatchNormalization(x, s, b, m, v) {training_mode=0}"},
		{15, applied(bn, "y", given, training), "y", "y = BatchNormalization(x, s, b, m, v) {training_mode=0}"},
		{15, applied(bn, "y m2 v2", given, stands("training_mode", "t", onnx.AttributeInt)), "y", "y = BatchNormalization(x, s, b, m, v) {training_mode=0}"},
		{15, applied(bn, "y m2 v2", given, training), "y m2 v2",
			"y = BatchNormalization(x, s, b, m, v) {training_mode=0}; m2 = Identity(m) {}; v2 = Identity(v) {}"},
		{15, applied(bn, "y m2 v2", given, training), "y v2", "y = BatchNormalization(x, s, b, m, v) {training_mode=0}; v2 = Identity(v) {}"},
		{15, applied(bn, "y", given, onnx.IntAttr("training_mode", 0)), "y", ""},
		{15, applied(bn, "y", given), "y", ""},
		{14, applied("f.BatchNormalization", "y m2 v2", given, training), "y", ""},
		{9, applied(bn, "y m2 v2 sm sv", given), "y", "y = BatchNormalization(x, s, b, m, v) {}"},
		{7, applied(bn, "y m2 v2 sm sv", given, spatial), "y m2", "y = BatchNormalization(x, s, b, m, v) {spatial=1}; m2 = Identity(m) {}"},
		{13, applied(bn, "y m2 v2 sm sv", given), "y sm", `error: its output "sm", the batch's statistics, is read elsewhere: the file can only be written for training`},
		{13, applied(bn, "y", given), "y", ""},
		{6, applied(bn, "y m2 v2 sm sv", given, spatial), "y", "y = BatchNormalization(x, s, b, m, v) {spatial=1 is_test=1}"},
		{6, applied(bn, "y", given, isTest), "y", ""},
		{6, applied(bn, "y", given, onnx.IntAttr("is_test", 0)), "y", "y = BatchNormalization(x, s, b, m, v) {is_test=1}"},
		{12, applied("Dropout", "y", "x r on"), "y", "y = Dropout(x, r) {}"},
		{13, applied("Dropout", "y k", "x - fed"), "y k", "y, k = Dropout(x) {}"},
		{13, applied("Dropout", "y", "x r off"), "y", ""},
		{13, applied("Dropout", "y", "x r no"), "y", ""},
		{13, applied("Dropout", "y", "x r"), "y", ""},
		{7, applied("Dropout", "y", "x"), "y", ""},
		{11, applied("Dropout", "y k", "x"), "y k", ""},
		{6, applied("Dropout", "y", "x"), "y", "y = Dropout(x) {is_test=1}"},
		{6, applied("Dropout", "y", "x", isTest), "y", ""},
		{17, applied("Relu", "y", "x"), "y", ""},
	} {
		g := &onnx.Graph{
			Nodes:        []*onnx.Node{applied("Constant", "on", "", onnx.TensorAttr("value", on)), applied("Constant", "no", "", onnx.TensorAttr("value", off)), c.node},
			Initializers: []*onnx.Tensor{off},
			Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float), onnx.NewTensorInfo("fed", onnx.Bool)},
		}
		for _, name := range listed(c.read) {
			g.Outputs = append(g.Outputs, onnx.NewTensorInfo(name, onnx.Float))
		}
		m := &Model{Source: &onnx.Model{Graph: g}, graph: g}
		before := spelled([]*onnx.Node{c.node})
		i := m.inference()
		nodes, err := i.rewrite(c.node, c.opset)
		got := spelled(nodes)
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != c.want {
			t.Errorf("opset %d, %s, read are %s:\n%s\nwant\n%s", c.opset, before, c.read, got, c.want)
		}
		if after := spelled([]*onnx.Node{c.node}); after != before {
			t.Errorf("opset %d: the node was changed from %s to %s", c.opset, before, after)
		}
		if (len(i.changed) > 0) != (nodes != nil) {
			t.Errorf("opset %d, %s: reported are %v", c.opset, before, i.changed)
		}
	}
}

// boolean is a BOOL tensor without axes.
func boolean(t *testing.T, name string, v byte) *onnx.Tensor {
	t.Helper()
	tensor := append([]byte{0x10, 9, 0x4a, 1, v, 0x42, byte(len(name))}, name...) // data_type, raw_data, name
	graph := append([]byte{0x2a, byte(len(tensor))}, tensor...)
	graph = append(append(graph, 0x62, byte(len(name)+2), 0x0a, byte(len(name))), name...) // an output
	m, err := onnx.Decode(append([]byte{0x08, 8, 0x42, 2, 0x10, 17, 0x3a, byte(len(graph))}, graph...))
	if err != nil {
		t.Fatal(err)
	}
	return m.Graph.Initializers[0]
}

// trainable is a file with normalizations in the graph, in both branches of an If, and in a function of another opset.
func trainable() *onnx.Model {
	vector := func(name string, v float32) *onnx.Tensor {
		return onnx.NewFloatTensor(name, []int64{3}, []float32{v, v, v})
	}
	training := onnx.IntAttr("training_mode", 1)
	branch := func(name string) *onnx.Graph {
		return &onnx.Graph{
			Name:    name,
			Nodes:   []*onnx.Node{applied("BatchNormalization", name+"y "+name+"m "+name+"v", "a s b m v", training)},
			Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo(name+"y", onnx.Float)},
		}
	}
	nine := define("Norm", "x s b m v", "y", applied("BatchNormalization", "y m2 v2 sm sv", "x s b m v"))
	nine.Opsets = map[string]int64{"": 9}
	return &onnx.Model{
		IRVersion: 8, Opsets: map[string]int64{"": 15, "f": 1}, Functions: defined(nine), Doc: "a doc string", Metadata: []onnx.Entry{{Key: "k", Value: "v"}},
		Graph: &onnx.Graph{
			Name: "g",
			Nodes: []*onnx.Node{
				applied("BatchNormalization", "a am av", "x s b m v", training),
				applied("If", "c", "yes", thenElse(branch("t"), branch("e"))...),
				applied("f.Norm", "y", "c s b m v"),
			},
			Initializers: []*onnx.Tensor{vector("s", 2), vector("b", 1), vector("m", 0.5), vector("v", 4)},
			Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("n"), onnx.FixedDim(3)), onnx.NewTensorInfo("yes", onnx.Bool)},
			Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float, onnx.SymbolicDim("n"), onnx.FixedDim(3))},
		},
	}
}

func TestSubgraphsAndFunctionsAreWrittenForInference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "trainable.onnx")
	if err := trainable().Save(path); err != nil {
		t.Fatal(err)
	}
	source, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{path, ""} {
		m := &Model{Source: source, graph: source.Graph}
		target := filepath.Join(t.TempDir(), "inference.onnx")
		changed, err := m.ExportInference(from, target, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := trainable()
		normal := func(g *onnx.Graph) {
			g.Nodes[0].Attributes[0].I, g.Nodes[0].Outputs = 0, g.Nodes[0].Outputs[:1]
		}
		normal(want.Graph)
		for _, g := range subgraphs(want.Graph.Nodes[1]) {
			normal(g)
		}
		want.Functions[0].Nodes[0].Outputs = []string{"y"}
		if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, encoded(t, want)) || len(changed) != 4 {
			again, _ := onnx.Load(target)
			t.Errorf("from %q: written are %s and %s; %d nodes were changed", from, spelled(again.Graph.Nodes), spelled(again.Functions[0].Nodes), len(changed))
		}
	}
}

func encoded(t *testing.T, m *onnx.Model) []byte {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAFileForInferenceKeepsEveryByte(t *testing.T) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil {
		t.Fatal(err)
	}
	rewritten := 0
	for _, file := range files {
		source, err := onnx.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Import(source, Options{})
		if err != nil {
			continue
		}
		var parameters, buffers []array.Array
		for _, p := range m.Parameters {
			parameters = append(parameters, p.Value)
		}
		for _, p := range m.Buffers {
			buffers = append(buffers, p.Value)
		}
		target := filepath.Join(t.TempDir(), "out.onnx")
		changed, err := m.ExportInference(file, target, parameters, buffers)
		if err != nil {
			t.Fatal(err)
		}
		was, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		is, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		if same := bytes.Equal(was, is); same == (len(changed) > 0) && len(m.Edits()) == 0 {
			t.Errorf("%s: %v were changed, the bytes are the same: %v", file, changed, same)
		}
		rewritten += len(changed)
		if strings.Contains(file, "eval") && slices.Contains(changed, "Dropout") {
			t.Errorf("%s: a Dropout that is off was changed", file)
		}
	}
	if rewritten == 0 {
		t.Error("no file was for training: the test shows nothing")
	}
}

func TestAModeThatACallGivesIsTurnedOff(t *testing.T) {
	n := applied("BatchNormalization", "y", "x s b m v", stands("training_mode", "mode", onnx.AttributeInt))
	nodes, err := (&inference{}).rewrite(n, 15)
	if err != nil || len(nodes) != 1 {
		t.Fatalf("rewritten as %s, %v", spelled(nodes), err)
	}
	if mode := nodes[0].Attr("training_mode"); mode == nil || mode.I != 0 || mode.Reference != "" {
		t.Errorf("the mode is %+v", mode)
	}
}

// Scopes have names of their own: what is false in one may be true in another.
func TestAModeIsOffOnlyIfItIsInEveryScope(t *testing.T) {
	off, err := onnx.Zeros("mode", onnx.Bool, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		scopes []*onnx.Tensor
		nodes  int // written in the place of Dropout
	}{{[]*onnx.Tensor{off}, 0}, {[]*onnx.Tensor{off, off}, 0}, {[]*onnx.Tensor{off, nil}, 1}, {[]*onnx.Tensor{nil, off}, 1}} {
		i := &inference{off: map[string]bool{}}
		for _, value := range c.scopes {
			i.constant("mode", value)
		}
		nodes, err := i.rewrite(applied("Dropout", "y", "x ratio mode"), 15)
		if err != nil || len(nodes) != c.nodes {
			t.Errorf("%d scopes: rewritten as %s, %v; want %d nodes", len(c.scopes), spelled(nodes), err, c.nodes)
		}
	}
}
