package model_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// internal is what a message for users does not hold: values as Go prints them, packages and types, names of constants, texts of panics.
var internal = regexp.MustCompile(`[{}]|\bops\.|\btensor\.|\bonnx\.|gorgonia|goroutine|runtime error|unexpectedly|constant "?[0-9a-f]{8}|0x[0-9a-f]+|%!|<nil>`)

// TestMessagesNameTheNodeAndNothingInternal gives every operator wrong inputs of many kinds.
func TestMessagesNameTheNodeAndNothingInternal(t *testing.T) {
	list := func(a ...*onnx.Attribute) []*onnx.Attribute { return a }
	kernel := onnx.IntsAttr("kernel_shape", 2, 2)
	kinds := []string{"x", "cube", "square", "image", "row", "one", "number", "indices", "shape", "none"}
	preset := map[string][]*onnx.Attribute{
		"MaxPool": list(kernel), "AveragePool": list(kernel), "LpPool": list(kernel), "MaxUnpool": list(kernel),
		"GroupNormalization": list(onnx.IntAttr("num_groups", 2)), "DepthToSpace": list(onnx.IntAttr("blocksize", 2)),
		"SpaceToDepth": list(onnx.IntAttr("blocksize", 2)), "Einsum": list(onnx.StringAttr("equation", "ij,jk")), "LRN": list(onnx.IntAttr("size", 3)),
		"Transpose": list(onnx.IntsAttr("perm", 1, 0)), "Cast": list(onnx.IntAttr("to", 17)), "LSTM": list(onnx.IntAttr("hidden_size", 2)),
		"GRU": list(onnx.IntAttr("hidden_size", 2)), "RNN": list(onnx.IntAttr("hidden_size", 2)),
	}
	random := rand.New(rand.NewPCG(4, 16))
	refused := 0
	for _, operator := range model.Operators() {
		for _, opset := range []int64{7, 13, 18, 21} {
			for count := 1; count <= 5; count++ {
				for range 6 {
					n := node(operator, "y")
					n.Attributes = preset[operator]
					for range count {
						n.Inputs = append(n.Inputs, kinds[random.IntN(len(kinds))])
					}
					n.Inputs[random.IntN(count)] = "x"
					source := with(network(n), weights("cube", 2, 3, 3), weights("square", 3, 3), weights("image", 1, 4, 5, 5), weights("row", 5), weights("one", 1), weights("number"),
						integers("indices", 7, -9), integers("shape", 0, 4, -1), onnx.NewInt64Tensor("none", []int64{0}, nil))
					source.Opsets[""] = opset
					for _, p := range model.Inspect(source, model.Options{}).Problems {
						refused++
						text := p.Node + ": " + p.Reason
						if internal.MatchString(text) {
							t.Errorf("%q: %q holds %q", n.Inputs, text, internal.FindString(text))
						}
						if want := fmt.Sprintf("node %q (%s, opset %d)", "n", operator, opset); p.Node != "" && p.Node != want {
							t.Errorf("%q: the node is %s, want %s", n.Inputs, p.Node, want)
						}
					}
				}
			}
		}
	}
	if refused < 500 {
		t.Errorf("%d messages, too few to tell", refused)
	}
}
