package model_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// patience is how long a hostile file may take on a machine that has much else to do; on an idle one, none takes two seconds.
const patience = 30 * time.Second

// hostile is a model that is small and must be refused, or written, in little time and memory.
type hostile struct {
	rule   string
	source *onnx.Model
	want   string // in the error; "" if it is written
}

func (h hostile) check(t *testing.T) {
	t.Helper()
	start, before := time.Now(), allocated()
	m, err := model.Import(h.source, model.Options{})
	if err == nil {
		_, err = write(m, 2)
	}
	checkMessage(t, err)
	switch {
	case err == nil && h.want != "":
		t.Errorf("it is written, want %q", h.want)
	case err != nil && (h.want == "" || !strings.Contains(err.Error(), h.want)):
		t.Errorf("got  %.300v\nwant %s", err, h.want)
	}
	took, used := time.Since(start), allocated()-before
	t.Logf("%v, %d MB", took, used>>20)
	if took > patience {
		t.Errorf("it took %v", took)
	}
	if used > 1<<30 {
		t.Errorf("it took %d MB of memory", used>>20)
	}
}

func TestSmallFilesCannotAskForMuch(t *testing.T) {
	const huge = 1e9
	into := func(list ...*onnx.Node) *onnx.Model { // adds the last constant to x
		last := list[len(list)-1].Outputs[0]
		return with(network(append(list, node("Add", "y", "x", last))...), integers("huge", huge), integers("pair", huge, huge),
			integers("square", 2048, 2048), integers("cube", huge, 1, 1), integers("long", 1e8, 1, 1),
			integers("lengths", 1, 1), integers("matrix", 256, 256), onnx.NewInt64Tensor("none", []int64{1 << 30, 0}, nil), integers("forth", 1e8, 1),
			integers("large", 1<<22), integers("i0", 0), integers("i1", 1), weights("w", 3), integers("ends", huge, huge), weights("one", 1),
			onnx.NewInt64Tensor("zero", nil, []int64{0}), onnx.NewInt64Tensor("many", nil, []int64{huge}), onnx.NewInt64Tensor("unit", nil, []int64{1}),
			onnx.NewFloatTensor("scales", []int64{2}, []float32{1, 1e9}))
	}
	repeated := func(times int, n func(i int) *onnx.Node, first ...*onnx.Node) *onnx.Model {
		for i := range times {
			first = append(first, n(i))
		}
		return into(first...)
	}
	axis := onnx.IntAttr("axis", 0)
	for _, h := range []hostile{
		{"ConstantOfShape", into(node("ConstantOfShape", "c", "huge")), "do not broadcast"},
		{"ConstantOfShape, as large as tensors are", into(node("ConstantOfShape", "c", "pair")), "too many for a tensor"},
		{"Expand", into(node("Expand", "c", "i1", "huge")), "do not broadcast"},
		{"Expand of data", into(node("Expand", "c", "x", "cube")), "too many for a tensor"},
		{"Tile", into(node("Tile", "c", "i1", "huge")), "larger than"},
		{"Tile of data", into(node("Tile", "c", "x", "pair")), "out of range"},
		{"Pad", into(node("Pad", "c", "scales", "ends")), "do not broadcast"},
		{"Pad at the edge", into(node("Pad", "c", "one", "ends", onnx.StringAttr("mode", "edge"))), "is not supported"},
		{"Range", into(node("Range", "c", "zero", "many", "unit")), "too long"},
		{"OneHot", into(node("OneHot", "c", "i1", "many", "pair")), "1000000000 classes"},
		{"EyeLike", into(node("Expand", "e", "w", "forth"), node("EyeLike", "c", "e")), "too large"},
		{"ReverseSequence", into(node("Expand", "e", "x", "long"), node("ReverseSequence", "c", "e", "lengths")), "too long"},
		{"GatherND of no index", into(node("GatherND", "c", "x", "none")), "too many"},
		{"Resize", into(node("Resize", "c", "x", "", "scales")), "Resize"},
		{"CumSum", into(node("ConstantOfShape", "s", "square"), node("CumSum", "c", "s", "zero")), "too large to be summed up"},
		{"Trilu", into(node("Expand", "e", "w", "forth"), node("Trilu", "c", "e")), "too large"},
		{"MatMul of constants", into(node("ConstantOfShape", "s", "square"), node("MatMul", "c", "s", "s")), "too large to be computed"},
		{"Gemm of constants", into(node("ConstantOfShape", "s", "square"), node("Gemm", "c", "s", "s")), "too large to be computed"},
		{"MatMul of constants that are not large", into(node("ConstantOfShape", "s", "matrix"), node("MatMul", "p", "s", "s"),
			node("ReduceSum", "c", "p")), ""},
		{"many large constants", repeated(1000, func(i int) *onnx.Node { return node("ConstantOfShape", fmt.Sprint("c", i), "large") }), "do not broadcast"},
		{"many large constants that are needed", repeated(1000, func(i int) *onnx.Node { return node("Add", fmt.Sprint("c", i+1), fmt.Sprint("c", i), "i1") },
			node("ConstantOfShape", "c0", "large", onnx.TensorAttr("value", integers("", 1)))), "have more than 67108864 numbers"},
		{"a large constant that is read often", repeated(5000, func(i int) *onnx.Node {
			if i%2 == 0 {
				return node("ReduceMax", fmt.Sprint("c", i+1), "k", onnx.IntAttr("keepdims", 1))
			}
			return node("Max", fmt.Sprint("c", i+1), fmt.Sprint("c", i), fmt.Sprint("c", max(0, i-1)))
		}, node("ConstantOfShape", "k", "large"), node("Neg", "c0", "w")), "operators read are too many"},
		{"a concatenation that doubles", repeated(1000, func(i int) *onnx.Node {
			return node("Concat", fmt.Sprint("c", i+1), fmt.Sprint("c", i), fmt.Sprint("c", i), axis)
		}, node("Identity", "c0", "i1")), "larger than the 4194304 numbers"},
		{"a tile that doubles and is cut", repeated(2000, func(i int) *onnx.Node {
			name := fmt.Sprint("c", i+1)
			if i%2 == 0 {
				return node("Concat", name, fmt.Sprint("c", i), fmt.Sprint("c", i), axis)
			}
			return node("Slice", name, fmt.Sprint("c", i), "i0", "large", "i0")
		}, node("ConstantOfShape", "c0", "large", onnx.TensorAttr("value", integers("", 1)))), "larger than"},
	} {
		t.Run(h.rule, h.check)
	}
}

