package kernel

import (
	"fmt"
	"testing"
)

// benchProgram runs a program whose inputs have small positive numbers.
func benchProgram(b *testing.B, p Program) {
	size := 1
	for _, n := range p.Shape {
		size *= n
	}
	extent := func(a Access) int {
		if a == nil {
			return size
		}
		n := 1
		for axis, stride := range a {
			n += stride * (p.Shape[axis] - 1)
		}
		return n
	}
	var in, out []Operand[float32]
	var sums [][]float64
	for _, a := range p.Inputs {
		x := make([]float32, extent(a))
		for i := range x {
			x[i] = float32(i%13)*0.01 + 0.001
		}
		in = append(in, Operand[float32]{Data: x})
	}
	for _, o := range p.Outputs {
		if o.Alias >= 0 {
			out = append(out, in[o.Alias])
		} else {
			out = append(out, Operand[float32]{Data: make([]float32, size)})
		}
	}
	for _, s := range p.Sums {
		sums = append(sums, make([]float64, extent(s.Into)))
	}
	c := Compile[float32](p)
	scratch := make([]float32, c.Scratch())
	b.SetBytes(int64(4 * size))
	for b.Loop() {
		c.Run(0, size, in, out, sums, scratch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/element")
}

const parameters = 1400000

func BenchmarkDescentUpdate(b *testing.B) { // w − lr·g
	benchProgram(b, Program{Shape: []int{parameters}, Inputs: []Access{nil, nil, {0}},
		Code:    []Instruction{{Op: MulSub, Out: 3, A: 2, B: 1, C: 0}},
		Outputs: []Output{{3, 0}}})
}

// adamW is the update of parameters of some shape: of w, the means m and v, from the gradient g, and numbers that change from step to step.
func adamW(shape []int) Program {
	none := make(Access, len(shape))
	const w, m, v, g, rate, correction1, correction2 = 0, 1, 2, 3, 4, 5, 6
	return Program{Shape: shape, Inputs: []Access{nil, nil, nil, nil, none, none, none},
		Code: []Instruction{
			{Op: Affine, Out: 7, A: g, P: 0.1},
			{Op: Affine, Out: 8, A: m, P: 0.9},
			{Op: Add, Out: 9, A: 7, B: 8}, // m
			{Op: Mul, Out: 10, A: g, B: g},
			{Op: Affine, Out: 11, A: 10, P: 0.001},
			{Op: Affine, Out: 12, A: v, P: 0.999},
			{Op: Add, Out: 13, A: 11, B: 12}, // v
			{Op: Div, Out: 14, A: 9, B: correction1},
			{Op: Div, Out: 15, A: 13, B: correction2},
			{Op: Sqrt, Out: 16, A: 15},
			{Op: Affine, Out: 17, A: 16, P: 1, Q: 1e-8},
			{Op: Div, Out: 18, A: 14, B: 17},
			{Op: Affine, Out: 19, A: w, P: 0.999},
			{Op: MulSub, Out: 20, A: rate, B: 18, C: 19},
		},
		Outputs: []Output{{20, w}, {9, m}, {13, v}}}
}

func BenchmarkAdamWUpdate(b *testing.B) { benchProgram(b, adamW([]int{parameters})) }

func BenchmarkAdamWUpdateInCache(b *testing.B) { benchProgram(b, adamW([]int{2000})) }

func BenchmarkDescentInCache(b *testing.B) {
	benchProgram(b, Program{Shape: []int{2000}, Inputs: []Access{nil, nil, {0}},
		Code:    []Instruction{{Op: MulSub, Out: 3, A: 2, B: 1, C: 0}},
		Outputs: []Output{{3, 0}}})
}

func BenchmarkBiasRelu(b *testing.B) {
	for _, rows := range []int{8, 250} {
		for _, n := range []int{500, 100, 10} {
			b.Run(fmt.Sprint(rows, "x", n), func(b *testing.B) {
				benchProgram(b, Program{Shape: []int{rows, n}, Inputs: []Access{nil, {0, 1}},
					Code:    []Instruction{{Op: Add, Out: 2, A: 0, B: 1}, {Op: Relu, Out: 3, A: 2}},
					Outputs: []Output{{3, 0}}})
			})
		}
	}
}

func BenchmarkNormalize(b *testing.B) { // (x − mean)/√(variance + ε)·scale + shift
	for _, area := range []int{1024, 64, 16} {
		b.Run(fmt.Sprint(area), func(b *testing.B) {
			channel := Access{0, 1, 0}
			benchProgram(b, Program{Shape: []int{8, 64, area}, Inputs: []Access{nil, channel, channel, channel, channel},
				Code: []Instruction{
					{Op: Sub, Out: 5, A: 0, B: 1},
					{Op: Affine, Out: 6, A: 2, P: 1, Q: 1e-5},
					{Op: Sqrt, Out: 7, A: 6},
					{Op: Div, Out: 8, A: 5, B: 7},
					{Op: MulAdd, Out: 9, A: 8, B: 3, C: 4},
				},
				Outputs: []Output{{9, -1}}})
		})
	}
}

func BenchmarkStatistics(b *testing.B) { // Σ x and Σ (x − mean)² of each channel
	channel := Access{0, 1, 0}
	benchProgram(b, Program{Shape: []int{8, 64, 1024}, Inputs: []Access{nil, channel},
		Code: []Instruction{{Op: Sub, Out: 2, A: 0, B: 1}, {Op: Mul, Out: 3, A: 2, B: 2}},
		Sums: []Sum{{0, channel}, {3, channel}}})
}

func BenchmarkSumOfRows(b *testing.B) { // the gradient of a bias
	benchProgram(b, Program{Shape: []int{250, 500}, Inputs: []Access{nil}, Sums: []Sum{{0, Access{0, 1}}}})
}

func BenchmarkSumAlongShortRows(b *testing.B) { // as in softmax's gradient
	benchProgram(b, Program{Shape: []int{1000, 10}, Inputs: []Access{nil}, Sums: []Sum{{0, Access{1, 0}}}})
}

func BenchmarkFunction(b *testing.B) {
	for _, f := range []struct {
		name string
		op   Code
	}{{"exp", Exp}, {"log", Log}, {"tanh", Tanh}, {"sigmoid", Sigmoid}, {"softplus", Softplus}, {"erf", Erf}, {"sqrt", Sqrt}, {"sin", Sin}, {"pow", Pow}, {"max", Max}} {
		b.Run(f.name, func(b *testing.B) {
			benchProgram(b, Program{Shape: []int{8192}, Inputs: []Access{nil},
				Code: []Instruction{{Op: f.op, Out: 1}}, Outputs: []Output{{1, -1}}})
		})
	}
}
