package ops

import (
	"fmt"

	"gorgonia.org/tensor"
)

// Gathering reads the elements that indices name, and adding to the same elements is its adjoint: together they are closed under
// differentiation. Indices are held as numbers and count from zero, or from the end if they are negative; they have no gradient.
// An index that names no element panics in the kernel with an error that says so, which [Op.Do] returns.

// Gather replaces an axis of its first input by the elements that the indices, its second input of one axis, name along it. ONNX
// Gather.
type Gather struct{ Axis int }

// ScatterAdd is the adjoint of [Gather] in its first input: it adds each of the slices along the axis to the one that its index
// names, of Size slices that are otherwise zero.
type ScatterAdd struct{ Axis, Size int }

// GatherElements takes, for every index of its second input, the element of the first that stands there, but with the index along
// the axis. Along the other axes there are at most as many indices as elements. ONNX GatherElements.
type GatherElements struct{ Axis int }

// ScatterAddElements is the adjoint of [GatherElements] in its first input: it adds every element to the place that its index
// names, in a tensor of shape Dims that is otherwise zero.
type ScatterAddElements struct {
	Axis int
	Dims []int
}

// Arity is 2: elements and indices.
func (Gather) Arity() int { return 2 }

// Arity is 2: slices and indices.
func (ScatterAdd) Arity() int { return 2 }

// Arity is 2: elements and indices.
func (GatherElements) Arity() int { return 2 }

// Arity is 2: elements and indices.
func (ScatterAddElements) Arity() int { return 2 }

// Shape is the first input's with as many slices along the axis as there are indices.
func (o Gather) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape, err := sameShape(in[0], o.Axis)
	if err != nil {
		return nil, err
	}
	if len(in[1]) != 1 {
		return nil, fmt.Errorf("indices of shape %v: want one axis", in[1])
	}
	if err := nameable(shape[o.Axis], in[1]); err != nil {
		return nil, err
	}
	shape[o.Axis] = in[1][0]
	return shape, nil
}

// Shape is the first input's with Size slices along the axis.
func (o ScatterAdd) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	shape, err := sameShape(in[0], o.Axis)
	if err != nil {
		return nil, err
	}
	if len(in[1]) != 1 || in[1][0] != shape[o.Axis] || o.Size < 0 {
		return nil, fmt.Errorf("indices of shape %v to %d slices: want one index for each of the %d along axis %d of shape %v",
			in[1], o.Size, shape[o.Axis], o.Axis, shape)
	}
	if err := nameable(o.Size, in[1]); err != nil {
		return nil, err
	}
	shape[o.Axis] = o.Size
	return shape, nil
}

// Shape is that of the indices.
func (o GatherElements) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := covers(o.Axis, in[0], in[1]); err != nil {
		return nil, err
	}
	return in[1].Clone(), nil
}

// Shape is Dims.
func (o ScatterAddElements) Shape(in ...tensor.Shape) (tensor.Shape, error) {
	if err := countable(o.Dims); err != nil {
		return nil, err
	}
	if !agreeBut(-1, in[0], in[1]) {
		return nil, fmt.Errorf("shapes %v and %v differ: want an index for each element", in[0], in[1])
	}
	if err := covers(o.Axis, o.Dims, in[1]); err != nil {
		return nil, err
	}
	return tensor.Shape(o.Dims).Clone(), nil
}

// covers refuses indices that reach beyond a tensor of shape dims along another axis than their own.
func covers(axis int, dims, indices tensor.Shape) error {
	if _, err := sameShape(dims, axis); err != nil {
		return err
	}
	if len(indices) != len(dims) {
		return fmt.Errorf("indices of shape %v into shape %v: want as many axes", indices, dims)
	}
	for i, n := range indices {
		if i != axis && n > dims[i] {
			return fmt.Errorf("indices of shape %v reach beyond axis %d of shape %v", indices, i, dims)
		}
	}
	return nameable(dims[axis], indices)
}

// maxPlaces is the number of places that indices tell apart in either precision: float32 has all integers up to 2²⁴.
const maxPlaces = 1 << 24

// distinguishable refuses more places than indices tell apart.
func distinguishable(places float64) error {
	if places > maxPlaces {
		return fmt.Errorf("%.0f places are more than the %d that indices, held as float32, tell apart", places, maxPlaces)
	}
	return nil
}

// nameable refuses indices into nothing, or into more than they tell apart.
func nameable(n int, indices tensor.Shape) error {
	if err := distinguishable(float64(n)); err != nil {
		return err
	}
	if n == 0 && product(indices) > 0 {
		return fmt.Errorf("indices of shape %v into an axis of size 0", indices)
	}
	return nil
}

// Constant reports that indices have no gradient.
func (Gather) Constant(i int) bool { return i == 1 }

