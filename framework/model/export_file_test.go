package model_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// doubled returns the values of parameters, times two.
func doubled(list []model.Parameter) []array.Array {
	var values []array.Array
	for _, p := range list {
		v := p.Value.Clone()
		for i := range v.Len() {
			v.Set(i, 2*v.At(i))
		}
		values = append(values, v)
	}
	return values
}

func export(t *testing.T, m *model.Model, path string) string {
	t.Helper()
	target := filepath.Join(t.TempDir(), "trained.onnx")
	if err := m.Export(path, target, doubled(m.Parameters), doubled(m.Buffers)); err != nil {
		t.Fatal(err)
	}
	return target
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Of every file in testdata all bytes stay but those of the weights, and those are twice as large.
func TestAnExportChangesNothingButNumbers(t *testing.T) {
	files, err := filepath.Glob("testdata/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		source, err := onnx.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		m := importModel(t, source)
		trained, err := onnx.Load(export(t, m, file))
		if err != nil {
			t.Fatal(err)
		}
		again := importModel(t, trained)
		for i, want := range doubled(m.Parameters) {
			if p := again.Parameters[i]; p.Name != m.Parameters[i].Name || !p.Value.Equal(want) {
				t.Errorf("%s: %s does not hold what was exported", file, p.Name)
			}
		}
		if edits := m.Edits(); len(edits) > 0 {
			t.Errorf("%s: the structure was changed: %v", file, edits)
		}
		back := filepath.Join(t.TempDir(), "back.onnx")
		if err := again.Export(file, back, values(m.Parameters), values(m.Buffers)); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(read(t, back), read(t, file)) {
			t.Errorf("%s: with the file's own numbers other bytes are written", file)
		}
	}
}

func values(list []model.Parameter) []array.Array {
	var values []array.Array
	for _, p := range list {
		values = append(values, p.Value)
	}
	return values
}

func TestFrozenInitializersStayAndPatternsMustMatch(t *testing.T) {
	for _, c := range []struct {
		options model.Options
		trained []string
		frozen  int
	}{
		{model.Options{}, []string{"w1", "b1", "w2", "b2"}, 0},
		{model.Options{Freeze: []string{"w*"}}, []string{"b1", "b2"}, 2},
		{model.Options{Train: []string{"?2"}}, []string{"w2", "b2"}, 2},
		{model.Options{Train: []string{"?2"}, Freeze: []string{"b*"}}, []string{"w2"}, 3},
	} {
		m, err := model.Import(perceptron(), c.options)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range m.Parameters {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, c.trained) || len(m.Frozen) != c.frozen {
			t.Errorf("%+v: %v are trained and %d frozen, want %v and %d", c.options, names, len(m.Frozen), c.trained, c.frozen)
		}
		if _, err := write(m, 2); err != nil {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
	for want, o := range map[string]model.Options{
		`matches the pattern "conv*": there are ["w1" "b1" "w2" "b2"]`: {Freeze: []string{"conv*"}},
		`pattern "[": syntax error in pattern`:                         {Train: []string{"["}},
	} {
		if _, err := model.Import(perceptron(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", o, err, want)
		}
	}
}

func TestAnImportedModelFreezesMore(t *testing.T) {
	m, err := model.Import(perceptron(), model.Options{Freeze: []string{"w1"}})
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := m.Freezing(func(p model.Parameter) bool { return p.Name[0] == 'b' })
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Parameters) != 3 || len(m.Frozen) != 1 || len(frozen.Parameters) != 1 || len(frozen.Frozen) != 3 {
		t.Errorf("%d of 4 are trained and %d frozen, where there were %d and %d", len(frozen.Parameters), len(frozen.Frozen), len(m.Parameters), len(m.Frozen))
	}
	if _, err := write(frozen, 2); err != nil {
		t.Error(err)
	}
	headed, err := model.Import(perceptron(), model.Options{Head: model.Head{Classes: 7}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := headed.Freezing(func(p model.Parameter) bool { return p.Name == "w2" }); err == nil || !strings.Contains(err.Error(), "cannot be frozen") {
		t.Errorf("a new head is frozen: error %v", err)
	}
}

func TestAHeadIsReplaced(t *testing.T) {
	matMul := func() *onnx.Model {
		return with(network(node("MatMul", "h", "x", "w"), node("Add", "z", "b", "h"), node("Softmax", "y", "z")), weights("w", 3, 4), weights("b", 4))
	}
	transposed := func() *onnx.Model {
		return with(network(node("Transpose", "wt", "w"), node("MatMul", "y", "x", "wt")), weights("w", 4, 3))
	}
	for rule, source := range map[string]func() *onnx.Model{
		"of a Gemm": perceptron, "of a product and a sum": matMul, "of transposed weights": transposed,
	} {
		m, err := model.Import(source(), model.Options{Head: model.Head{Classes: 7}})
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		e, err := write(m, 2)
		if err != nil || !slices.Equal(e.Output.Shape(), []int{2, 7}) {
			t.Errorf("%s: the output has the shape %v, %v", rule, e.Output.Shape(), err)
			continue
		}
		first, err := m.Initialize("keep", 1)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Parameters {
			if drawn := !first[i].Equal(p.Value); drawn != slices.ContainsFunc(m.Edits(), func(edit string) bool { return strings.Contains(edit, p.Name) }) {
				t.Errorf("%s: numbers of %s are drawn: %v; the edits are %v", rule, p.Name, drawn, m.Edits())
			}
		}
		target := filepath.Join(t.TempDir(), "head.onnx")
		if err := m.Export("", target, first, nil); err != nil {
			t.Fatal(err)
		}
		again, err := onnx.Load(target)
		if err != nil {
			t.Fatal(err)
		}
		if got := importModel(t, again); !got.Parameters[len(first)-1].Value.Equal(first[len(first)-1].As(array.Float32)) {
			t.Errorf("%s: the exported head is not the trained one", rule)
		}
	}
	_, err := model.Import(perceptron(), model.Options{Head: model.Head{Classes: 7}, Freeze: []string{"*2"}})
	if err == nil || !strings.Contains(err.Error(), `"w2" belongs to the new head`) {
		t.Errorf("a frozen head: %v", err)
	}
	for want, source := range map[string]*onnx.Model{
		`no layer with weights leads to "x"`:         network(node("Relu", "y", "x")),
		`the initializer "w" is read 2 times`:        with(network(node("MatMul", "h", "x", "w"), node("MatMul", "y", "h", "w")), weights("w", 3, 3)),
		`node "n" (MaxPool) stands behind the last `: with(network(node("MatMul", "h", "x", "w"), node("MaxPool", "y", "h")), weights("w", 3, 3)),
	} {
		if _, err := model.Import(source, model.Options{Head: model.Head{Classes: 7}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
