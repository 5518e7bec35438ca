package modelzoo

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// published are the numbers of parameters that torchvision's documentation gives for its models.
var published = map[string]int{
	"resnet18": 11_689_512, "resnet34": 21_797_672, "resnet50": 25_557_032,
	"vgg11": 132_863_336, "vgg16": 138_357_544, "vgg19": 143_667_240,
	"vgg11-bn": 132_868_840, "vgg16-bn": 138_365_992, "vgg19-bn": 143_678_248,
}

// stateDict is what testdata/torch_goldens.py wrote about the state dict of one model.
type stateDict struct {
	Input      []int  `json:"input"`
	Logits     []int  `json:"logits"`
	Parameters int    `json:"parameters"`
	SHA256     string `json:"sha256"`
}

func TestParametersAndBuffersAreThoseOfTorchvisionInNamesShapesAndOrder(t *testing.T) {
	data, err := os.ReadFile("testdata/state_dicts.json")
	if err != nil {
		t.Fatal(err)
	}
	var torchvision map[string]stateDict
	if err := json.Unmarshal(data, &torchvision); err != nil {
		t.Fatal(err)
	}
	for _, e := range slices.Concat(lenets, resnets, vggs, vits, lstms) {
		if got, want := stateDictOf(e), torchvision[e.Name]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", e.Name, got, want)
		}
		delete(torchvision, e.Name)
	}
	if len(torchvision) > 0 {
		t.Errorf("there is no %v", slices.Sorted(maps.Keys(torchvision)))
	}
}

func TestParametersAreAsManyAsPublished(t *testing.T) {
	for _, e := range entries {
		if want, known := published[e.Name]; known && stateDictOf(e).Parameters != want {
			t.Errorf("%s: %d parameters, want %d", e.Name, stateDictOf(e).Parameters, want)
		}
		delete(published, e.Name)
	}
	if len(published) > 0 {
		t.Errorf("there is no %v", slices.Sorted(maps.Keys(published)))
	}
}

func TestVGGDropsHalfBetweenItsLinearLayersInTraining(t *testing.T) {
	for _, e := range vggs {
		nodes := map[string]*onnx.Node{} // by output
		var order []string
		for _, n := range newBuilder(e).graph.Nodes {
			nodes[n.Outputs[0]] = n
			switch n.OpType {
			case "Gemm", "Dropout":
				order = append(order, n.OpType)
			}
			if n.OpType != "Dropout" {
				continue
			}
			ratio, err := nodes[n.Inputs[1]].Attr("value").T.Float32s()
			if err != nil || !slices.Equal(ratio, []float32{0.5}) {
				t.Errorf("%s: ratio %v, %v", e.Name, ratio, err)
			}
			training := nodes[n.Inputs[2]]
			on, err := nodes[training.Inputs[0]].Attr("value").T.Int64s()
			if err != nil || !slices.Equal(on, []int64{1}) || onnx.DataType(training.Attr("to").I) != onnx.Bool {
				t.Errorf("%s: training mode %v, %v", e.Name, on, err)
			}
		}
		want := []string{"Gemm", "Dropout", "Gemm", "Dropout", "Gemm"}
		if strings.HasSuffix(e.Name, "-cifar") || strings.HasSuffix(e.Name, "-small") {
			want = want[:1]
		}
		if !slices.Equal(order, want) {
			t.Errorf("%s: %v, want %v", e.Name, order, want)
		}
	}
}

func stateDictOf(e Entry) stateDict {
	b, hash := newBuilder(e), sha256.New()
	s := stateDict{Input: example(b.graph.Inputs), Logits: example(b.graph.Outputs)}
	for _, tensor := range b.tensors {
		if !strings.Contains(tensor.name, ".running_") {
			s.Parameters += int(elements(tensor.shape))
		}
		fmt.Fprintf(hash, "%s %s\n", tensor.name, strings.ReplaceAll(fmt.Sprint(tensor.shape), " ", ", "))
	}
	s.SHA256 = fmt.Sprintf("%x", hash.Sum(nil))
	return s
}

// example returns the shape of the only value, without the batch.
func example(values []*onnx.ValueInfo) []int {
	if len(values) != 1 || values[0].Dims[0].Param != "batch" {
		return nil
	}
	var shape []int
	for _, d := range values[0].Dims[1:] {
		shape = append(shape, int(d.Value))
	}
	return shape
}
