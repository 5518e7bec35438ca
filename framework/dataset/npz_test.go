package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// npzFile returns an archive of .npy files by name.
func npzFile(arrays map[string][]byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		w, err := z.Create(name + ".npy")
		if err != nil {
			panic(err)
		}
		w.Write(arrays[name])
	}
	z.Close()
	return b.Bytes()
}

// numbers returns an .npy file of float32, or of int64 where they are such.
func numbers[T float32 | int64](shape string, x ...T) []byte {
	kind := "<f4"
	if _, integers := any(x).([]int64); integers {
		kind = "<i8"
	}
	return npyFile(npyHeader(kind, shape), x)
}

// fourArrays is a data set of two training and one test example, some of whose arrays are others.
func fourArrays(others map[string][]byte) map[string][]byte {
	arrays := map[string][]byte{
		"train_inputs":  numbers[float32]("(2, 3)", 1, 2, 3, 4, 5, 6),
		"train_targets": numbers[int64]("(2,)", 1, 0),
		"test_inputs":   numbers[float32]("(1, 3)", 7, 8, 9),
		"test_targets":  numbers[int64]("(1,)", 4),
	}
	maps.Copy(arrays, others)
	return arrays
}

func loadNPZ(t *testing.T, n *NPZ, file []byte) (*Dataset, error) {
	t.Helper()
	n.Path = filepath.Join(t.TempDir(), "data.npz")
	writeFile(t, n.Path, file)
	d, err := n.Load(context.Background())
	if err == nil {
		err = d.Check()
	}
	return d, err
}

