package ops_test

import "slices"

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
