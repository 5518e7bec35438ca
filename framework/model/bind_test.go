package model_test

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// unknown is a dimension without a name.
var unknown = onnx.Dim{Value: -1}

// translator has dimensions of every kind: the batch, symbols on one and on two inputs, an open one without a name, fixed ones, and one
// that only the output has.
func translator() *onnx.Model {
	batch, time, height := onnx.SymbolicDim("batch"), onnx.SymbolicDim("time"), onnx.SymbolicDim("height")
	m := with(network(node("Mul", "m", "x", "mask"), node("Add", "y", "m", "side"), node("Mul", "z", "y", "w")), weights("w", 1))
	m.Graph.Inputs = []*onnx.ValueInfo{
		onnx.NewTensorInfo("x", onnx.Float, batch, time, height),
		onnx.NewTensorInfo("mask", onnx.Float, batch, time, onnx.FixedDim(1)),
		onnx.NewTensorInfo("side", onnx.Float, unknown, onnx.FixedDim(1), unknown),
	}
	m.Graph.Outputs = []*onnx.ValueInfo{onnx.NewTensorInfo("z", onnx.Float, batch, time, onnx.SymbolicDim("width"))}
	return m
}

func TestOpenDimensionsAreNamedAllAtOnceWithBothWaysToFixThem(t *testing.T) {
	_, err := model.Import(translator(), model.Options{})
	want := `model: dimension 1 of input "x" (time), dimension 2 of input "x" (height), dimension 1 of input "mask" (time), dimension 2 of ` +
		`input "side" have no sizes in the file: write dims = {time = N, height = N, "side.2" = N} in [model], or ` +
		`--dim time=N --dim height=N --dim side.2=N`
	if err == nil || err.Error() != want {
		t.Fatalf("error %v, want %s", err, want)
	}
	r := model.Inspect(translator(), model.Options{Dims: map[string]int{"time": 3}})
	open := []model.OpenDimension{{Input: "x", Axis: 2, Symbol: "height"}, {Input: "side", Axis: 2}}
	if !reflect.DeepEqual(r.Open, open) || len(r.Problems) != 1 {
		t.Errorf("open are %v, problems %v", r.Open, r.Problems)
	}
	if open[0].Recipe() != "{height = N}" || open[1].Recipe() != `{"side.2" = N}` || open[1].Flag() != "--dim side.2=N" {
		t.Errorf("written as %s, %s, %s", open[0].Recipe(), open[1].Recipe(), open[1].Flag())
	}
}

func TestASymbolBindsAllItsDimensionsAndAnAxisOne(t *testing.T) {
	m, err := model.Import(translator(), model.Options{Dims: map[string]int{"time": 5, "x.2": 4, "side.2": 4}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]int{{7, 5, 4}, {7, 5, 1}, {7, 1, 4}} {
		if got := m.Inputs[i].Shape(7); !reflect.DeepEqual(got, want) {
			t.Errorf("%s has the shape %v, want %v", m.Inputs[i].Name, got, want)
		}
	}
}

// The first dimension of another input than the first is the batch only as long as nobody says otherwise.
func TestTheFirstDimensionOfALaterInputMayBeGiven(t *testing.T) {
	dims := map[string]int{"time": 5, "height": 4, "side.2": 4, "side.0": 1}
	m, err := model.Import(translator(), model.Options{Dims: dims})
	if err != nil {
		t.Fatal(err)
	}
	if got := m.Inputs[2].Shape(7); !reflect.DeepEqual(got, []int{1, 1, 4}) {
		t.Errorf("side has the shape %v", got)
	}
}

func TestSizesThatMeanNothingAreRefused(t *testing.T) {
	for _, c := range []struct {
		rule string
		dims map[string]int
		want string
	}{
		{"a misspelt symbol", map[string]int{"tme": 3}, `dims gives "tme" a size, but no input has that dimension (did you mean "time"?)`},
		{"a name like no other", map[string]int{"sequence_length": 3}, `no input has that dimension: there are ["height" "side.0" "side.2" "time"]`},
		{"an axis that the input lacks", map[string]int{"x.3": 3}, `dims gives "x.3" a size, but no input has that dimension`},
		{"a symbol of an output only", map[string]int{"width": 3}, `dims gives "width" a size, but no input has that dimension: the graph computes it`},
		{"the batch", map[string]int{"batch": 3},
			`dims gives dimension 0 of input "x" (batch) a size, but it is the batch, whose size is set with batch in [data], or --batch: leave it out`},
		{"the batch by its axis", map[string]int{"x.0": 3}, `dims gives dimension 0 of input "x" (batch) a size, but it is the batch`},
		{"another size than the file's", map[string]int{"time": 3, "height": 4, "side.2": 4, "mask.2": 2},
			`dims gives dimension 2 of input "mask" the size 2, but the file fixes it to 1`},
		{"two sizes for one dimension", map[string]int{"time": 3, "mask.1": 2}, `dims gives "mask.1" the size 2, but "time", which is the same dimension, 3`},
		{"no size", map[string]int{"time": -1}, `dims gives "time" the size -1`},
		{"an empty dimension", map[string]int{"time": 0, "height": 4, "side.2": 4}, `input "x": dimension 1 is 0`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			if _, err := model.Import(translator(), model.Options{Dims: c.dims}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	same := map[string]int{"time": 3, "height": 4, "side.2": 4, "mask.2": 1, "mask.1": 3}
	if _, err := model.Import(translator(), model.Options{Dims: same}); err != nil {
		t.Errorf("sizes that agree: %v", err)
	}
}

func TestSizesAreInferredFromWhatIsFed(t *testing.T) {
	for _, c := range []struct {
		rule   string
		dims   map[string]int
		shapes map[string][]int
		want   map[string]int
	}{
		{"all of them", nil, map[string][]int{"x": {8, 3, 4}, "mask": {8, 3, 1}, "side": {8, 1, 4}}, map[string]int{"time": 3, "height": 4, "side.2": 4}},
		{"what was given is not asked for", map[string]int{"time": 9}, map[string][]int{"x": {8, 3, 4}}, map[string]int{"height": 4}},
		{"a tensor of another rank says nothing", nil, map[string][]int{"x": {8, 12}, "mask": {8, 3, 1}}, map[string]int{"time": 3}},
	} {
		got, err := model.Infer(translator(), model.Options{Dims: c.dims}, c.shapes)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, error %v", c.rule, got, err)
		}
	}
	_, err := model.Infer(translator(), model.Options{}, map[string][]int{"x": {8, 3, 4}, "mask": {8, 5, 1}})
	if want := `model: "time" is one size, but dimension 1 of "x" is 3 in the data, and dimension 1 of "mask" is 5`; err == nil || err.Error() != want {
		t.Errorf("tensors that disagree: %v", err)
	}
}

func TestEverythingThatAFileIsFedHasAShape(t *testing.T) {
	m := translator()
	m.Graph.Inputs = append(m.Graph.Inputs, onnx.NewTensorInfo("idle", onnx.Float, onnx.SymbolicDim("batch"), onnx.SymbolicDim("time")))
	fed, err := model.Feed(m, model.Options{Dims: map[string]int{"time": 3, "height": 4, "side.2": 4}})
	if err != nil || len(fed) != 4 || !reflect.DeepEqual(fed[3].Shape(2), []int{2, 3}) || model.TypicalBatch(fed) != 2 {
		t.Errorf("fed are %v, error %v", fed, err)
	}
	var open *model.OpenError
	if _, err := model.Feed(m, model.Options{}); !errors.As(err, &open) || len(model.Keys(open.Dimensions)) != 3 {
		t.Errorf("error %v", err)
	}
}
