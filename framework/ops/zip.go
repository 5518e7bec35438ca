package ops

import (
	"slices"

	"gorgonia.org/tensor"
)

const (
	maxBlock  = 128 // how many times zip repeats an element in memory: enough to be rare, few enough to be quick
	shortLine = 16  // below, zip repeats inputs of large tensors to get longer lines
)

// zip calls f for all elements of out, a piece of a line at a time, with as many elements of each input, which is broadcast to
// out's shape.
func zip[T Float](out Tensor[T], in []Tensor[T], f func(out []T, in [][]T)) {
	pieces := make([][]T, len(in))
	for i, x := range in {
		pieces[i] = x.Data
	}
	if !slices.ContainsFunc(pieces, func(data []T) bool { return len(data) != len(out.Data) }) {
		f(out.Data, pieces)
		return
	}
	shape, walks := broadcasting(out.Shape, in)
	if length, _ := line(shape, shape); length < shortLine && len(out.Data) > maxBlock {
		in = lengthened(out.Shape, in)
		shape, walks = broadcasting(out.Shape, in)
	}
	length, _ := line(shape, shape)
	block := min(length, maxBlock)
	repeated := make([][]T, len(in)) // of inputs with one element for each line
	for i, walk := range walks {
		if _, stride := line(shape, walk); stride == 0 {
			repeated[i] = make([]T, block)
		}
	}
	eachLine(shape, walks, func(at int, places []int) {
		for i, x := range in {
			fill(repeated[i], x.Data[places[i]])
		}
		for done := 0; done < length; done += block {
			n := min(block, length-done)
			for i, x := range in {
				if pieces[i] = repeated[i]; pieces[i] == nil {
					pieces[i] = x.Data[places[i]+done:]
				}
				pieces[i] = pieces[i][:n]
			}
			f(out.Data[at+done:at+done+n], pieces)
		}
	})
}

// broadcasting returns the walks through inputs that are broadcast to a shape, in as few axes as possible.
func broadcasting[T Float](shape tensor.Shape, in []Tensor[T]) (tensor.Shape, [][]int) {
	strides := make([][]int, len(in))
	for i, x := range in {
		strides[i] = Repeating(x.Shape, shape)
	}
	return Joined(shape, strides...)
}

// lengthened repeats each input along the axes behind the first in which it varies.
func lengthened[T Float](shape tensor.Shape, in []Tensor[T]) []Tensor[T] {
	long := make([]Tensor[T], len(in))
	for i, x := range in {
		own := shape[len(shape)-len(x.Shape):].Clone()
		for axis := 0; axis < len(own) && x.Shape[axis] == 1; axis++ {
			own[axis] = 1
		}
		long[i] = Tensor[T]{own, expand(x, own)}
	}
	return long
}