// Constant reports that indices have no gradient.
func (ScatterAdd) Constant(i int) bool { return i == 1 }

// Constant reports that indices have no gradient.
func (GatherElements) Constant(i int) bool { return i == 1 }

// Constant reports that indices have no gradient.
func (ScatterAddElements) Constant(i int) bool { return i == 1 }

// Gradient adds g to the slices that were read.
func (o Gather) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.with(ScatterAdd{o.Axis, in[0].Shape()[o.Axis]}, in[1]), {}}
}

// Gradient reads from g.
func (o ScatterAdd) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.with(Gather{o.Axis}, in[1]), {}}
}

// Gradient adds g to the elements that were read.
func (o GatherElements) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.with(ScatterAddElements{o.Axis, in[0].Shape().Clone()}, in[1]), {}}
}

// Gradient reads from g.
func (o ScatterAddElements) Gradient(in []Expr, _, g Expr) []Expr {
	return []Expr{g.with(GatherElements{o.Axis}, in[1]), {}}
}

// Eval32 copies.
func (o Gather) Eval32(out Tensor[float32], in ...Tensor[float32]) { takeSlices(o, out, in[0], in[1]) }

// Eval64 copies.
func (o Gather) Eval64(out Tensor[float64], in ...Tensor[float64]) { takeSlices(o, out, in[0], in[1]) }

// Eval32 is the kernel in float32.
func (o ScatterAdd) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	addSlices(o, out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o ScatterAdd) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	addSlices(o, out, in[0], in[1])
}

// Eval32 copies.
func (o GatherElements) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	takeElements(o, out, in[0], in[1])
}

// Eval64 copies.
func (o GatherElements) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	takeElements(o, out, in[0], in[1])
}

// Eval32 is the kernel in float32.
func (o ScatterAddElements) Eval32(out Tensor[float32], in ...Tensor[float32]) {
	addElements(o, out, in[0], in[1])
}

// Eval64 is the kernel in float64.
func (o ScatterAddElements) Eval64(out Tensor[float64], in ...Tensor[float64]) {
	addElements(o, out, in[0], in[1])
}

func takeSlices[T Float](o Gather, out, x, indices Tensor[T]) {
	named(o.Axis, x.Shape, indices, func(taken, named, size int) {
		copy(out.Data[taken:taken+size], x.Data[named:])
	})
}

func addSlices[T Float](o ScatterAdd, out, x, indices Tensor[T]) {
	clear(out.Data)
	named(o.Axis, out.Shape, indices, func(taken, named, size int) {
		for i, v := range x.Data[taken : taken+size] {
			out.Data[named+i] += v
		}
	})
}

// named calls f for all slices that the indices take along an axis of a tensor of shape dims: with the first element among what
// is taken, the first element in the tensor, and the number of elements that follow one another.
func named[T Float](axis int, dims tensor.Shape, indices Tensor[T], f func(taken, named, size int)) {
	size := dims[axis+1:].TotalSize()
	taken := 0
	for lead := range dims[:axis].TotalSize() {
		for _, index := range indices.Data {
			f(taken, (lead*dims[axis]+element(index, dims[axis]))*size, size)
			taken += size
		}
	}
}

func takeElements[T Float](o GatherElements, out, x, indices Tensor[T]) {
	namedElements(o.Axis, x.Shape, indices, func(taken, named int) { out.Data[taken] = x.Data[named] })
}

func addElements[T Float](o ScatterAddElements, out, x, indices Tensor[T]) {
	clear(out.Data)
	namedElements(o.Axis, out.Shape, indices, func(taken, named int) { out.Data[named] += x.Data[taken] })
}

// namedElements calls f for every index, with its number and the element of a tensor of shape dims that it names along the axis.
func namedElements[T Float](axis int, dims tensor.Shape, indices Tensor[T], f func(taken, named int)) {
	strides := RowMajor(dims)
	along := strides[axis]
	strides[axis] = 0
	length, stride := line(indices.Shape, strides)
	eachLine(indices.Shape, [][]int{strides}, func(at int, places []int) {
		for i, index := range indices.Data[at : at+length] {
			f(at+i, places[0]+i*stride+element(index, dims[axis])*along)
		}
	})
}

// element returns which of n elements an index names.
func element[T Float](index T, n int) int {
	i := int(index)
	if T(i) != index || i < -n || i >= n {
		panic(&IndexError{float64(index), n})
	}
	if i < 0 {
		i += n
	}
	return i
}

// IndexError says that an index names no element of an axis: a token, say, that lies outside the table it is looked up in.
type IndexError struct {
	Index float64
	Size  int // of the axis
}

func (e *IndexError) Error() string {
	return fmt.Sprintf("the index %v names none of an axis of size %d: want an integer from %d to %d", e.Index, e.Size, -e.Size, e.Size-1)
}
