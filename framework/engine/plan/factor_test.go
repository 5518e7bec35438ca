package plan

import (
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/autodiff"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/gorgonia"
)

// TestTheGradientOfANormalizationTakesTwoPasses: one sums, and one computes the gradient in what is normalized. The mean and the
// variance take one each.
func TestTheGradientOfANormalizationTakesTwoPasses(t *testing.T) {
	expr := gorgonia.NewGraph()
	input := func(name string, shape ...int) ops.Expr { return ops.Input(expr, name, array.Float64, shape...) }
	x, gamma, beta, g := input("x", 4, 3, 5, 5), input("gamma", 1, 3, 1, 1), input("beta", 1, 3, 1, 1), input("g", 4, 3, 5, 5)
	mean := x.Mean(true, 0, 2, 3)
	variance := x.Sub(mean).Square().Mean(true, 0, 2, 3)
	y := x.Sub(mean).Div(variance.Shift(1e-5).Sqrt()).Mul(gamma).Add(beta)
	gradients, err := autodiff.Grad(y.Relu().Mul(g).Sum(false, 0, 1, 2, 3), x, gamma, beta)
	if err != nil {
		t.Fatal(err)
	}
	graph := &program.Graph{Expr: expr}
	for i, v := range []ops.Expr{x, gamma, beta, g} {
		graph.Inputs = append(graph.Inputs, program.Input{Node: v.Node(), Source: program.FromBatch, Index: i})
	}
	for _, v := range gradients {
		graph.Outputs = append(graph.Outputs, program.Output{Node: v.Node(), Destination: program.ToOutput})
	}
	p, err := compile[float64](graph, true)
	if err != nil {
		t.Fatal(err)
	}
	sums, others := 0, 0
	for _, in := range p.plan.instructions {
		switch {
		case !strings.Contains(in.detail, "(4, 3, 5, 5)"):
		case strings.Contains(in.detail, "ReduceSum"):
			sums++
		default:
			others++
		}
	}
	if sums != 3 || others != 1 {
		t.Errorf("%d passes that sum and %d others, want 3 and 1", sums, others)
	}
}
