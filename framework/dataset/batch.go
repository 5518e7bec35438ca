package dataset

import "github.com/seed5b471a7e/backstitch/framework/array"

// Batch is what one step reads. Its zero value is ready for Gather.
type Batch struct {
	Inputs  array.Array // Size × InputSize numbers
	Targets array.Array // Size × TargetSize numbers
	Size    int
}

// Gather copies the examples at these indices, in this order, into a batch of precision d. It reuses the memory that the batch
// has where that suffices. An index outside the split panics.
func (s *Split) Gather(indices []int, d array.DType, into *Batch) {
	into.Size = len(indices)
	into.Inputs = resize(into.Inputs, d, len(indices)*s.InputSize())
	into.Targets = resize(into.Targets, d, len(indices)*s.TargetSize())
	gatherRows(into.Inputs, s.Inputs, indices, s.InputSize())
	gatherRows(into.Targets, s.Targets, indices, s.TargetSize())
}

func gatherRows(into, from array.Array, indices []int, width int) {
	for row, i := range indices {
		into.Slice(row*width, (row+1)*width).Copy(from.Slice(i*width, (i+1)*width))
	}
}

// resize returns an array of n numbers of any value, in a's memory if that is large enough and of precision d.
func resize(a array.Array, d array.DType, n int) array.Array {
	if d == array.Float64 {
		return array.From64(resizeSlice(a.F64, n))
	}
	return array.From32(resizeSlice(a.F32, n))
}

func resizeSlice[T any](x []T, n int) []T {
	if cap(x) < n {
		return make([]T, n)
	}
	return x[:n]
}
