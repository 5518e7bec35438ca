package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// PoolSum sums each window of (batch, channels, spatial…), where padding counts as zero; a window may hold padding only. Divided
// by the numbers of elements it is ONNX AveragePool. PoolSum and [PoolSpread] are adjoint: together they are closed under
// differentiation.
type PoolSum struct {
	Window
	Kernel []int
}

// PoolSpread is the adjoint of [PoolSum]: it adds the elements of (batch, channels, positions…) to all elements of their windows
// over the axes Spatial.
type PoolSpread struct {
	Window
	Kernel, Spatial []int
}

// PoolSum is the sum of each window.
func (x Expr) PoolSum(kernel []int, w Window) Expr { return x.with(PoolSum{w, kernel}) }

// Arity is 1.
func (PoolSum) Arity() int { return 1 }

// Arity is 1.
func (PoolSpread) Arity() int { return 1 }

// Shape is (batch, channels, positions…).
func (o PoolSum) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	return slid(o.Window, o.Kernel, in[0])
}

// Shape is (batch, channels, Spatial…).
func (o PoolSpread) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if len(in[0]) < 3 {
		return nil, fmt.Errorf("shape %v: want (batch, channels, positions…)", in[0])
	}
	x := append(in[0][:2].Clone(), o.Spatial...)
	positions, err := slid(o.Window, o.Kernel, x)
	if err != nil {
		return nil, err
	}
	if !slices.Equal(positions, in[0]) {
		return nil, fmt.Errorf("shape %v, but the windows over %v have %v", in[0], x, positions)
	}
	return x, nil
}

// Gradient spreads g over the windows.
func (o PoolSum) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.with(PoolSpread{o.Window, o.Kernel, in[0].Shape()[2:].Clone()})}
}

// Gradient sums g in the windows.
func (o PoolSpread) Gradient(_ []Expr, _, g Expr) []Expr {
	return []Expr{g.PoolSum(o.Kernel, o.Window)}
}

// Eval32 accumulates in float64.
func (o PoolSum) Eval32(out Tensor[float32], in ...Tensor[float32]) { poolSum(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o PoolSum) Eval64(out Tensor[float64], in ...Tensor[float64]) { poolSum(o, out, in[0]) }

// Eval32 accumulates in float64.
func (o PoolSpread) Eval32(out Tensor[float32], in ...Tensor[float32]) { poolSpread(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o PoolSpread) Eval64(out Tensor[float64], in ...Tensor[float64]) { poolSpread(o, out, in[0]) }

func poolSum[T Float](o PoolSum, out, x Tensor[T]) {
	taps := o.taps(x.Shape[2:], o.Kernel, out.Shape[2:])
	planes(out, x, func(sums []float64, data []T) {
		for _, row := range taps {
			for p, from := range row {
				if from >= 0 {
					sums[p] += float64(data[from])
				}
			}
		}
	})
}

func poolSpread[T Float](o PoolSpread, out, g Tensor[T]) {
	taps := o.taps(out.Shape[2:], o.Kernel, g.Shape[2:])
	planes(out, g, func(sums []float64, data []T) {
		for _, row := range taps {
			for p, to := range row {
				if to >= 0 {
					sums[to] += float64(data[p])
				}
			}
		}
	})
}

// planes has f add up, for every channel of every example, the elements of out from those of x.
func planes[T Float](out, x Tensor[T], f func(sums []float64, data []T)) {
	sums, area := make([]float64, out.Shape[2:].TotalSize()), x.Shape[2:].TotalSize()
	for plane := range x.Shape[:2].TotalSize() {
		clear(sums)
		f(sums, x.Data[plane*area:(plane+1)*area])
		for i, s := range sums {
			out.Data[plane*len(sums)+i] = T(s)
		}
	}
}
