// Package modelzoo builds the ONNX models that come with Backstitch, from a
// name and a seed: no file of weights is kept. They look like models exported
// from PyTorch: Gemm with transposed weights, parameters named as in a state
// dict, a symbolic batch dimension, one input named "input".
//
// It only builds models. What is trained, and on what, is a recipe's business.
package modelzoo

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Entry describes one model.
type Entry struct {
	Name string
	Doc  string // one line: layers, then input and output

	build func(*builder)
}

var entries = slices.SortedFunc(slices.Values(slices.Concat(mlps, convnets)), func(a, b Entry) int {
	return cmp.Compare(a.Name, b.Name)
})

// List returns the models in alphabetical order.
func List() []Entry { return slices.Clone(entries) }

// Names returns the names of the models in alphabetical order.
func Names() []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name
	}
	return names
}

// Build returns the model of that name, opset 17, with He-normal weights (He
// et al., arXiv:1502.01852, fan-in) and zero biases. The same seed gives the
// same weights.
func Build(name string, seed uint64) (*onnx.Model, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		if meant := plugin.Suggest(name, Names()); meant != "" {
			return nil, fmt.Errorf("modelzoo: unknown model %q (did you mean %q?)", name, meant)
		}
		return nil, fmt.Errorf("modelzoo: unknown model %q; there are %s", name, strings.Join(Names(), ", "))
	}
	b := &builder{
		graph:   &onnx.Graph{Name: name},
		weights: rand.New(rand.NewPCG(seed, 0)),
		count:   make(map[string]int),
	}
	entries[i].build(b)
	return &onnx.Model{
		IRVersion:    8,
		ProducerName: "backstitch",
		Doc:          entries[i].Doc,
		Opsets:       map[string]int64{"": 17},
		Graph:        b.graph,
	}, nil
}
