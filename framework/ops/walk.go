package ops

import "gorgonia.org/tensor"

// RowMajor returns how far apart neighbours along each axis are.
func RowMajor(shape tensor.Shape) []int {
	strides := make([]int, len(shape))
	for i, stride := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = stride
		stride *= shape[i]
	}
	return strides
}

// Repeating returns the strides that lead through a tensor of shape x when it is broadcast to shape: zero along the axes that
// are repeated.
func Repeating(x, shape tensor.Shape) []int {
	strides := make([]int, len(shape))
	copy(strides[len(shape)-len(x):], RowMajor(x))
	for i, n := range x {
		if n == 1 {
			strides[len(shape)-len(x)+i] = 0
		}
	}
	return strides
}

// Joined returns the same walks through fewer axes, so that lines are long: neighbouring axes become one where all strides lead
// through them as through one, and axes of size one are dropped.
func Joined(shape tensor.Shape, strides ...[]int) (tensor.Shape, [][]int) {
	short := make(tensor.Shape, 0, len(shape))
	walks := make([][]int, len(strides))
	for axis, n := range shape {
		if n == 1 {
			continue
		}
		last := len(short) - 1
		join := last >= 0
		for i, walk := range walks {
			join = join && walk[last] == strides[i][axis]*n
		}
		if !join {
			short = append(short, 1)
			last++
		}
		short[last] *= n
		for i := range walks {
			walks[i] = append(walks[i][:last], strides[i][axis])
		}
	}
	return short, walks
}

// eachLine calls f for every line along the last axis of shape, in row-major order: with the number of its first element, and
// with the places to which the walks, each given by strides, have come there. A scalar is one line.
func eachLine(shape tensor.Shape, walks [][]int, f func(at int, places []int)) {
	places := make([]int, len(walks))
	last := len(shape) - 1
	if last < 0 {
		f(0, places)
		return
	}
	index := make([]int, last)
	for at, size := 0, shape.TotalSize(); at < size; at += shape[last] {
		f(at, places)
		for axis := last - 1; axis >= 0; axis-- {
			index[axis]++
			wrapped := index[axis] == shape[axis]
			for i, strides := range walks {
				places[i] += strides[axis]
				if wrapped {
					places[i] -= strides[axis] * shape[axis]
				}
			}
			if !wrapped {
				break
			}
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

// gather fills dst, in row-major order of shape, from the elements of src that the strides lead to from the first.
func gather[T Float](dst, src []T, first int, shape tensor.Shape, strides []int) {
	shape, walks := Joined(shape, strides)
	length, stride := line(shape, walks[0])
	eachLine(shape, walks, func(at int, places []int) {
		from := first + places[0]
		if stride == 1 {
			copy(dst[at:at+length], src[from:])
			return
		}
		for i := range dst[at : at+length] {
			dst[at+i] = src[from+i*stride]
		}
	})
}

// scatter moves every element of src, in row-major order of shape, to the element of dst that the strides lead to from the
// first.
func scatter[T Float](dst []T, first int, src []T, shape tensor.Shape, strides []int) {
	shape, walks := Joined(shape, strides)
	length, stride := line(shape, walks[0])
	eachLine(shape, walks, func(at int, places []int) {
		to := first + places[0]
		if stride == 1 {
			copy(dst[to:to+length], src[at:])
			return
		}
		for i, v := range src[at : at+length] {
			dst[to+i*stride] = v
		}
	})
}

// scatterAdd adds every element of src, in row-major order of shape, to the element of dst that the strides lead to.
func scatterAdd[T Float](dst []float64, src []T, shape tensor.Shape, strides []int) {
	shape, walks := Joined(shape, strides)
	length, stride := line(shape, walks[0])
	eachLine(shape, walks, func(at int, places []int) {
		to := places[0]
		if stride == 0 {
			sum := dst[to]
			for _, v := range src[at : at+length] {
				sum += float64(v)
			}
			dst[to] = sum
			return
		}
		for i, v := range src[at : at+length] {
			dst[to+i*stride] += float64(v)
		}
	})
}
