package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// SparseTensor is a SparseTensorProto: a tensor that is zero but for the
// values at the indices. Its name is that of Values. Indices count elements in
// row-major order, or have a row of coordinates for each value; either way they
// ascend.
type SparseTensor struct {
	Values  *Tensor
	Indices *Tensor
	Dims    []int64

	unknown
}

// maxDense is how many elements Dense makes of a few bytes of a file.
const maxDense = 1 << 28

// Dense returns the tensor with its zeros. It refuses more than 2^28 elements.
func (s *SparseTensor) Dense() (*Tensor, error) {
	if s.Values == nil || s.Indices == nil {
		return nil, errors.New("sparse tensor: it has no values or no indices")
	}
	dense, err := s.dense()
	if err != nil {
		return nil, fmt.Errorf("sparse tensor %q: %w", s.Values.Name, err)
	}
	return dense, nil
}

func (s *SparseTensor) dense() (*Tensor, error) {
	dense := &Tensor{Name: s.Values.Name, DType: s.Values.DType, Dims: slices.Clone(s.Dims)}
	n, err := dense.Elems()
	if err != nil {
		return nil, err
	}
	if n > maxDense {
		return nil, fmt.Errorf("it would have %d elements, and %d are the most that are made dense", n, maxDense)
	}
	values, err := s.Values.raw()
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	positions, err := s.positions(n)
	if err != nil {
		return nil, fmt.Errorf("indices: %w", err)
	}
	width := dataTypes[dense.DType].width
	if len(values) != len(positions)*width || len(s.Values.Dims) != 1 {
		return nil, fmt.Errorf("there are %d indices for values of shape %v", len(positions), s.Values.Dims)
	}
	if n == 0 {
		return dense, nil
	}
	dense.storage, dense.data = rawData, make([]byte, n*width)
	for i, position := range positions {
		copy(dense.data[position*width:], values[i*width:(i+1)*width])
	}
	return dense, nil
}

// positions returns the indices as positions among n elements.
func (s *SparseTensor) positions(n int) ([]int, error) {
	if s.Indices.DType != Int64 {
		return nil, fmt.Errorf("they are %v, where ONNX has INT64", s.Indices.DType)
	}
	indices, err := s.Indices.Int64s()
	if err != nil {
		return nil, err
	}
	extents := s.Dims
	switch shape := s.Indices.Dims; {
	case len(shape) == 1:
		extents = []int64{int64(n)}
	case len(shape) != 2 || shape[1] != int64(len(s.Dims)):
		return nil, fmt.Errorf("their shape %v is for no tensor of shape %v", shape, s.Dims)
	}
	if len(extents) == 0 {
		return nil, errors.New("a scalar has no coordinates")
	}
	var positions []int
	last := math.MinInt
	for row := range slices.Chunk(indices, len(extents)) {
		position := 0
		for i, index := range row {
			if index < 0 || index >= extents[i] {
				return nil, fmt.Errorf("%d is out of the range of %v", row, extents)
			}
			position = position*int(extents[i]) + int(index)
		}
		if position <= last {
			return nil, fmt.Errorf("%d does not come after those before it", row)
		}
		last = position
		positions = append(positions, position)
	}
	return positions, nil
}
