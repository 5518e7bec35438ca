//go:build !cgo

package ort

import "errors"

var errNoCgo = errors.New("ort: this program was built without cgo, which ONNX Runtime needs: build it with CGO_ENABLED=1 and a C compiler")

// Version fails: this program was built without cgo.
func Version() (string, error) { return "", errNoCgo }

// Run fails: this program was built without cgo.
func Run([]byte, []Tensor, ...string) ([]Tensor, error) { return nil, errNoCgo }
