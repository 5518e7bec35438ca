package onnx_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// external is the fields of a tensor whose data are in another file: keys and
// values of external_data in turn.
func external(entries ...string) []byte {
	fields := varint(14, 1)
	for i := 0; i < len(entries); i += 2 {
		fields = slices.Concat(fields, message(13, str(1, entries[i]), str(2, entries[i+1])))
	}
	return fields
}

func write(t testing.TB, path string, data []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// externalModel writes a model whose FLOAT initializer "w" of two elements has
// the given external data, and returns the path.
func externalModel(t testing.TB, dir string, entries ...string) string {
	t.Helper()
	w := initializer("w", dtype(onnx.Float), packed(1, 2), external(entries...))
	return write(t, filepath.Join(dir, "model.onnx"), file(w, graphOutput("w")))
}

func load(t testing.TB, path string) *onnx.Model {
	t.Helper()
	m, err := onnx.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestExternalDataAreRead(t *testing.T) {
	numbers := raw([]float32{1, 2, 3, 4})[2:]
	for _, test := range []struct {
		rule    string
		file    string
		entries []string
		want    []float32
	}{
		{"an offset and a length", "weights.bin", []string{"location", "weights.bin", "offset", "4", "length", "8"}, []float32{2, 3}},
		{"no offset is the start", "weights.bin", []string{"location", "weights.bin", "length", "8"}, []float32{1, 2}},
		{"no length is the rest", "weights.bin", []string{"offset", "8", "location", "weights.bin"}, []float32{3, 4}},
		{"a folder", "a/b/weights", []string{"location", "a/./b/weights", "length", "8"}, []float32{1, 2}},
		{"what is not known, like a checksum", "w..x", []string{"location", "./w..x", "length", "8", "checksum", "abc", "basepath", ".."}, []float32{1, 2}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, test.file), numbers)
			w := load(t, externalModel(t, dir, test.entries...)).Graph.Initializers[0]
			if got, err := w.Float32s(); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
			if got, err := w.Float64s(); err != nil || got[0] != float64(test.want[0]) {
				t.Errorf("got %v, %v, want %v", got, err, test.want)
			}
		})
	}
}

func TestExternalDataOfEveryTensorAreRead(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "w"), raw([]int64{5})[2:])
	fields := [][]byte{dtype(onnx.Int64), packed(1, 1), external("location", "w")}
	constant := func() []byte { return message(5, str(1, "value"), message(5, fields...), varint(20, 4)) }
	branch := message(5, str(1, "then_branch"), varint(20, 5), message(6, node("Constant", nil, []string{"c"}, constant()), graphOutput("c")))
	m := load(t, write(t, filepath.Join(dir, "m.onnx"), slices.Concat(
		file(initializer("w", fields...), message(15, message(1, append(fields, str(8, "s"))...), message(2, fields...), packed(3, 9)),
			node("Constant", nil, []string{"k"}, constant()), node("If", []string{"w"}, []string{"y"}, branch), graphOutput("y")),
		function("F", str(5, "c"), message(7, node("Constant", nil, []string{"c"}, constant())[2:])))))
	sparse := m.Graph.SparseInitializers[0]
	for place, tensor := range map[string]*onnx.Tensor{
		"initializer":       m.Graph.Initializers[0],
		"sparse values":     sparse.Values,
		"sparse indices":    sparse.Indices,
		"attribute":         m.Graph.Nodes[0].Attr("value").T,
		"attribute, nested": m.Graph.Nodes[1].Attr("then_branch").G.Nodes[0].Attr("value").T,
		"function":          m.Functions[0].Nodes[0].Attr("value").T,
	} {
		if got, err := tensor.Int64s(); err != nil || got[0] != 5 {
			t.Errorf("%s: got %v, %v", place, got, err)
		}
	}
}

