package onnx_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// everywhere is a model with data at the given location in every place that a
// tensor can have: initializers, sparse ones, Constant nodes, subgraphs and
// functions.
func everywhere(location string) []byte {
	at := func(offset, length string) []byte {
		return external("location", location, "offset", offset, "length", length, "unknown", "./model.onnx.data")
	}
	rest := [][]byte{dtype(onnx.Int64), packed(1, 1), at("16", "8")}
	constant := func() []byte { return message(5, str(1, "value"), message(5, rest...), varint(20, 4)) }
	sparse := slices.Concat(message(1, append(rest, str(8, "s"))...), message(2, rest...), packed(3, 9))
	branch := message(5, str(1, "then_branch"), varint(20, 5), message(6, node("Constant", nil, []string{"c"}, constant()), graphOutput("c")))
	sparseConstant := message(5, str(1, "sparse_value"), message(22, sparse), varint(20, 11))
	return slices.Concat(
		file(initializer("w", dtype(onnx.Float), packed(1, 2), at("0", "8")), initializer("f", dtype(onnx.Float), packed(1, 1), raw([]float32{3})),
			overlong(15, sparse), str(78, "./model.onnx.data"), node("Constant", nil, []string{"k"}, constant()),
			node("Constant", nil, []string{"p"}, sparseConstant),
			message(1, str(2, "v"), str(4, "Constant"), message(5, str(1, "value"), message(5, dtype(onnx.Float), packed(1, 2), at("8", "8")), varint(20, 4))),
			node("If", []string{"w"}, []string{"y"}, branch), graphOutput("y")),
		function("F", str(5, "c"), message(7, node("Constant", nil, []string{"c"}, constant())[2:])))
}

func TestSavingBesideTheSourceMovesTheDataOfEveryTensor(t *testing.T) {
	dir := t.TempDir()
	numbers := slices.Concat(raw([]float32{1, 2, 3, 4})[2:], raw([]int64{5})[2:])
	write(t, filepath.Join(dir, "model.onnx.data"), numbers)
	source := write(t, filepath.Join(dir, "model.onnx"), everywhere("./model.onnx.data"))
	before := contents(t, dir)
	w, v := onnx.NewFloatTensor("w", []int64{2}, []float32{7, 8}), onnx.NewFloatTensor("v", []int64{2}, []float32{0.5, -3})
	for range 2 { // the second time over the first
		if err := onnx.SavePatched(source, filepath.Join(dir, "trained.onnx"), w, v); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			"model.onnx": before["model.onnx"], "model.onnx.data": before["model.onnx.data"],
			"trained.onnx":      string(everywhere("trained.onnx.data")),
			"trained.onnx.data": string(slices.Concat(raw([]float32{7, 8, 0.5, -3})[2:], raw([]int64{5})[2:])),
		}
		if got := contents(t, dir); !equal(got, want) {
			t.Errorf("got\n%q\nwant\n%q", got, want)
		}
	}
}

