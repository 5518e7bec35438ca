// Package modelzoo builds the ONNX models that come with Backstitch, from a
// name and a seed: no file of weights is kept. They look like models exported
// from PyTorch for training: Gemm with transposed weights, batch
// normalization by the batch, dropout that is on, a symbolic batch dimension,
// one input named "input".
//
// The initializers are the parameters and the buffers, with the names, shapes
// and order of PyTorch's state dicts; where torchvision has a model, they are
// its own.
//
// The package only builds models. What is trained, and on what, is a recipe's
// business.
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

var entries = sorted(slices.Concat(mlps, convnets, lenets, resnets, vggs, vits, lstms))

func sorted(list []Entry) []Entry {
	slices.SortFunc(list, func(a, b Entry) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

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

// Build returns the model of that name, opset 17, as it is exported for
// training. Its weights are drawn as torchvision draws those of its own
// models, else they are He-normal (He et al., arXiv:1502.01852, fan-in) with
// zero biases. The same seed gives the same weights.
func Build(name string, seed uint64) (*onnx.Model, error) {
	return build(name, func(b *builder) { b.draw(rand.New(rand.NewPCG(seed, 0))) })
}

// Untrained returns the same model with zeros for weights, which take no time, and memory only where they are read.
func Untrained(name string) (*onnx.Model, error) { return build(name, (*builder).zero) }

func build(name string, fill func(*builder)) (*onnx.Model, error) {
	i := slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		if meant := plugin.Suggest(name, Names()); meant != "" {
			return nil, fmt.Errorf("modelzoo: unknown model %q (did you mean %q?)", name, meant)
		}
		return nil, fmt.Errorf("modelzoo: unknown model %q; there are %s", name, strings.Join(Names(), ", "))
	}
	b := newBuilder(entries[i])
	fill(b)
	return &onnx.Model{
		IRVersion:    8,
		ProducerName: "backstitch",
		Doc:          entries[i].Doc,
		Opsets:       map[string]int64{"": 17},
		Graph:        b.graph,
	}, nil
}
