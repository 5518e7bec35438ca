package ops_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"gorgonia.org/gorgonia"
)

// The reference kernels alone, on the tape machine's values.
func BenchmarkKernel(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	padded := window(2, func(w *ops.Window) { w.Pads = []int{1, 1, 1, 1} })
	halved := window(2, func(w *ops.Window) { w.Strides = []int{2, 2} })
	still, wide := window(2, nil), window(2, func(w *ops.Window) { w.Pads = []int{3, 3, 3, 3} })
	images, weights := []int{8, 16, 32, 32}, []int{16, 16, 3, 3}
	small, many := []int{3, 256, 4, 4}, []int{256, 256, 3, 3} // the last layers of a network on small images
	planes, kernels := []int{3, 96, 16, 16}, []int{96, 1, 7, 7}
	for _, c := range []struct {
		op ops.Operator
		in [][]int
	}{
		{ops.MatMul{}, [][]int{{8, 784}, {784, 500}}},
		{ops.MatMul{TransA: true}, [][]int{{8, 784}, {8, 500}}},
		{ops.MatMul{TransB: true}, [][]int{{8, 500}, {784, 500}}},
		{ops.MatMul{}, [][]int{{3, 16, 16, 96}, {96, 384}}},
		{ops.Conv{Window: padded, Groups: 1}, [][]int{images, weights}},
		{ops.ConvInput{Window: padded, Groups: 1, Spatial: []int{32, 32}}, [][]int{images, weights}},
		{ops.ConvWeights{Window: padded, Groups: 1, Kernel: []int{3, 3}}, [][]int{images, images}},
		{ops.Conv{Window: padded, Groups: 1}, [][]int{small, many}},
		{ops.ConvInput{Window: padded, Groups: 1, Spatial: []int{4, 4}}, [][]int{small, many}},
		{ops.ConvWeights{Window: padded, Groups: 1, Kernel: []int{3, 3}}, [][]int{small, small}},
		{ops.Conv{Window: still, Groups: 1}, [][]int{images, {64, 16, 1, 1}}},
		{ops.Conv{Window: wide, Groups: 96}, [][]int{planes, kernels}},
		{ops.ConvInput{Window: wide, Groups: 96, Spatial: []int{16, 16}}, [][]int{planes, kernels}},
		{ops.ConvWeights{Window: wide, Groups: 96, Kernel: []int{7, 7}}, [][]int{planes, planes}},
		{ops.PoolSelect{Window: halved, Kernel: []int{2, 2}}, [][]int{images, images}},
		{ops.Binary{Func: ops.Add}, [][]int{images, {16, 1, 1}}},
		{ops.Binary{Func: ops.Add}, [][]int{images, images}},
		{ops.Binary{Func: ops.Mul}, [][]int{images, {1, 16, 1, 1}}},
		{ops.Binary{Func: ops.Mul}, [][]int{images, {}}},
		{ops.Binary{Func: ops.Add}, [][]int{{256, 512}, {512}}},
		{ops.Binary{Func: ops.Sub}, [][]int{{256, 512}, {256, 1}}},
		{ops.ReduceSum{Axes: []int{0, 2, 3}}, [][]int{images}},
		{ops.ReduceSum{Axes: []int{0}}, [][]int{{768, 384}}},
		{ops.ReduceMax{Axes: []int{3}}, [][]int{images}},
		{ops.Where{}, [][]int{images, images, {}}},
		{ops.Concat{Axis: 1, Inputs: 2}, [][]int{images, images}},
		{ops.Slice{Start: []int{0, 4, 0, 0}, Step: []int{1, 1, 1, 1}, Size: []int{8, 8, 32, 32}}, [][]int{images}},
		{ops.Slice{Start: []int{0, 0, 31, 31}, Step: []int{1, 1, -2, -2}, Size: []int{8, 16, 16, 16}}, [][]int{images}},
		{ops.Place{Start: []int{0, 0, 1, 1}, Step: []int{1, 1, 1, 1}, Dims: []int{8, 16, 34, 34}}, [][]int{images}},
		{ops.PoolSum{Window: halved, Kernel: []int{2, 2}}, [][]int{images}},
		{ops.Transpose{Perm: []int{0, 2, 3, 1}}, [][]int{images}},
		{ops.Transpose{Perm: []int{0, 2, 1}}, [][]int{{8, 256, 256}}},
		{ops.Unary{Func: ops.Relu}, [][]int{images}},
		{ops.Unary{Func: ops.Step}, [][]int{images}},
		{ops.LogSoftmax{Axis: 1}, [][]int{{256, 10}}},
	} {
		b.Run(fmt.Sprintf("%T%v", c.op, c.in), func(b *testing.B) {
			y := ops.Apply(c.op, variables(gorgonia.NewGraph(), c.in)...)
			if y.Err() != nil {
				b.Fatal(y.Err())
			}
			var values []gorgonia.Value
			for _, shape := range c.in {
				values = append(values, constant(true, shape, signed(r, size(shape))))
			}
			for b.Loop() {
				if _, err := y.Node().Op().Do(values...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