func TestAFileOfNumPyIsADataSet(t *testing.T) {
	d, err := (&NPZ{Path: "testdata/numpy.npz", Classes: -1}).Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"training pixels", d.Train.Inputs.F32, []float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}},
		{"test pixels", d.Test.Inputs.F32, []float32{0.5, 1, 2, 3, 4, 5, 6, 7}},
		{"training classes", d.Train.Targets.F64, []float64{0, 2, 1}},
		{"test classes", d.Test.Targets.F32, []float32{3, 0}},
		{"shapes", fmt.Sprint(d.Train.Shape, d.Test.Shape), "[2 1 2] [2 1 2]"},
		{"classes", d.Train.Classes + d.Test.Classes, 8},
	} {
		if fmt.Sprint(c.got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestTrainAndTestMayBeTwoFiles(t *testing.T) {
	folder := t.TempDir()
	n := &NPZ{Train: filepath.Join(folder, "a.npz"), Test: filepath.Join(folder, "b.npz"), Classes: -1}
	writeFile(t, n.Train, npzFile(map[string][]byte{"inputs": numbers[float32]("(2,)", 1, 2), "targets": numbers[float32]("(2, 2)", 1, 2, 3, 4)}))
	writeFile(t, n.Test, npzFile(map[string][]byte{"inputs": numbers[float32]("(1,)", 3), "targets": numbers[float32]("(1, 2)", 5, 6)}))
	d, err := n.Load(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Check(); err != nil {
		t.Error(err)
	}
	if !slices.Equal(d.Train.Shape, []int{1}) || d.Train.Classes != 0 || d.Train.TargetSize() != 2 || d.Test.Targets.At(1) != 6 {
		t.Errorf("%+v, %+v", d.Train, d.Test)
	}
}

func TestClassesAreToldByIntegerTargetsOrByTheOption(t *testing.T) {
	for _, c := range []struct {
		name          string
		classes, want int
		targets       []byte // for training; the test target is 4
	}{
		{"the largest is in the test split", -1, 5, numbers[int64]("(2,)", 1, 0)},
		{"the largest is in the training split", -1, 10, numbers[int64]("(2,)", 9, 0)},
		{"a column", -1, 5, numbers[int64]("(2, 1)", 1, 0)},
		{"given", 12, 12, numbers[int64]("(2,)", 1, 0)},
		{"given, and whole numbers in floats", 12, 12, numbers[float32]("(2,)", 1, 0)},
		{"regression on integers", 0, 0, numbers[int64]("(2,)", 1, -1)},
	} {
		d, err := loadNPZ(t, &NPZ{Classes: c.classes}, npzFile(fourArrays(map[string][]byte{"train_targets": c.targets})))
		if err != nil || d.Train.Classes != c.want || d.Test.Classes != c.want {
			t.Errorf("%s: %v, want %d classes; %v", c.name, d, c.want, err)
		}
	}
}

func TestBrokenArraysAreNamedWithWhatToDo(t *testing.T) {
	for _, c := range []struct {
		name, array string
		classes     int
		content     []byte // nil to leave the array out
		want        string
	}{
		{"missing", "test_targets", -1, nil, `it holds no array "test_targets", but ["test_inputs" "train_inputs" "train_targets"]: write it with numpy.savez`},
		{"a number", "train_inputs", -1, numbers[float32]("()", 1), "train_inputs of shape [] holds no examples"},
		{"empty", "train_inputs", -1, numbers[float32]("(0, 3)"), "train_inputs of shape [0 3] holds no examples"},
		{"empty examples", "test_inputs", -1, numbers[float32]("(1, 0)"), "test_inputs of shape [1 0] holds no examples"},
		{"other count", "train_targets", -1, numbers[int64]("(3,)", 1, 2, 3), "train_inputs has 2 examples, but train_targets has 3"},
		{"other shape", "test_inputs", -1, numbers[float32]("(1, 2)", 1, 2), "training examples have shape [3], test examples [2]"},
		{"negative class", "train_targets", -1, numbers[int64]("(2,)", -1, 0), "train_targets: -1 is no class: classes are numbered from 0; set classes = 0"},
		{"all negative", "test_targets", -1, numbers[int64]("(1,)", -7), "test_targets: -7 is no class"},
		{"class too large", "train_targets", 3, numbers[int64]("(2,)", 3, 0), "train_targets: 3 is no class from 0 to 2: set classes = 4"},
		{"a number, not a class", "train_targets", -1, numbers[int64]("(2,)", 1<<40, 0), "1.099511627776e+12 is no class: there are 1048576 at most; set classes = 0"},
		{"one-hot", "train_targets", 3, numbers[int64]("(2, 3)", 0, 1, 0, 0, 1, 0), "numpy.argmax(targets, axis=1), or set classes = 0"},
		{"fractions", "train_targets", 5, numbers[float32]("(2,)", 0.5, 0), "target of example 0 is 0.5, not a class index from 0 to 4"},
		{"text", "train_targets", -1, npyFile(npyHeader("<U2", "(2,)"), make([]byte, 16)), `train_targets.npy: its elements are of type "<U2"`},
		{"no array", "train_targets", -1, []byte("x"), "train_targets.npy: not an .npy file"},
	} {
		arrays := fourArrays(map[string][]byte{c.array: c.content})
		if c.content == nil {
			delete(arrays, c.array)
		}
		_, err := loadNPZ(t, &NPZ{Classes: c.classes}, npzFile(arrays))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "data set npz: ") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if _, err := loadNPZ(t, &NPZ{}, []byte("PK")); err == nil || !strings.Contains(err.Error(), "data.npz: not an .npz file") {
		t.Errorf("no archive: %v", err)
	}
}

func TestNPZNeedsOneFileOrTwo(t *testing.T) {
	for _, c := range []struct {
		n      NPZ
		want   string
		absent bool
	}{
		{NPZ{}, "data set npz: npz needs path, the file that numpy.savez(", true},
		{NPZ{Train: "a"}, "npz needs path", true},
		{NPZ{Path: "a", Test: "b"}, "remove one or the other", false},
		{NPZ{Path: filepath.Join(t.TempDir(), "absent.npz")}, "absent.npz", true},
	} {
		_, err := c.n.Load(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, fs.ErrNotExist) != c.absent {
			t.Errorf("%+v: error %v, want %q", c.n, err, c.want)
		}
	}
}

func TestLoadingArraysStopsWhenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&NPZ{Path: "testdata/numpy.npz"}).Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// FuzzNPZ requires that whatever the targets of a data set are, it is refused or has what Check wants but for values.
func FuzzNPZ(f *testing.F) {
	f.Add(numbers[float32]("(2, 3)", 1, 2, 3, 4, 5, 6), numbers[int64]("(2,)", 1, 0), -1)
	f.Add(numbers[float32]("(1, 1, 2, 2)", 1, 2, 3, 4), numbers[float32]("(1, 2)", 1, 0), 0)
	f.Add(numbers[float32]("(2, 3)", 1, 2, 3, 4, 5, 6), numbers[int64]("(2,)", 1, 1<<62), 3)
	f.Add(numbers[float32]("(2,)", 1, 2), numbers[int64]("(1, 2)", -1, 0), -1)
	f.Fuzz(func(t *testing.T, inputs, targets []byte, classes int) {
		if classes < -1 || classes > maxClasses {
			return
		}
		path := filepath.Join(t.TempDir(), "data.npz")
		writeFile(t, path, npzFile(map[string][]byte{
			"train_inputs": inputs, "train_targets": targets, "test_inputs": inputs, "test_targets": targets}))
		d, err := (&NPZ{Path: path, Classes: classes}).Load(context.Background())
		if err != nil {
			return
		}
		err = d.Check()
		wild := !d.Train.Inputs.Finite() || !d.Train.Targets.Finite() || d.Train.Classes > 0 && !whole(d.Train.Targets)
		if (err != nil) != wild {
			t.Errorf("loaded as %+v, and then refused: %v", d.Train, err)
		}
	})
}

func whole(a array.Array) bool {
	for i := range a.Len() {
		if v := a.At(i); v != float64(int64(v)) {
			return false
		}
	}
	return true
}

func TestTargetsOfARegressionKeepTheirShape(t *testing.T) {
	arrays := fourArrays(map[string][]byte{
		"train_targets": numbers[float32]("(2, 2, 3)", make([]float32, 12)...),
		"test_targets":  numbers[float32]("(1, 2, 3)", make([]float32, 6)...),
	})
	d, err := loadNPZ(t, &NPZ{Classes: fromTargets}, npzFile(arrays))
	if err != nil || !slices.Equal(d.Train.TargetShape, []int{2, 3}) {
		t.Fatalf("%v, error %v", d, err)
	}
	arrays["test_targets"] = numbers[float32]("(1, 3, 2)", make([]float32, 6)...)
	n := &NPZ{Classes: fromTargets, Path: filepath.Join(t.TempDir(), "data.npz")}
	writeFile(t, n.Path, npzFile(arrays))
	_, err = Load(t.Context(), n, Preparation{})
	if want := "training targets are numbers of shape [2 3], test targets numbers of shape [3 2]"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("splits of different targets: error %v", err)
	}
}
