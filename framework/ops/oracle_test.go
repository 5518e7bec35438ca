package ops_test

import (
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// The functions of this file say again what every operator computes, one output element at a time and from the definition in
// the ONNX operator specification, without the package's help. An adjoint is spelled out as the transpose of the definition:
// wherever the operator reads an element, the adjoint adds to it.

// oracle computes an output of the given shape.
type oracle func(shape []int, in ...ndarray) []float64

type ndarray struct {
	shape []int
	data  []float64
}

func (a ndarray) at(index ...int) float64 { return a.data[a.offset(index)] }

func (a ndarray) offset(index []int) int {
	offset := 0
	for i, n := range a.shape {
		offset = offset*n + index[i]
	}
	return offset
}

// broadcast is the element that stands at the index of a larger shape.
func (a ndarray) broadcast(index []int) float64 {
	own := slices.Clone(index[len(index)-len(a.shape):])
	for i, n := range a.shape {
		own[i] %= n
	}
	return a.at(own...)
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// indices lists all indices of a shape in row-major order.
func indices(shape []int) [][]int {
	all := make([][]int, size(shape))
	for flat := range all {
		index := make([]int, len(shape))
		for i, rest := len(shape)-1, flat; i >= 0; i-- {
			index[i], rest = rest%shape[i], rest/shape[i]
		}
		all[flat] = index
	}
	return all
}

// each is the oracle of an operator whose elements are computed one by one.
func each(f func(index []int, in []ndarray) float64) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		var out []float64
		for _, index := range indices(shape) {
			out = append(out, f(index, in))
		}
		return out
	}
}

func unary(f func(float64) float64) oracle {
	return each(func(index []int, in []ndarray) float64 { return f(in[0].at(index...)) })
}

func binary(f func(a, b float64) float64) oracle {
	return each(func(index []int, in []ndarray) float64 { return f(in[0].broadcast(index), in[1].broadcast(index)) })
}

func choose(index []int, in []ndarray) float64 {
	if in[0].broadcast(index) != 0 {
		return in[1].broadcast(index)
	}
	return in[2].broadcast(index)
}

func sumOver(axes ...int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := make([]float64, size(shape))
		kept := slices.Clone(in[0].shape)
		for _, axis := range axes {
			kept[axis] = 1
		}
		for _, index := range indices(in[0].shape) {
			to := slices.Clone(index)
			for _, axis := range axes {
				to[axis] = 0
			}
			out[ndarray{shape: kept}.offset(to)] += in[0].at(index...)
		}
		return out
	}
}

func permute(perm ...int) oracle {
	return each(func(index []int, in []ndarray) float64 {
		from := make([]int, len(index))
		for i, axis := range perm {
			from[axis] = index[i]
		}
		return in[0].at(from...)
	})
}

func product(transA, transB bool) oracle {
	return each(func(index []int, in []ndarray) float64 {
		a, b := in[0], in[1]
		lead, m, n := index[:len(index)-2], index[len(index)-2], index[len(index)-1]
		inner := a.shape[len(a.shape)-1]
		if transA {
			inner = a.shape[len(a.shape)-2]
		}
		sum := 0.0
		for k := range inner {
			row, column := []int{m, k}, []int{k, n}
			if transA {
				row = []int{k, m}
			}
			if transB {
				column = []int{n, k}
			}
			sum += a.broadcast(slices.Concat(lead, row)) * b.broadcast(slices.Concat(lead, column))
		}
		return sum
	})
}

// along is the oracle of a function of an element and its whole line along an axis.
func along(axis int, f func(x float64, line []float64) float64) oracle {
	return each(func(index []int, in []ndarray) float64 {
		return f(in[0].at(index...), lineAt(in[0], axis, index))
	})
}

func sumExp(line []float64) float64 {
	sum := 0.0
	for _, v := range line {
		sum += math.Exp(v)
	}
	return sum
}

func oneHot(index []int, in []ndarray) float64 {
	if in[0].at(index[0]) == float64(index[1]) {
		return 1
	}
	return 0
}

// reads calls f for every kernel element that lies on the input when the window stands at a position, with the indices of both
// in the spatial axes.
func reads(w ops.Window, spatial, kernel, position []int, f func(element, from []int)) {
	for _, element := range indices(kernel) {
		from := make([]int, len(spatial))
		inside := true
		for i := range spatial {
			from[i] = position[i]*w.Strides[i] + element[i]*w.Dilations[i] - w.Pads[i]
			inside = inside && 0 <= from[i] && from[i] < spatial[i]
		}
		if inside {
			f(element, from)
		}
	}
}

// products calls f for every product x·w that a convolution adds to y, with the three indices.
func products(w ops.Window, groups int, x, weights, y []int, f func(x, w, y []int)) {
	perGroup := y[1] / groups
	for _, to := range indices(y) {
		group := to[1] / perGroup
		reads(w, x[2:], weights[2:], to[2:], func(element, from []int) {
			for c := range weights[1] {
				f(slices.Concat([]int{to[0], group*weights[1] + c}, from), slices.Concat([]int{to[1], c}, element), to)
			}
		})
	}
}

func convolution(w ops.Window, groups int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		products(w, groups, in[0].shape, in[1].shape, shape, func(x, weights, y []int) {
			out.data[out.offset(y)] += in[0].at(x...) * in[1].at(weights...)
		})
		return out.data
	}
}

func convolutionInput(w ops.Window, groups int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		products(w, groups, shape, in[1].shape, in[0].shape, func(x, weights, y []int) {
			out.data[out.offset(x)] += in[0].at(y...) * in[1].at(weights...)
		})
		return out.data
	}
}

func convolutionWeights(w ops.Window, groups int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		products(w, groups, in[0].shape, shape, in[1].shape, func(x, weights, y []int) {
			out.data[out.offset(weights)] += in[0].at(x...) * in[1].at(y...)
		})
		return out.data
	}
}

// largest is the index of the first maximum in the window that stands at a position.
func largest(w ops.Window, kernel []int, x ndarray, position []int) []int {
	var best []int
	reads(w, x.shape[2:], kernel, position[2:], func(_, from []int) {
		index := slices.Concat(position[:2], from)
		if best == nil || x.at(index...) > x.at(best...) {
			best = index
		}
	})
	return best
}

func poolSelect(w ops.Window, kernel []int) oracle {
	return each(func(position []int, in []ndarray) float64 { return in[1].at(largest(w, kernel, in[0], position)...) })
}

func poolScatter(w ops.Window, kernel []int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		for _, position := range indices(in[1].shape) {
			out.data[out.offset(largest(w, kernel, in[0], position))] += in[1].at(position...)
		}
		return out.data
	}
}

func poolSum(w ops.Window, kernel []int) oracle {
	return each(func(position []int, in []ndarray) float64 {
		sum := 0.0
		reads(w, in[0].shape[2:], kernel, position[2:], func(_, from []int) {
			sum += in[0].at(slices.Concat(position[:2], from)...)
		})
		return sum
	})
}

func poolSpread(w ops.Window, kernel []int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		for _, position := range indices(in[0].shape) {
			reads(w, shape[2:], kernel, position[2:], func(_, from []int) {
				out.data[out.offset(slices.Concat(position[:2], from))] += in[0].at(position...)
			})
		}
		return out.data
	}
}

func poolArg(w ops.Window, kernel []int) oracle {
	return each(func(position []int, in []ndarray) float64 {
		return float64(in[0].offset(largest(w, kernel, in[0], position)))
	})
}
