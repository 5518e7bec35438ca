package program_test

import (
	"math"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/ops/opstest"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"gorgonia.org/gorgonia"
)

func TestLossesAreOfEachExample(t *testing.T) {
	for _, c := range []struct {
		name           string
		loss           program.Loss
		shape          []int // of the output
		targets        []int // their shape, for one example
		output, target []float64
		want           []float64
	}{
		{"cross-entropy", program.CrossEntropy{}, []int{2, 3}, nil,
			[]float64{0, 0, 0, math.Log(1), math.Log(2), math.Log(5)}, []float64{1, 2}, []float64{math.Log(3), math.Log(8. / 5)}},
		{"cross-entropy of large logits", program.CrossEntropy{}, []int{2, 2}, nil,
			[]float64{1e4, 0, 1e4, 0}, []float64{0, 1}, []float64{0, 1e4}},
		{"cross-entropy at two places", program.CrossEntropy{}, []int{1, 3, 2}, []int{2},
			[]float64{0, math.Log(1), 0, math.Log(2), 0, math.Log(5)}, []float64{1, 2}, []float64{(math.Log(3) + math.Log(8./5)) / 2}},
		{"squares of vectors", program.MeanSquaredError{}, []int{2, 3}, []int{3},
			[]float64{1, 2, 3, 4, 5, 6}, []float64{1, 2, 3, 3, 3, 3}, []float64{0, (1 + 4 + 9) / 3.}},
		{"squares of numbers", program.MeanSquaredError{}, []int{2}, nil, []float64{1, 2}, []float64{3, 5}, []float64{4, 9}},
		{"squares of images", program.MeanSquaredError{}, []int{1, 2, 1, 2}, []int{2, 1, 2},
			[]float64{1, 2, 3, 4}, []float64{0, 0, 0, 0}, []float64{30 / 4.}},
	} {
		shape, err := c.loss.TargetShape(c.shape[1:])
		if err != nil || !slices.Equal(shape, c.targets) {
			t.Errorf("%s: targets of shape %v (error %v), want %v", c.name, shape, err, c.targets)
			continue
		}
		var output, targets, losses ops.Expr
		ops.Build(func() error {
			g := gorgonia.NewGraph()
			output = ops.Input(g, "output", array.Float64, c.shape...)
			targets = ops.Input(g, "targets", array.Float64, append([]int{c.shape[0]}, shape...)...)
			losses = c.loss.Losses(output, targets)
			return nil
		})
		got := opstest.Run(t, opstest.Values{output: c.output, targets: c.target}, losses)[0]
		for i, want := range c.want {
			if len(got) != len(c.want) || math.Abs(got[i]-want) > 1e-15*max(1, want) {
				t.Errorf("%s: losses %v, want %v", c.name, got, c.want)
				break
			}
		}
	}
}

func TestLossesAreRegistered(t *testing.T) {
	for name, want := range map[string]program.Loss{"cross_entropy": program.CrossEntropy{}, "mse": program.MeanSquaredError{}} {
		if l, err := program.NewLoss(name); err != nil || l != want {
			t.Errorf("%s is %T (error %v)", name, l, err)
		}
	}
}
