package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"google.golang.org/protobuf/encoding/protowire"
)

// overlong is a field whose length takes more bytes than it must.
func overlong(number protowire.Number, body []byte) []byte {
	b := protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), uint64(len(body)))
	b[len(b)-1] |= 0x80
	return slices.Concat(b, []byte{0}, body)
}

func TestPatchChangesNothingButTheData(t *testing.T) {
	around := func(w []byte) []byte {
		doc := str(10, "doc of a graph")
		v := initializer("v", dtype(onnx.Float), packed(1, 2), raw([]float32{1, 2}))
		return slices.Concat(str(99, "future"), file(v, overlong(5, w), doc, graphOutput("w")), varint(5, 0))
	}
	fields := func(f ...[]byte) []byte { return slices.Concat(append(f, str(8, "w"), str(12, "doc"))...) }
	two, half := packed(1, 2), []uint16{0x3800, 0xc200}
	for _, test := range []struct {
		rule     string
		old, new []byte
	}{
		{"FLOAT in raw_data", fields(two, dtype(onnx.Float), raw([]float32{1, 2})), fields(two, dtype(onnx.Float), raw([]float32{0.5, -3}))},
		{"FLOAT in the last raw_data", fields(two, dtype(onnx.Float), raw([]float32{9}), raw([]float32{1, 2}), message(9)), fields(two, dtype(onnx.Float), raw([]float32{9}), raw([]float32{0.5, -3}), message(9))},
		{"FLOAT in float_data", fields(two, dtype(onnx.Float), message(4, raw([]float32{1, 2})[2:])), fields(two, dtype(onnx.Float), message(4, raw([]float32{0.5, -3})[2:]))},
		{"FLOAT in float_data, not packed and packed", fields(two, fixed32(4, 0), dtype(onnx.Float), message(4, raw([]float32{2})[2:])), fields(two, fixed32(4, 0x3f000000), dtype(onnx.Float), message(4, raw([]float32{-3})[2:]))},
		{"DOUBLE in raw_data", fields(two, dtype(onnx.Double), raw([]float64{1, 2})), fields(two, dtype(onnx.Double), raw([]float64{0.5, -3}))},
		{"DOUBLE in double_data", fields(two, dtype(onnx.Double), message(10, raw([]float64{1, 2})[2:])), fields(two, dtype(onnx.Double), message(10, raw([]float64{0.5, -3})[2:]))},
		{"FLOAT16 in raw_data", fields(two, dtype(onnx.Float16), raw([]uint16{1, 2})), fields(two, dtype(onnx.Float16), raw(half))},
		{"FLOAT16 in int32_data", fields(two, dtype(onnx.Float16), packed(5, 0x3801, 0xc201)), fields(two, dtype(onnx.Float16), packed(5, 0x3800, 0xc200))},
		{"FLOAT16 in int32_data, not packed and packed", fields(two, dtype(onnx.Float16), varint(5, 0x3801), packed(5, 0xc201)), fields(two, dtype(onnx.Float16), varint(5, 0x3800), packed(5, 0xc200))},
		{"BFLOAT16 in raw_data", fields(two, dtype(onnx.BFloat16), raw([]uint16{1, 2})), fields(two, dtype(onnx.BFloat16), raw([]uint16{0x3f00, 0xc040}))},
		{"BFLOAT16 in int32_data", fields(two, dtype(onnx.BFloat16), packed(5, 0x3f01, 0xc001)), fields(two, dtype(onnx.BFloat16), packed(5, 0x3f00, 0xc040))},
	} {
		t.Run(test.rule, func(t *testing.T) {
			original, want := around(test.old), around(test.new)
			m, err := onnx.Decode(original)
			if err != nil {
				t.Fatal(err)
			}
			w, err := m.Graph.Initializers[1].WithFloat64s([]float64{0.5, -3})
			if err != nil {
				t.Fatal(err)
			}
			if got, err := onnx.Patch(original, w); err != nil || !bytes.Equal(got, want) {
				t.Errorf("got\n%q, %v, want\n%q", got, err, want)
			}
		})
	}
}

