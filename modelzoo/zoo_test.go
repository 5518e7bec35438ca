package modelzoo_test

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/modelzoo"
)

// linear and conv are the numbers of parameters of a layer.
func linear(in, out int) int { return in*out + out }
func conv(in, out int) int   { return 9*in*out + out }

// models are those that torchvision does not have.
var models = []struct {
	name          string
	parameters    int
	input, output string
}{
	{"convnet", conv(1, 16) + conv(16, 32) + conv(32, 64) + linear(64, 10), "input [batch 1 28 28]", "logits [batch 10]"},
	{"convnet-digits", conv(1, 8) + conv(8, 16) + linear(16, 10), "input [batch 1 8 8]", "logits [batch 10]"},
	{"mlp-2x128", linear(784, 128) + linear(128, 128) + linear(128, 10), "input [batch 1 28 28]", "logits [batch 10]"},
	{"mlp-2x128-tanh", linear(784, 128) + linear(128, 128) + linear(128, 10), "input [batch 1 28 28]", "logits [batch 10]"},
	{"mlp-3x300", linear(1, 300) + 2*linear(300, 300) + linear(300, 1), "input [batch 1]", "output [batch 1]"},
	{"mlp-5x500", linear(784, 500) + 4*linear(500, 500) + linear(500, 10), "input [batch 1 28 28]", "logits [batch 10]"},
	{"mlp-digits", linear(64, 32) + linear(32, 32) + linear(32, 10), "input [batch 1 8 8]", "logits [batch 10]"},
	{"softmax-regression", linear(784, 10), "input [batch 1 28 28]", "logits [batch 10]"},
}

// families are models of each kind of layer, small enough to be written to files.
var families = []string{
	"convnet", "lenet5", "lstm-classifier", "mlp-2x128", "mlp-3x300", "mlp-digits", "resnet18-cifar", "resnet26-small100", "vgg11-bn-cifar", "vit-small",
}

func TestModelsHaveTheirParametersAndShapes(t *testing.T) {
	for _, want := range models {
		t.Run(want.name, func(t *testing.T) {
			g := build(t, want.name, 1).Graph
			parameters := 0
			for _, w := range g.Initializers {
				parameters += len(floats(t, w))
			}
			if parameters != want.parameters {
				t.Errorf("%d parameters, want %d", parameters, want.parameters)
			}
			if got := fmt.Sprint(g.Inputs[0].Name, " ", g.Inputs[0].Dims); got != want.input || len(g.Inputs) != 1 {
				t.Errorf("input %s, want %s", got, want.input)
			}
			if got := fmt.Sprint(g.Outputs[0].Name, " ", g.Outputs[0].Dims); got != want.output || len(g.Outputs) != 1 {
				t.Errorf("output %s, want %s", got, want.output)
			}
		})
	}
}

func TestModelsAreListedInOrderWithADoc(t *testing.T) {
	names := modelzoo.Names()
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Errorf("names %v", names)
	}
	for _, e := range modelzoo.List() {
		if e.Doc == "" {
			t.Errorf("%s has no doc", e.Name)
		}
	}
}

func TestModelsSurviveTheirFiles(t *testing.T) {
	for _, name := range families {
		m := build(t, name, 1)
		got, err := onnx.Decode(encode(t, m))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !reflect.DeepEqual(got, m) {
			t.Errorf("%s changes when it is encoded and decoded", name)
		}
	}
}

func TestTheSeedDecidesTheWeights(t *testing.T) {
	for _, name := range families {
		one := encode(t, build(t, name, 1))
		if !bytes.Equal(one, encode(t, build(t, name, 1))) {
			t.Errorf("%s differs between two builds with one seed", name)
		}
		if bytes.Equal(one, encode(t, build(t, name, 2))) {
			t.Errorf("%s is the same for two seeds", name)
		}
	}
}

// Runs are compared across machines and versions: the weights of a seed never
// change. If this fails, a new name for the changed model is wanted.
func TestTheWeightsOfASeedStayAsTheyAre(t *testing.T) {
	hash := fnv.New64a()
	for _, w := range build(t, "mlp-digits", 1).Graph.Initializers {
		for _, f := range floats(t, w) {
			fmt.Fprintf(hash, "%08x", math.Float32bits(f))
		}
	}
	if got, want := hash.Sum64(), uint64(0x6d5357239876c041); got != want {
		t.Errorf("hash of the weights %#x, want %#x", got, want)
	}
}

func TestWeightsAreHeNormalAndBiasesZero(t *testing.T) {
	for _, m := range models {
		name := m.name
		for _, w := range build(t, name, 1).Graph.Initializers {
			data := floats(t, w)
			if strings.HasSuffix(w.Name, ".bias") {
				if slices.ContainsFunc(data, func(f float32) bool { return f != 0 }) {
					t.Errorf("%s: %s is not zero", name, w.Name)
				}
				continue
			}
			n, fanIn := float64(len(data)), 1.0
			for _, d := range w.Dims[1:] {
				fanIn *= float64(d)
			}
			var sum, squares, fourth float64
			for _, f := range data {
				z := float64(f) / math.Sqrt(2/fanIn)
				sum, squares, fourth = sum+z, squares+z*z, fourth+z*z*z*z
			}
			// Moments of the standard normal distribution, to five standard errors.
			for moment, test := range map[string]struct{ got, want, variance float64 }{
				"mean":   {sum / n, 0, 1},
				"second": {squares / n, 1, 2},
				"fourth": {fourth / n, 3, 96},
			} {
				if math.Abs(test.got-test.want) > 5*math.Sqrt(test.variance/n) {
					t.Errorf("%s: %s: %s moment %v, want %v", name, w.Name, moment, test.got, test.want)
				}
			}
		}
	}
}

func TestUnknownNamesAreErrorsThatHelp(t *testing.T) {
	for name, want := range map[string]string{
		"mlp-5x50": `unknown model "mlp-5x50" (did you mean "mlp-5x500"?)`,
		"imagenet": "there are convnet, convnet-digits, lenet5",
	} {
		if _, err := modelzoo.Build(name, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %s", err, want)
		}
	}
}

func build(t *testing.T, name string, seed uint64) *onnx.Model {
	t.Helper()
	m, err := modelzoo.Build(name, seed)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func encode(t *testing.T, m *onnx.Model) []byte {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func floats(t *testing.T, w *onnx.Tensor) []float32 {
	t.Helper()
	data, err := w.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
