package modelzoo_test

import (
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/modelzoo"
)

func TestUntrainedIsTheSameModelWithZeros(t *testing.T) {
	for _, name := range []string{"mlp-digits", "convnet-digits", "lenet5", "resnet18-small"} {
		want, err := modelzoo.Build(name, 0)
		if err != nil {
			t.Fatal(err)
		}
		got, err := modelzoo.Untrained(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Graph.Nodes) != len(want.Graph.Nodes) || len(got.Graph.Initializers) != len(want.Graph.Initializers) {
			t.Errorf("%s: %d nodes and %d initializers, want %d and %d", name, len(got.Graph.Nodes), len(got.Graph.Initializers),
				len(want.Graph.Nodes), len(want.Graph.Initializers))
			continue
		}
		for i, w := range want.Graph.Initializers {
			g := got.Graph.Initializers[i]
			values, err := g.Float32s()
			if g.Name != w.Name || g.DType != w.DType || !slices.Equal(g.Dims, w.Dims) || err != nil || slices.ContainsFunc(values, func(v float32) bool { return v != 0 }) {
				t.Errorf("%s: initializer %d is %s of shape %v, %v, want zeros like %s of shape %v", name, i, g.Name, g.Dims, err, w.Name, w.Dims)
			}
		}
	}
}