func TestPatchWritesNewLengthsWhereDataBecomeLonger(t *testing.T) {
	model := func(elements ...int64) []byte {
		return file(message(5, packed(1, 2), dtype(onnx.Float16), packed(5, elements...), str(8, "w"), str(12, strings.Repeat("x", 110))), graphOutput("w"))
	}
	original, want := model(0, 1), model(0x3800, 0xc200)
	w, err := short(t, onnx.Float16, 0, 0).WithFloat64s([]float64{0.5, -3})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := onnx.Patch(original, w); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got\n%q, %v, want\n%q", got, err, want)
	}
}

func TestPatchTakesTensorsOfAnyOrigin(t *testing.T) {
	original := file(initializer("w", dtype(onnx.Int32), packed(1, 2), packed(5, 1, 2)), graphOutput("w"))
	want := file(initializer("w", dtype(onnx.Int32), packed(1, 2), packed(5, 300, -1)), graphOutput("w"))
	if got, err := onnx.Patch(original, tensor(t, packed(1, 2), dtype(onnx.Int32), raw([]int32{300, -1}))); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got\n%q, %v, want\n%q", got, err, want)
	}
	if got, err := onnx.Patch(original); err != nil || !bytes.Equal(got, original) {
		t.Errorf("no tensor: got\n%q, %v", got, err)
	}
}

func TestPatchLeavesSubgraphsAlone(t *testing.T) {
	w := initializer("w", dtype(onnx.Float), packed(1, 1), raw([]float32{1}))
	branch := message(5, str(1, "then_branch"), varint(20, 5), message(6, w, graphOutput("w")))
	_, err := onnx.Patch(file(node("If", nil, []string{"y"}, branch), graphOutput("y")), onnx.NewFloatTensor("w", []int64{1}, []float32{2}))
	if want := `the graph has no initializers or Constant nodes ["w"]`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one that says %s", err, want)
	}
}

func TestPatchRefusesWhatDoesNotFit(t *testing.T) {
	float := initializer("w", dtype(onnx.Float), packed(1, 2), raw([]float32{1, 2}))
	w := func(dims ...int64) *onnx.Tensor { return onnx.NewFloatTensor("w", dims, []float32{1, 2}) }
	for _, test := range []struct {
		rule     string
		original []byte
		tensors  []*onnx.Tensor
		want     string
	}{
		{"another shape", file(float), []*onnx.Tensor{w(2, 1)}, `initializer "w": it is FLOAT of shape [2], its replacement FLOAT of shape [2 1]`},
		{"another type", file(float), []*onnx.Tensor{onnx.NewDoubleTensor("w", []int64{2}, []float64{1, 2})}, "its replacement DOUBLE"},
		{"two replacements", file(float), []*onnx.Tensor{w(2), w(2)}, `two tensors are named "w"`},
		{"an absent initializer", file(float), []*onnx.Tensor{w(2), onnx.NewFloatTensor("v", nil, []float32{1})}, `no initializers or Constant nodes ["v"]`},
		{"a replacement without data", file(float), []*onnx.Tensor{tensor(t, dtype(onnx.Float), packed(1, 2))}, `tensor "w": 0 bytes of data`},
		{"an original without data", file(initializer("w", dtype(onnx.Float), packed(1, 2))), []*onnx.Tensor{w(2)}, `the original is broken: tensor "w": 0 bytes of data`},
		{"external data", file(initializer("w", dtype(onnx.Float), packed(1, 2), external("location", "f"))), []*onnx.Tensor{w(2)}, `initializer "w": its data are in another file, which SavePatched can write`},
		{"a broken file", file(float)[:20], []*onnx.Tensor{w(2)}, "ends inside the field"},
		{"a broken tensor", file(message(5, []byte{8<<3 | 2, 100})), nil, "ends inside the field"},
		{"no ONNX file", varint(7, 1), nil, "not an ONNX file"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			if _, err := onnx.Patch(test.original, test.tensors...); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
		})
	}
}

// spread is a model whose initializers are in files: "a" and "b" in one, "c" in
// another, "d" in the model.
func spread(t *testing.T, dir string) (path string) {
	t.Helper()
	write(t, filepath.Join(dir, "weights.bin"), slices.Concat([]byte("pad"), raw([]float32{1, 2})[2:], []byte("!!!!!"), raw([]float32{3})[2:], []byte("end")))
	write(t, filepath.Join(dir, "more", "c"), raw([]uint16{1, 2})[2:])
	return write(t, filepath.Join(dir, "model.onnx"), file(
		initializer("a", dtype(onnx.Float), packed(1, 2), external("location", "weights.bin", "offset", "3", "length", "8")),
		initializer("b", dtype(onnx.Float), external("location", "weights.bin", "offset", "16", "length", "4")),
		initializer("c", dtype(onnx.Float16), packed(1, 2), external("location", "more/c")),
		initializer("d", dtype(onnx.Float), raw([]float32{4})), graphOutput("a")))
}

