package onnx

import (
	"crypto/sha256"
	"fmt"
)

// Sum256 returns the SHA-256 of the file that holds m and, after it, of the data that its tensors have in other files, tensor by
// tensor: what of a model two runs must have in common.
func (m *Model) Sum256() (sum [sha256.Size]byte, err error) {
	parts, err := m.encode()
	if err != nil {
		return sum, fmt.Errorf("onnx: %w", err)
	}
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	m.eachTensor(func(t *Tensor) {
		if t.storage != externalData || err != nil {
			return
		}
		var data []byte
		if data, err = t.raw(); err == nil {
			h.Write(data)
		}
	})
	if err != nil {
		return sum, fmt.Errorf("onnx: %w", err)
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
