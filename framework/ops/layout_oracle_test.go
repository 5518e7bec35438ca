package ops_test

import (
	"math"
	"slices"
)

func joined(axis int) oracle {
	return each(func(index []int, in []ndarray) float64 {
		own := slices.Clone(index)
		for _, part := range in {
			if own[axis] < part.shape[axis] {
				return part.at(own...)
			}
			own[axis] -= part.shape[axis]
		}
		panic("an index behind all parts")
	})
}

// stepped is where a slice has the element at an index.
func stepped(start, step, index []int) []int {
	from := slices.Clone(index)
	for i := range from {
		from[i] = start[i] + index[i]*step[i]
	}
	return from
}

func taken(start, step []int) oracle {
	return each(func(index []int, in []ndarray) float64 { return in[0].at(stepped(start, step, index)...) })
}

func placed(start, step []int, elsewhere float64) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, slices.Repeat([]float64{elsewhere}, size(shape))}
		for _, index := range indices(in[0].shape) {
			out.data[out.offset(stepped(start, step, index))] = in[0].at(index...)
		}
		return out.data
	}
}

// namedBy is an index with another entry along an axis: the one that a number names. What is near an integer stands for it, so
// that a difference in the direction of an index is zero.
func namedBy(number float64, index []int, axis, size int) []int {
	other := slices.Clone(index)
	other[axis] = (int(math.Round(number)) + size) % size
	return other
}

func takenSlices(axis int) oracle {
	return each(func(index []int, in []ndarray) float64 {
		return in[0].at(namedBy(in[1].at(index[axis]), index, axis, in[0].shape[axis])...)
	})
}

func takenElements(axis int) oracle {
	return each(func(index []int, in []ndarray) float64 {
		return in[0].at(namedBy(in[1].at(index...), index, axis, in[0].shape[axis])...)
	})
}

func addedSlices(axis int) oracle {
	return added(func(index []int, in []ndarray) float64 { return in[1].at(index[axis]) }, axis)
}

func addedElements(axis int) oracle {
	return added(func(index []int, in []ndarray) float64 { return in[1].at(index...) }, axis)
}

// combinedElements puts every update together with what stands where its number says, along an axis.
func combinedElements(axis int, f func(a, b float64) float64) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, slices.Clone(in[0].data)}
		for _, index := range indices(in[1].shape) {
			at := out.offset(namedBy(in[2].at(index...), index, axis, shape[axis]))
			out.data[at] = f(out.data[at], in[1].at(index...))
		}
		return out.data
	}
}

// added is the oracle of an operator that adds every element of its first input where a number says, along an axis.
func added(where func(index []int, in []ndarray) float64, axis int) oracle {
	return func(shape []int, in ...ndarray) []float64 {
		out := ndarray{shape, make([]float64, size(shape))}
		for _, index := range indices(in[0].shape) {
			out.data[out.offset(namedBy(where(index, in), index, axis, shape[axis]))] += in[0].at(index...)
		}
		return out.data
	}
}