// replaced returns the initializers of a model with new values.
func replaced(t *testing.T, path string, newValues map[string][]float64) []*onnx.Tensor {
	t.Helper()
	var tensors []*onnx.Tensor
	for _, w := range load(t, path).Graph.Initializers {
		if v, ok := newValues[w.Name]; ok {
			trained, err := w.WithFloat64s(v)
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, trained)
		}
	}
	return tensors
}

// contents returns the files below a folder by their paths.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestSavePatchedCopiesTheFilesOfTheModel(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source, target := spread(t, from), filepath.Join(to, "trained.onnx")
	before := contents(t, from)
	err := onnx.SavePatched(source, target, replaced(t, source, map[string][]float64{"a": {5, 6}, "c": {0.5, -3}, "d": {7}})...)
	if err != nil {
		t.Fatal(err)
	}
	if after := contents(t, from); !equal(after, before) {
		t.Errorf("the source changed: %q", after)
	}
	want := map[string]string{
		"weights.bin":  "pad" + string(raw([]float32{5, 6})[2:]) + "!!!!!" + string(raw([]float32{3})[2:]) + "end",
		"more/c":       string(raw([]uint16{0x3800, 0xc200})[2:]),
		"trained.onnx": strings.Replace(before["model.onnx"], string(raw([]float32{4})), string(raw([]float32{7})), 1),
	}
	if got := contents(t, to); !equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

func equal(a, b map[string]string) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	return len(a) == len(b)
}

func TestSavePatchedBesideTheSourceSharesItsFiles(t *testing.T) {
	dir := t.TempDir()
	source := spread(t, dir)
	before := contents(t, dir)
	if err := onnx.SavePatched(source, filepath.Join(dir, "trained.onnx"), replaced(t, source, map[string][]float64{"d": {7}})...); err != nil {
		t.Fatal(err)
	}
	after := contents(t, dir)
	trained := after["trained.onnx"]
	delete(after, "trained.onnx")
	if want := strings.Replace(before["model.onnx"], string(raw([]float32{4})), string(raw([]float32{7})), 1); trained != want || !equal(after, before) {
		t.Errorf("trained.onnx is %q, the other files are %q", trained, after)
	}
}

