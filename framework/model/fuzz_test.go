package model_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// FuzzImport checks that any file, with any options, is either refused or written into a graph with its gradient, in time and
// memory that are bounded: large tensors exist only once the graph runs.
func FuzzImport(f *testing.F) {
	for i, data := range slices.Concat(goldenFiles(f), collected(f)) {
		f.Add(data, uint64(i))
	}
	f.Fuzz(func(t *testing.T, data []byte, choice uint64) {
		if source, err := onnx.Decode(data); err == nil {
			checkImport(t, source, len(data), chosen(rand.New(rand.NewPCG(choice, 0)), source.Graph))
		}
	})
}

// FuzzDamage is FuzzImport with files that are well formed: a golden is changed in places that the seed chooses.
func FuzzDamage(f *testing.F) {
	files := goldenFiles(f)
	for seed := range uint64(500) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		data := files[random.IntN(len(files))]
		source, err := onnx.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + random.IntN(4) {
			damage(random, pick(random, bodies(source)))
		}
		checkImport(t, source, len(data), chosen(random, source.Graph))
	})
}

// bodies returns the graph, and the functions as graphs that share their nodes.
func bodies(source *onnx.Model) []*onnx.Graph {
	list := []*onnx.Graph{source.Graph}
	for _, function := range source.Functions {
		list = append(list, &onnx.Graph{Nodes: function.Nodes, Inputs: source.Graph.Inputs, Initializers: source.Graph.Initializers})
	}
	return list
}

// chosen returns options, half of the time the zero ones.
func chosen(random *rand.Rand, g *onnx.Graph) model.Options {
	o := model.Options{}
	if random.IntN(2) == 0 || len(g.Nodes) == 0 {
		return o
	}
	o.Untie = random.IntN(2) == 0
	o.BatchNorm = pick(random, []model.BatchNorm{"", model.AsExported, model.BatchStatistics, model.RunningAverages, "none"})
	o.Freeze = pick(random, [][]string{nil, {"*"}, {"*weight*"}, {"["}, {"nothing"}})
	o.Train = pick(random, [][]string{nil, {"*"}, {"*bias*", "*w*"}, {""}})
	if outputs := pick(random, g.Nodes).Outputs; random.IntN(2) == 0 && len(outputs) > 0 {
		o.Output = pick(random, outputs)
	}
	if random.IntN(2) == 0 {
		o.Dims = map[string]int{}
		for _, in := range g.Inputs {
			for axis, dim := range in.Dims {
				if axis > 0 && dim.Value < 0 {
					o.Dims[pick(random, []string{dim.Param, fmt.Sprintf("%s.%d", in.Name, axis)})] = 1 + random.IntN(5)
				}
			}
		}
	}
	return o
}

// collected returns the small models of ONNX's own collection, where it is installed.
func collected(f *testing.F) [][]byte {
	root, err := onnxtest.Find()
	if err != nil {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(root, "*", "*", "model.onnx"))
	if err != nil {
		f.Fatal(err)
	}
	const small = 4 << 10
	var files [][]byte
	for _, name := range names {
		if data, err := os.ReadFile(name); err == nil && len(data) <= small {
			files = append(files, data)
		}
	}
	return files
}

