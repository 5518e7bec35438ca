package model_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

func TestAReportNamesWhatIsStoredInHalfPrecision(t *testing.T) {
	half, err := (&onnx.Tensor{Name: "w", DType: onnx.Float16, Dims: []int64{3}}).WithFloat64s([]float64{1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	m := with(network(node("Mul", "h", "x", "w"), node("Add", "y", "h", "b")), half, weights("b", 3))
	m.Graph.Inputs[0].DType, m.Graph.Outputs[0].DType = onnx.Float16, onnx.Float16
	if got := model.Inspect(m, model.Options{}).Halves; !slices.Equal(got, []string{"x", "w", "y"}) {
		t.Errorf("it names %q", got)
	}
	if got := model.Inspect(perceptron(), model.Options{}).Halves; got != nil {
		t.Errorf("it names %q", got)
	}
}

func TestAReportDescribesTheModel(t *testing.T) {
	good := with(perceptron(), integers("unused", 1))
	good.ProducerName, good.ProducerVersion = "pytorch", "1.13.0"
	good.Graph.Inputs = append(good.Graph.Inputs, onnx.NewTensorInfo("w1", onnx.Float, onnx.FixedDim(5), onnx.FixedDim(3)))

	foreign := network(node("Relu", "h", "x"), &onnx.Node{OpType: "Relu", Domain: "com.acme", Inputs: []string{"h"}, Outputs: []string{"y"}})
	foreign.Opsets["com.acme"] = 2

	const inputs = `"inputs":[{"name":"x","type":"FLOAT","shape":["batch","3"]}],"outputs":[{"name":"y","type":"FLOAT","shape":[]}]`
	for _, c := range []struct {
		rule   string
		source *onnx.Model
		want   string
	}{
		{"one that imports", good, `{"producer":"pytorch 1.13.0","ir_version":8,"opsets":{"ai.onnx":17},` + inputs +
			`,"parameters":[{"name":"w1","shape":[5,3],"trainable":true},{"name":"b1","shape":[5],"trainable":true},` +
			`{"name":"w2","shape":[4,5],"trainable":true},{"name":"b2","shape":[4],"trainable":true},` +
			`{"name":"unused","shape":[1],"trainable":false}],"buffers":[],"constants":[],"tied":[],"edits":[],"parameter_count":44,"open_dimensions":[],` +
			`"operators":[{"name":"Gemm","count":2,"supported":true},{"name":"Relu","count":1,"supported":true}],"hints":[],"gradient_cut_by":[],"problems":[]}`},
		{"one with an operator that is not supported", foreign, `{"producer":"","ir_version":8,"opsets":{"ai.onnx":17,"com.acme":2},` + inputs +
			`,"parameters":[],"buffers":[],"constants":[],"tied":[],"edits":[],"parameter_count":0,"open_dimensions":[],` +
			`"operators":[{"name":"Relu","count":1,"supported":true},{"name":"com.acme.Relu","count":1,"supported":false}],` +
			`"hints":[],"gradient_cut_by":[],"problems":[{"node":"node for \"y\" (com.acme.Relu, opset 2)",` +
			`"reason":"domain \"com.acme\": only operators of the standard domain are supported"}]}`},
		{"one whose shapes do not fit", with(network(node("MatMul", "y", "x", "w")), weights("w", 2, 4)),
			`{"producer":"","ir_version":8,"opsets":{"ai.onnx":17},` + inputs +
				`,"parameters":[{"name":"w","shape":[2,4],"trainable":true}],"buffers":[],"constants":[],"tied":[],"edits":[],"parameter_count":8,"open_dimensions":[],` +
				`"operators":[{"name":"MatMul","count":1,"supported":true}],"hints":[],"gradient_cut_by":[],"problems":[{"node":"node \"n\" (MatMul, opset 17)","reason":"` +
				`shapes (2, 3) and (2, 4): 3 columns against 2 rows"}]}`},
		{"one that has nothing to train", network(node("Relu", "z", "x")),
			`{"producer":"","ir_version":8,"opsets":{"ai.onnx":17},` + inputs + `,"parameters":[],"buffers":[],"constants":[],"tied":[],"edits":[],"parameter_count":0,"open_dimensions":[],` +
				`"operators":[{"name":"Relu","count":1,"supported":true}],` +
				`"hints":[],"gradient_cut_by":[],"problems":[{"node":"","reason":"model: no node computes a tensor \"y\""}]}`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := json.Marshal(model.Inspect(c.source, model.Options{}))
			if err != nil || string(got) != c.want {
				t.Errorf("%v\ngot  %s\nwant %s", err, got, c.want)
			}
		})
	}
}

func TestAReportWithoutProblemsBelongsToAModelThatImports(t *testing.T) {
	for _, batch := range []int64{1, 2, 5} {
		m := with(network(node("Reshape", "y", "x", "shape")), integers("shape", batch, 3))
		m.Graph.Inputs[0].Dims[0] = onnx.FixedDim(batch)
		if problems := model.Inspect(m, model.Options{}).Problems; len(problems) > 0 {
			t.Errorf("a file for batch %d has the problems %v", batch, problems)
		}
	}
}