// TestWhereDataGo has files of data as name and content, and what a save leaves:
// the new model's tensors must read the values, and nothing else may change.
func TestWhereDataGo(t *testing.T) {
	one, two := string(raw([]float32{1, 2})[2:]), string(raw([]float32{3})[2:])
	newOne, newTwo := string(raw([]float32{5, 6})[2:]), string(raw([]float32{7})[2:])
	model := func(a, b string) string {
		return string(file(initializer("a", dtype(onnx.Float), packed(1, 2), external("location", a)),
			initializer("b", dtype(onnx.Float), packed(1, 1), external("location", b)), graphOutput("a")))
	}
	for _, test := range []struct {
		rule   string
		before map[string]string
		target string
		values map[string][]float64
		after  map[string]string // besides what was there
	}{
		{"another folder", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two}, "to/n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"to/n.onnx": model("w", "v"), "to/w": newOne, "to/v": two}},
		{"a file that does not change is shared", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two}, "n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"n.onnx": model("n.onnx.data", "v"), "n.onnx.data": newOne}},
		{"two files", map[string]string{"m.onnx": model("w", "sub/v"), "w": one, "sub/v": two}, "n.onnx",
			map[string][]float64{"a": {5, 6}, "b": {7}},
			map[string]string{"n.onnx": model("n.onnx.data", "n.onnx.1.data"), "n.onnx.data": newOne, "n.onnx.1.data": newTwo}},
		{"a source that has the name already", map[string]string{"m.onnx": model("w", "n.onnx.data"), "w": one, "n.onnx.data": two}, "n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"n.onnx": model("n.onnx.1.data", "n.onnx.data"), "n.onnx.1.data": newOne}},
		{"data of an unknown model", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two, "to/w": "precious", "to/n.onnx.data": "precious"}, "to/n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"to/n.onnx": model("n.onnx.1.data", "v"), "to/v": two, "to/n.onnx.1.data": newOne}},
		{"data of the model that is replaced", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two, "to/n.onnx": model("w", "w"), "to/w": "old"}, "to/n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"to/n.onnx": model("w", "v"), "to/v": two, "to/w": newOne}},
		{"what is replaced is no model", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two, "to/n.onnx": "?", "to/w": "old"}, "to/n.onnx",
			map[string][]float64{"a": {5, 6}}, map[string]string{"to/n.onnx": model("n.onnx.data", "v"), "to/v": two, "to/n.onnx.data": newOne}},
		{"what is replaced uses a file of the source", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two, "n.onnx": model("w", "v")}, "n.onnx",
			map[string][]float64{"b": {7}}, map[string]string{"n.onnx": model("w", "n.onnx.data"), "n.onnx.data": newTwo}},
		{"the name of the model", map[string]string{"m.onnx": model("w", "v"), "w": one, "v": two, "to/x": ""}, "to/w",
			map[string][]float64{"a": {5, 6}}, map[string]string{"to/w": model("w.data", "v"), "to/v": two, "to/w.data": newOne}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range test.before {
				write(t, filepath.Join(dir, name), []byte(content))
			}
			if err := os.MkdirAll(filepath.Join(dir, "to"), 0o755); err != nil {
				t.Fatal(err)
			}
			source := filepath.Join(dir, "m.onnx")
			want := maps.Clone(test.before)
			maps.Copy(want, test.after)
			for range 2 { // the second time over the first
				if err := onnx.SavePatched(source, filepath.Join(dir, test.target), replaced(t, source, test.values)...); err != nil {
					t.Fatal(err)
				}
				if got := contents(t, dir); !equal(got, want) {
					t.Errorf("got\n%q\nwant\n%q", got, want)
				}
			}
		})
	}
}

// The data of an edited model move where a file of another model is in the way.
func TestSaveEditedMovesDataToo(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source, target := spread(t, from), filepath.Join(to, "edited.onnx")
	write(t, filepath.Join(to, "weights.bin"), []byte("precious"))
	m := load(t, source)
	m.Graph.Initializers[2] = onnx.NewFloatTensor("c", []int64{1}, []float32{9})
	if err := onnx.Rewrite(nil).SaveEdited(m, source, target); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{1, 2}, {3}, {9}, {4}} {
		if got := values(t, load(t, target).Graph.Initializers[i]); !slices.Equal(got, want) {
			t.Errorf("initializer %d is %v, want %v", i, got, want)
		}
	}
	got := contents(t, to)
	delete(got, "edited.onnx")
	if want := map[string]string{"weights.bin": "precious", "edited.onnx.data": contents(t, from)["weights.bin"]}; !equal(got, want) {
		t.Errorf("beside the model are %q, want %q", got, want)
	}
	if err := onnx.Rewrite(nil).SaveEdited(m, source, filepath.Join(from, "edited.onnx")); err != nil {
		t.Fatal(err)
	}
	if files := contents(t, from); len(files) != 4 {
		t.Errorf("data that did not change are not shared: %q", files)
	}
}
