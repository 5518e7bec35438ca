package tape_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/enginetest"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

func TestConformance(t *testing.T) { enginetest.Run(t, tape.Engine{}) }

func TestRecipesKnowTheEngine(t *testing.T) {
	if e, err := engine.New("tape"); err != nil || e != (tape.Engine{}) {
		t.Errorf("the engine named tape is %T (error %v)", e, err)
	}
}

func TestEvaluatesAGraphThatHoldsItsInputs(t *testing.T) {
	g := gorgonia.NewGraph()
	x := ops.Hold(g, "x", array.Float32, array.From64([]float64{1, 2, 3}), 3)
	for _, c := range []struct {
		of   string
		x    ops.Expr
		want []float32
	}{
		{"a sum", x.Add(ops.Scalar(0.5)).Sum(false), []float32{7.5}},
		{"a product", x.Mul(x), []float32{1, 4, 9}},
		{"an input", x, []float32{1, 2, 3}},
	} {
		got, err := tape.Engine{}.EvaluateGraph(c.x)
		if err != nil || !got.Equal(array.From32(c.want)) {
			t.Errorf("%s is %v, %v, want %v", c.of, got, err, c.want)
		}
	}
	for _, wrong := range []ops.Expr{{}, ops.Scalar(1), x.Reshape(2), x.Add(ops.Input(g, "y", array.Float32, 3))} {
		if got, err := (tape.Engine{}).EvaluateGraph(wrong); err == nil {
			t.Errorf("%v evaluates to %v", wrong, got)
		}
	}
}

func BenchmarkStep(b *testing.B) { enginetest.BenchmarkStep(b, tape.Engine{}) }
