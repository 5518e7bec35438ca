package model_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// FuzzImport checks that any file is either refused or written into a graph, in memory that its size bounds: large tensors exist
// only once the graph runs.
func FuzzImport(f *testing.F) {
	for _, data := range goldenFiles(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if source, err := onnx.Decode(data); err == nil {
			checkImport(t, source, len(data))
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
			damage(random, source.Graph)
		}
		checkImport(t, source, len(data))
	})
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

func checkImport(t *testing.T, source *onnx.Model, size int) {
	t.Helper()
	before := allocated()
	report := model.Inspect(source, model.Options{})
	m, err := model.Import(source, model.Options{})
	if err == nil {
		for _, batch := range []int{1, 2, 1 << 20} {
			_, writeErr := write(m, batch)
			checkMessage(t, writeErr)
		}
		_, err = m.Initialize("he", 1)
	}
	checkMessage(t, err)
	if err != nil && len(report.Problems) == 0 {
		t.Errorf("no problem is reported, but import fails: %v", err)
	}
	if used := allocated() - before; used > 32<<20+4096*uint64(size) {
		t.Errorf("a file of %d bytes took %d bytes of memory", size, used)
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