func goldenFiles(f *testing.F) [][]byte {
	names, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	var files [][]byte
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

func checkImport(t *testing.T, source *onnx.Model, size int, o model.Options) {
	t.Helper()
	start, before := time.Now(), allocated()
	report := model.Inspect(source, o)
	m, err := model.Import(source, o)
	checkMessage(t, err)
	if err != nil && len(report.Problems) == 0 {
		t.Errorf("no problem is reported, but import fails: %v", err)
	}
	if err == nil {
		checkWrite(t, m, report)
	}
	if took := time.Since(start); took > patience {
		t.Errorf("a file of %d bytes took %v", size, took)
	}
	if used := allocated() - before; used > 2<<30+4096*uint64(size) {
		t.Errorf("a file of %d bytes took %d bytes of memory", size, used)
	}
}

// checkWrite writes a model at several batches, and its gradient unless it is large.
func checkWrite(t *testing.T, m *model.Model, report *model.Report) {
	t.Helper()
	for _, batch := range []int{1, 2, 1 << 20} {
		_, err := write(m, batch)
		checkMessage(t, err)
		if n := m.Inputs[0].Dims[0].Value; err == nil && len(report.Problems) > 0 && (n == int64(batch) || n < 1 && batch == 2) {
			t.Errorf("at batch %d it is written, but the report has the problems %v", batch, report.Problems)
		}
	}
	if _, err := m.Initialize("he", 1); err != nil {
		checkMessage(t, err)
		return
	}
	const few = 200
	nodes := 0
	for _, o := range report.Operators {
		nodes += o.Count
	}
	if nodes > few {
		return
	}
	for _, batch := range []int{1, 2} {
		p, err := program.New(program.Spec{Model: m, Loss: program.MeanSquaredError{}, Optimizer: standstill{}, Precision: array.Float32}, batch)
		checkMessage(t, err)
		if err == nil {
			_, err = p.Gradient(batch)
			checkMessage(t, err)
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func checkMessage(t *testing.T, err error) {
	t.Helper()
	switch {
	case err == nil:
	case len(err.Error()) == 0:
		t.Error("an error without a message")
	case strings.Contains(err.Error(), model.Unforeseen):
		t.Error(err)
	}
}

// damage changes one thing in a graph.
func damage(random *rand.Rand, g *onnx.Graph) {
	n := pick(random, g.Nodes)
	switch random.IntN(8) {
	case 0:
		n.OpType = pick(random, model.Operators())
	case 1:
		n.Inputs = slices.Delete(n.Inputs, 0, min(1, len(n.Inputs)))
	case 2:
		n.Inputs = append(n.Inputs, pick(random, append(pick(random, g.Nodes).Outputs, "")))
	case 3:
		if len(n.Inputs) > 0 {
			n.Inputs[random.IntN(len(n.Inputs))] = pick(random, append(pick(random, g.Nodes).Inputs, pick(random, g.Initializers).Name))
		}
	case 4:
		t := pick(random, g.Initializers)
		*t = *onnx.NewInt64Tensor(t.Name, []int64{2}, []int64{number(random), number(random)})
	case 5:
		dims := g.Inputs[0].Dims
		dims[random.IntN(len(dims))] = onnx.FixedDim(number(random))
	case 6:
		if len(n.Attributes) > 0 {
			a := pick(random, n.Attributes)
			*a = *pick(random, []*onnx.Attribute{
				onnx.IntAttr(a.Name, number(random)), onnx.IntsAttr(a.Name, number(random), number(random)), onnx.IntsAttr(a.Name),
				onnx.FloatAttr(a.Name, float32(number(random))), onnx.StringAttr(a.Name, "SAME_UPPER"),
				onnx.TensorAttr(a.Name, onnx.NewInt64Tensor("", []int64{3}, []int64{number(random), number(random), number(random)})),
			})
		}
	default:
		names := []string{"axis", "axes", "group", "auto_pad", "keepdims", "transA", "allowzero", "pads", "strides", "dilations", "to", "perm"}
		n.Attributes = append(n.Attributes, pick(random, []*onnx.Attribute{
			onnx.IntAttr(pick(random, names), number(random)),
			onnx.IntsAttr(pick(random, names), number(random), number(random), number(random), number(random)),
		}))
	}
}

func pick[T any](random *rand.Rand, list []T) T { return list[random.IntN(len(list))] }

// number is one that sizes, axes and counts are likely to be, or likely to be spoiled by.
func number(random *rand.Rand) int64 {
	return pick(random, []int64{0, 1, 2, 3, 4, 5, 6, 16, -1, -2, 1 << 15, 1 << 20, 1 << 31, 1<<31 - 1, 1 << 53, math.MaxInt64, math.MinInt64})
}
