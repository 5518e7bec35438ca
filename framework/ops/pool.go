package ops

import (
	"fmt"
	"slices"

	"gorgonia.org/tensor"
)

// Maximum pooling selects one element for each position. Selecting those elements from another tensor, and scattering a tensor
// back to them, are adjoint: together they are closed under differentiation. Of equal elements the first in row-major order is
// selected, and a NaN wins.

// PoolSelect takes, from its second input, the elements at which the first input has the maximum of each window. Both have the
// shape (batch, channels, spatial…). ONNX MaxPool is PoolSelect(x, x).
type PoolSelect struct {
	Window
	Kernel []int
}

// PoolScatter is the adjoint of [PoolSelect] in its second input: it adds the elements of (batch, channels, positions…) to the
// places of the maxima of the first input.
type PoolScatter struct {
	Window
	Kernel []int
}

// PoolArg is the number of the element, in row-major order of the whole input, that has the maximum of each window: the second
// output of ONNX MaxPool. An input of more than 2²⁴ elements, whose numbers float32 does not tell apart, is refused.
type PoolArg struct {
	Window
	Kernel []int
}

// MaxPool is the maximum of each window: ONNX MaxPool without its second output.
func (x Expr) MaxPool(kernel []int, w Window) Expr { return x.with(PoolSelect{w, kernel}, x) }

// Arity is 2: where the maxima are, and what is selected there.
func (PoolSelect) Arity() int { return 2 }

// Arity is 2: where the maxima are, and what is added there.
func (PoolScatter) Arity() int { return 2 }

// Arity is 1.
func (PoolArg) Arity() int { return 1 }

// Shape is (batch, channels, positions…).
func (o PoolSelect) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if !slices.Equal(in[0], in[1]) {
		return nil, fmt.Errorf("shapes %v and %v differ", in[0], in[1])
	}
	return pooled(o.Window, o.Kernel, in[0])
}

// Shape is the first input's.
func (o PoolScatter) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	positions, err := pooled(o.Window, o.Kernel, in[0])
	if err != nil {
		return nil, err
	}
	if !slices.Equal(positions, in[1]) {
		return nil, fmt.Errorf("shape %v, but the windows over %v have %v", in[1], in[0], positions)
	}
	return in[0].Clone(), nil
}

// Shape is (batch, channels, positions…).
func (o PoolArg) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := distinguishable(product(in[0])); err != nil {
		return nil, err
	}
	return pooled(o.Window, o.Kernel, in[0])
}

// pooled is the shape of what windows of which each holds an element have to say.
func pooled(w Window, kernel []int, x tensor.Shape) (tensor.Shape, error) {
	shape, err := slid(w, kernel, x)
	if err != nil {
		return nil, err
	}
	for i := range kernel {
		if w.Pads[i] >= kernel[i] || w.Pads[len(kernel)+i] >= kernel[i] {
			return nil, fmt.Errorf("pads %v must be smaller than the kernel %v", w.Pads, kernel)
		}
		// Elements that are at most the axis apart cannot straddle it.
		if w.Dilations[i] > x[2+i] && w.misses(i, x[2+i], kernel[i], shape[2+i]) {
			return nil, fmt.Errorf("with dilations %v and pads %v, a window over %v holds padding only", w.Dilations, w.Pads, x)
		}
	}
	return shape, nil
}

// slid is (batch, channels, positions…).
func slid(w Window, kernel []int, x tensor.Shape) (tensor.Shape, error) {
	if len(x) < 3 {
		return nil, fmt.Errorf("shape %v: want (batch, channels, spatial…)", x)
	}
	positions, err := w.slide(x[2:], kernel)
	if err != nil {
		return nil, err
	}
	return append(tensor.Shape{x[0], x[1]}, positions...), nil
}

// misses reports whether, along an axis of that size, some window has all its elements in the padding.
func (w Window) misses(axis, size, kernel, positions int) bool {
	for p := range positions {
		hit := false
		for e := range kernel {
			at := p*w.Strides[axis] - w.Pads[axis] + e*w.Dilations[axis]
			hit = hit || at >= 0 && at < size
		}
		if !hit {
			return true
		}
	}
	return false
}

// Constant reports that moving the first input does not change which elements are selected.
func (PoolSelect) Constant(i int) bool { return i == 0 }

// Constant reports that moving the first input does not change where elements go.
func (PoolScatter) Constant(i int) bool { return i == 0 }

// Constant reports that a number of an element has no gradient.
func (PoolArg) Constant(int) bool { return true }

// Gradient scatters g to the selected elements.
func (o PoolSelect) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{{}, Apply(PoolScatter(o), in[0], g)}
}

// Gradient selects from g.
func (o PoolScatter) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{{}, Apply(PoolSelect(o), in[0], g)}
}

// Gradient vanishes.
func (PoolArg) Gradient([]Expr, Expr, Expr) []Expr { return []Expr{{}} }

// Eval32 is the kernel in float32.
func (o PoolSelect) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	poolSelect(o, out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o PoolSelect) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	poolSelect(o, out, in[0], in[1])
}

// Eval32 is the kernel in float32.
func (o PoolScatter) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	poolScatter(o, out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o PoolScatter) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	poolScatter(o, out, in[0], in[1])
}

// Eval32 is the kernel in float32.
func (o PoolArg) Eval32(out Tensor[float32], in ...Tensor[float32]) { poolArg(o, out, in[0]) }

// Eval64 is the kernel in float64.
func (o PoolArg) Eval64(out Tensor[float64], in ...Tensor[float64]) { poolArg(o, out, in[0]) }

func poolSelect[T Float](o PoolSelect, out, x, v Tensor[T]) {
	maxima(o.Window, o.Kernel, x, out.Shape, func(position, element int) { out.Data[position] = v.Data[element] })
}

func poolScatter[T Float](o PoolScatter, out, x, g Tensor[T]) {
	clear(out.Data)
	maxima(o.Window, o.Kernel, x, g.Shape, func(position, element int) { out.Data[element] += g.Data[position] })
}

func poolArg[T Float](o PoolArg, out, x Tensor[T]) {
	maxima(o.Window, o.Kernel, x, out.Shape, func(position, element int) { out.Data[position] = T(element) })
}

// maxima calls f for every position of the output with the element of x that is the maximum of its window.
func maxima[T Float](w Window, kernel []int, x Tensor[T], out tensor.Shape, f func(position, element int)) {
	area, positions := x.Shape[2:].TotalSize(), out[2:].TotalSize()
	taps := w.taps(x.Shape[2:], kernel, out[2:])
	for plane := range x.Shape[0] * x.Shape[1] {
		data := x.Data[plane*area : (plane+1)*area]
		for p := range positions {
			best := -1
			for _, row := range taps {
				from := row[p]
				if from >= 0 && (best < 0 || data[from] > data[best] || data[from] != data[from]) {
					best = from
				}
			}
			f(plane*positions+p, plane*area+best)
		}
	}
}
