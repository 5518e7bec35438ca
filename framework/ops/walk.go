package ops

import "gorgonia.org/tensor"

// rowMajor returns how far apart neighbours along each axis are.
func rowMajor(shape tensor.Shape) []int {
	strides := make([]int, len(shape))
	for i, stride := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = stride
		stride *= shape[i]
	}
	return strides
}

// repeating returns the strides that lead through a tensor of shape x when it is broadcast to shape: zero along the axes that
// are repeated.
func repeating(x, shape tensor.Shape) []int {
	strides := make([]int, len(shape))
	copy(strides[len(shape)-len(x):], rowMajor(x))
	for i, n := range x {
		if n == 1 {
			strides[len(shape)-len(x)+i] = 0
		}
	}
	return strides
}

// eachLine calls f for every line along the last axis of shape, in row-major order: with the number of its first element, and
// with the place to which the strides lead from there. A scalar is one line.
func eachLine(shape tensor.Shape, strides []int, f func(at, place int)) {
	last := len(shape) - 1
	if last < 0 {
		f(0, 0)
		return
	}
	index := make([]int, last)
	for at, place := 0, 0; at < shape.TotalSize(); at += shape[last] {
		f(at, place)
		for axis := last - 1; axis >= 0; axis-- {
			index[axis]++
			place += strides[axis]
			if index[axis] < shape[axis] {
				break
			}
			place -= strides[axis] * shape[axis]
			index[axis] = 0
		}
	}
}

// line returns the length of the lines of a shape and the stride along them.
func line(shape tensor.Shape, strides []int) (length, stride int) {
	if len(shape) == 0 {
		return 1, 0
	}
	return shape[len(shape)-1], strides[len(strides)-1]
}

// gather fills dst, in row-major order of shape, from the elements of src that the strides lead to.
func gather[T Float](dst, src []T, shape tensor.Shape, strides []int) {
	length, stride := line(shape, strides)
	eachLine(shape, strides, func(at, from int) {
		for i := range length {
			dst[at+i] = src[from+i*stride]
		}
	})
}

// scatterAdd adds every element of src, in row-major order of shape, to the element of dst that the strides lead to.
func scatterAdd[T Float](dst []float64, src []T, shape tensor.Shape, strides []int) {
	length, stride := line(shape, strides)
	eachLine(shape, strides, func(at, to int) {
		for i := range length {
			dst[to+i*stride] += float64(src[at+i])
		}
	})
}