func TestExternalDataThatCannotBeReadAreErrors(t *testing.T) {
	const most = "9223372036854775807"
	for _, test := range []struct {
		rule    string
		entries []string
		want    string
	}{
		{"a file that is missing", []string{"location", "absent.bin"}, `file "absent.bin" is missing in `},
		{"a folder that is missing", []string{"location", "absent/w.bin"}, `file "absent/w.bin" is missing in `},
		{"no location", []string{"offset", "0"}, "no location says in which file they are"},
		{"an empty location", []string{"location", ""}, `location "" is refused`},
		{"a folder", []string{"location", "folder"}, `file "folder" is not a regular file`},
		{"the model's folder itself", []string{"location", "."}, `file "." is not a regular file`},
		{"a parent folder", []string{"location", "../w.bin"}, `location "../w.bin" is refused: it must be a path with slashes inside the folder`},
		{"a parent folder inside", []string{"location", "folder/../w.bin"}, "is refused"},
		{"an absolute path", []string{"location", "/etc/passwd"}, "is refused"},
		{"an absolute path on Windows", []string{"location", `C:\w.bin`}, "is refused"},
		{"a drive", []string{"location", "c:w.bin"}, "is refused"},
		{"a path with backslashes", []string{"location", `..\w.bin`}, "is refused"},
		{"a network path", []string{"location", `\\server\share\w.bin`}, "is refused"},
		{"a name with a zero byte", []string{"location", "w.bin\x00"}, "cannot be read"},
		{"two locations", []string{"location", "w.bin", "location", "v.bin"}, "location is given twice"},
		{"a negative offset", []string{"location", "w.bin", "offset", "-4"}, `offset "-4" is not a number of bytes`},
		{"an offset that is no number", []string{"location", "w.bin", "offset", "1e3"}, `offset "1e3" is not`},
		{"an offset that overflows", []string{"location", "w.bin", "offset", most + "0"}, "is not a number of bytes"},
		{"a negative length", []string{"location", "w.bin", "length", "-1"}, `length "-1" is not a number of bytes`},
		{"an offset beyond the end", []string{"location", "w.bin", "offset", "13"}, `offset 13 and length 0 lead beyond the end of file "w.bin", which has 12 bytes`},
		{"a length beyond the end", []string{"location", "w.bin", "offset", "8", "length", "8"}, "offset 8 and length 8 lead beyond the end"},
		{"offset and length that overflow together", []string{"location", "w.bin", "offset", most, "length", most}, "lead beyond the end"},
		{"a length that does not fit the shape", []string{"location", "w.bin", "length", "4"}, `file "w.bin" has 4 bytes for 2 FLOAT elements of shape [2]`},
		{"a rest that does not fit the shape", []string{"location", "w.bin"}, "has 12 bytes for 2 FLOAT"},
		{"a part of an element", []string{"location", "w.bin", "length", "7"}, "has 7 bytes for 2 FLOAT"},
	} {
		t.Run(test.rule, func(t *testing.T) {
			top := t.TempDir()
			dir := filepath.Join(top, "model")
			write(t, filepath.Join(top, "w.bin"), make([]byte, 8)) // what must not be read
			write(t, filepath.Join(dir, "w.bin"), make([]byte, 12))
			write(t, filepath.Join(dir, "folder", "x"), nil)
			w := load(t, externalModel(t, dir, test.entries...)).Graph.Initializers[0]
			if got, err := w.Float32s(); err == nil || !strings.Contains(err.Error(), test.want) ||
				!strings.HasPrefix(err.Error(), `tensor "w": external data: `) {
				t.Errorf("got %v, %v, want an error that says %s", got, err, test.want)
			}
		})
	}
}

func TestLinksOutOfTheFolderAreNotFollowed(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "model")
	secret := write(t, filepath.Join(top, "secret"), raw([]float32{1, 2})[2:])
	write(t, filepath.Join(dir, "inside"), raw([]float32{3, 4})[2:])
	for name, target := range map[string]string{"absolute": secret, "relative": "../secret", "up": "..", "fine": "inside"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Skip("this system: ", err)
		}
	}
	for _, location := range []string{"absolute", "relative", "up/secret"} {
		w := load(t, externalModel(t, dir, "location", location)).Graph.Initializers[0]
		if got, err := w.Float32s(); err == nil || !strings.Contains(err.Error(), "no link that leads out of it") {
			t.Errorf("%s: got %v, %v", location, got, err)
		}
	}
	w := load(t, externalModel(t, dir, "location", "fine")).Graph.Initializers[0]
	if got, err := w.Float32s(); err != nil || !slices.Equal(got, []float32{3, 4}) {
		t.Errorf("a link inside the folder: got %v, %v", got, err)
	}
}

func TestExternalDataTakeNoMoreMemoryThanTheShape(t *testing.T) {
	dir := t.TempDir()
	sparse := write(t, filepath.Join(dir, "w.bin"), nil)
	if err := os.Truncate(sparse, 1<<40); err != nil {
		t.Skip("this system: ", err)
	}
	w := load(t, externalModel(t, dir, "location", "w.bin", "offset", strconv.Itoa(1<<39), "length", "8")).Graph.Initializers[0]
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := w.Float32s()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; err != nil || used > 64<<10 {
		t.Errorf("%d bytes allocated, %v", used, err)
	}
	if _, err := load(t, externalModel(t, dir, "location", "w.bin")).Graph.Initializers[0].Float32s(); err == nil {
		t.Error("a terabyte was read for two elements")
	}
}

func TestModelsWithExternalDataAreWrittenBack(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "w.bin"), raw([]float32{1, 2})[2:])
	original := file(message(5, varint(1, 2), dtype(onnx.Float), str(8, "w"), message(13, str(1, "location"), str(2, "w.bin")), varint(14, 1)), graphOutput("w"))
	m := load(t, write(t, filepath.Join(dir, "model.onnx"), original))
	if got := encode(t, m); !bytes.Equal(got, original) {
		t.Errorf("got\n%q\nwant\n%q", got, original)
	}
	w, err := m.Graph.Initializers[0].WithFloat32s([]float32{5, 6})
	if err != nil {
		t.Fatal(err)
	}
	m.Graph.Initializers[0] = w
	again, err := onnx.Decode(encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Graph.Initializers[0].Float32s(); err != nil || !slices.Equal(got, []float32{5, 6}) {
		t.Errorf("new values come back as %v, %v", got, err)
	}
}

func TestTheHashOfAModelCoversItsExternalData(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "w"), raw([]float32{1, 2})[2:])
	sum := func() [32]byte {
		t.Helper()
		s, err := load(t, externalModel(t, dir, "location", "w")).Sum256()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	before := sum()
	if sum() != before {
		t.Error("the same model has another hash")
	}
	write(t, file, raw([]float32{1, 3})[2:])
	if sum() == before {
		t.Error("other weights beside the model do not change the hash")
	}
	m := load(t, externalModel(t, dir, "location", "w"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Sum256(); err == nil {
		t.Error("a model whose weights are gone has a hash")
	}
}