func TestSavePatchedRefuses(t *testing.T) {
	shared := func(more ...[]byte) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "weights.bin"), make([]byte, 16))
			a := initializer("a", dtype(onnx.Float), packed(1, 2), external("location", "weights.bin", "length", "8"))
			write(t, filepath.Join(dir, "model.onnx"), file(append(more, a, graphOutput("a"))...))
		}
	}
	a := map[string][]float64{"a": {5, 6}}
	for _, test := range []struct {
		rule   string
		model  func(t *testing.T, dir string) // instead of spread
		target string                         // relative to the folder of the source
		values map[string][]float64
		want   string
	}{
		{"to overwrite the model", nil, "model.onnx", map[string][]float64{"d": {7}}, `this would overwrite "model.onnx", a file of the original model`},
		{"to overwrite the model through a link", func(t *testing.T, dir string) {
			spread(t, dir)
			if err := os.Symlink("model.onnx", filepath.Join(dir, "link.onnx")); err != nil {
				t.Skip("this system: ", err)
			}
		}, "link.onnx", map[string][]float64{"d": {7}}, `this would overwrite "link.onnx"`},
		{"to put the model over its weights", nil, "weights.bin", map[string][]float64{"d": {7}}, `this would overwrite "weights.bin"`},
		{"a link out of the new folder", func(t *testing.T, dir string) {
			spread(t, dir)
			if err := os.Symlink("../precious", filepath.Join(dir, "..", "new", "more")); err != nil {
				t.Skip("this system: ", err)
			}
		}, "../new/trained.onnx", a, "escapes"},
		{"a folder that is not there", nil, "../absent/trained.onnx", a, "absent"},
		{"a file of weights that is missing", func(t *testing.T, dir string) {
			spread(t, dir)
			if err := os.Remove(filepath.Join(dir, "more", "c")); err != nil {
				t.Fatal(err)
			}
		}, "../new/trained.onnx", a, `tensor "c": external data: file "more/c" is missing in`},
		{"to change a tensor that shares bytes", shared(initializer("b", dtype(onnx.Float), packed(1, 2), external("location", "./weights.bin", "offset", "4", "length", "8"))),
			"../new/trained.onnx", a, `tensors "a" and "b" share bytes`},
		{"to give two tensors of the same bytes different data", shared(initializer("b", dtype(onnx.Float), packed(1, 2), external("location", "weights.bin", "length", "8"))),
			"../new/trained.onnx", map[string][]float64{"a": {5, 6}, "b": {5, 7}}, "share bytes"},
		{"to break a checksum", shared(initializer("b", dtype(onnx.Float), external("location", "weights.bin", "offset", "8", "length", "4", "checksum", "abc"))),
			"../new/trained.onnx", a, `tensor "b" has its checksum, which new data would break`},
	} {
		t.Run(test.rule, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "old")
			write(t, filepath.Join(top, "precious", "c"), []byte("precious"))
			for _, folder := range []string{"old", "new"} {
				if err := os.MkdirAll(filepath.Join(top, folder), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			source := filepath.Join(dir, "model.onnx")
			var tensors []*onnx.Tensor
			if test.model == nil {
				spread(t, dir)
			} else {
				test.model(t, dir)
			}
			tensors = replaced(t, source, test.values)
			before := contents(t, top)
			err := onnx.SavePatched(source, filepath.Join(dir, test.target), tensors...)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), source) {
				t.Errorf("error %v, want one that says %s", err, test.want)
			}
			if after := contents(t, top); !equal(after, before) {
				t.Errorf("files changed: %q", after)
			}
		})
	}
}

func TestSavePatchedLetsTensorsShareBytesOfOneValue(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write(t, filepath.Join(from, "weights.bin"), make([]byte, 8))
	tied := external("location", "weights.bin")
	source := write(t, filepath.Join(from, "model.onnx"), file(initializer("a", dtype(onnx.Float), packed(1, 2), tied),
		initializer("b", dtype(onnx.Float), packed(1, 2), tied), graphOutput("a")))
	if err := onnx.SavePatched(source, filepath.Join(to, "m.onnx"), replaced(t, source, map[string][]float64{"a": {5, 6}, "b": {5, 6}})...); err != nil {
		t.Fatal(err)
	}
	for _, w := range load(t, filepath.Join(to, "m.onnx")).Graph.Initializers {
		if got := values(t, w); !slices.Equal(got, []float64{5, 6}) {
			t.Errorf("%s is %v", w.Name, got)
		}
	}
}

func TestSaveEditedCopiesTheFilesThatAreStillRead(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	source := spread(t, from)
	before := contents(t, from)
	m := load(t, source)
	for i, w := range m.Graph.Initializers {
		if w.Name == "c" { // the only one of its file
			m.Graph.Initializers[i] = onnx.NewFloatTensor("c", []int64{3}, []float32{1, 2, 3})
		}
	}
	for _, name := range []string{"model.onnx", "weights.bin"} {
		if err := onnx.Rewrite(nil).SaveEdited(m, source, filepath.Join(from, name)); err == nil || !strings.Contains(err.Error(), "this would overwrite") {
			t.Errorf("over %s: error %v", name, err)
		}
	}
	if after := contents(t, from); !equal(after, before) {
		t.Errorf("the source changed: %q", after)
	}
	if err := onnx.Rewrite(nil).SaveEdited(m, source, filepath.Join(to, "edited.onnx")); err != nil {
		t.Fatal(err)
	}
	got := contents(t, to)
	delete(got, "edited.onnx")
	if want := map[string]string{"weights.bin": before["weights.bin"]}; !equal(got, want) {
		t.Errorf("beside the model are %q, want %q", got, want)
	}
	for _, w := range load(t, filepath.Join(to, "edited.onnx")).Graph.Initializers {
		if _, err := w.Float64s(); err != nil {
			t.Errorf("%s: %v", w.Name, err)
		}
	}
}