func TestWrongTypesAreRefused(t *testing.T) {
	text := func(name string) *onnx.Tensor { return &onnx.Tensor{Name: name, DType: onnx.String, Dims: []int64{3}} }
	image := func(m *onnx.Model) *onnx.Model {
		m.Graph.Inputs[0].Dims = []onnx.Dim{onnx.SymbolicDim("batch"), onnx.FixedDim(1), onnx.FixedDim(3)}
		return m
	}
	for _, h := range []hostile{
		{"integers as weights", with(image(network(node("Conv", "y", "x", "k"))), onnx.NewInt64Tensor("k", []int64{1, 1, 1}, []int64{2})), ""},
		{"fractions as indices", with(network(node("Gather", "h", "w", "f"), node("Add", "y", "x", "h")), weights("w", 3), weights("f", 3)), "indices are integers"},
		{"text as an operand", with(network(node("Add", "y", "x", "s")), text("s")), "cannot be read as numbers"},
		{"a number as the condition", with(network(node("Where", "y", "x", "x", "x")), weights("w", 3)), ""},
		{"a dimension below zero", with(network(node("Add", "y", "x", "w")), &onnx.Tensor{Name: "w", DType: onnx.Float, Dims: []int64{-3}}), `initializer "w": it is damaged: its shape is [-3], and no size can be below one: export the model again`},
		{"dimensions whose product overflows", with(network(node("Add", "y", "x", "w")), &onnx.Tensor{Name: "w", DType: onnx.Float, Dims: []int64{1 << 62, 4}}), "model: initializer"},
	} {
		t.Run(h.rule, h.check)
	}
}

// Nothing may grow with the square of the number of nodes, but for Gorgonia, which searches all edges for each new node.
func TestLongChainsTakeLittleTime(t *testing.T) {
	const length = 50_000
	chain := func(first ...*onnx.Node) *onnx.Model {
		for i := range length {
			first = append(first, node([]string{"Neg", "Identity", "Abs"}[i%3], fmt.Sprint("h", i+1), fmt.Sprint("h", i)))
		}
		return with(network(append(first, node("Add", "y", "x", fmt.Sprint("h", length)))...), weights("w", 3), integers("i", 1, 2, 3))
	}
	copied := network()
	for i := range length {
		with(copied, weights(fmt.Sprint("w", i), 1))
		copied.Graph.Nodes = append(copied.Graph.Nodes, node("Identity", fmt.Sprint("copy", i), fmt.Sprint("w", i)))
	}
	start := time.Now()
	if ties := model.Ties(copied.Graph); len(ties) != length {
		t.Errorf("%d ties", len(ties))
	}
	importModel(t, chain(node("Add", "h0", "x", "w")))
	if _, err := write(importModel(t, chain(node("Identity", "h0", "i"))), 2); err != nil {
		t.Error(err)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("%d nodes took %v", length, took)
	}
}

// Decode and Import see every beginning of a file, which is what an interrupted download leaves.
func TestTruncatedFilesAreRefused(t *testing.T) {
	source := with(network(node("Gemm", "h", "x", "w"), node("Softmax", "s", "h", onnx.IntAttr("axis", 1)), node("Mul", "y", "s", "s")), weights("w", 3, 2))
	source.Functions = []*onnx.Function{{Name: "Square", Domain: "f", Inputs: []string{"a"}, Outputs: []string{"b"},
		Nodes: []*onnx.Node{node("Mul", "b", "a", "a")}, Opsets: map[string]int64{"": 17}}}
	file, err := source.Encode()
	if err != nil {
		t.Fatal(err)
	}
	for n := range file {
		if cut, err := onnx.Decode(file[:n]); err == nil {
			checkImport(t, cut, n, model.Options{})
		}
	}
}
