package onnx

import (
	"errors"
	"fmt"
)

// DecodeTensor reads the tensor that data hold, a TensorProto that stands
// alone, as those of ONNX's backend tests do. The tensor keeps views of data,
// which must not change afterwards. Data of the tensor that are in other files
// cannot be read.
func DecodeTensor(data []byte) (*Tensor, error) {
	t := new(Tensor)
	err := decodeRecord(data, t, 0)
	if err == nil && t.DType == Undefined {
		err = errors.New("it has no data type")
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: not a tensor: %w", err)
	}
	return t, nil
}
