package model

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// chain is a model of n nodes one behind the other.
func chain(n int, operator string) *onnx.Model {
	g := &onnx.Graph{
		Name:         "chain",
		Inputs:       []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("n"), onnx.FixedDim(4))},
		Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo(fmt.Sprint("a", n), onnx.Float, onnx.SymbolicDim("n"), onnx.FixedDim(4))},
		Initializers: []*onnx.Tensor{onnx.NewFloatTensor("w", []int64{4}, []float32{1, 2, 3, 4})},
		Nodes:        []*onnx.Node{{OpType: "Mul", Inputs: []string{"x", "w"}, Outputs: []string{"a0"}}},
	}
	for i := range n {
		g.Nodes = append(g.Nodes, &onnx.Node{OpType: operator, Inputs: []string{fmt.Sprint("a", i)}, Outputs: []string{fmt.Sprint("a", i+1)}})
	}
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
}

// TestLongChainsTakeLinearTime compares times of one process, with room for noise: a quadratic part would dominate the longer chain.
func TestLongChainsTakeLinearTime(t *testing.T) {
	const short, factor = 4000, 16
	least := func(nodes int) time.Duration {
		m, least := chain(nodes, "Relu"), time.Hour
		for range 3 {
			start := time.Now()
			if r := Inspect(m, Options{}); len(r.Problems) > 0 {
				t.Fatal(r.Problems)
			}
			least = min(least, time.Since(start))
		}
		return least
	}
	if a, b := least(short), least(short*factor); b > 3*factor*a {
		t.Errorf("%d nodes take %v, %d nodes %v: %.0f times as long for %d times as many", short, a, short*factor, b, float64(b)/float64(a), factor)
	}
}
