//go:build !cgo

package ort

import (
	"errors"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

var errNoCgo = errors.New("ort: this program was built without cgo, which ONNX Runtime needs: build it with CGO_ENABLED=1 and a C compiler")

// Session does not exist here: this program was built without cgo.
type Session struct{}

// Version fails.
func Version() (string, error) { return "", errNoCgo }

// Open fails.
func Open([]byte, Options) (*Session, error) { return nil, errNoCgo }

// OpenFile fails.
func OpenFile(string, Options) (*Session, error) { return nil, errNoCgo }

// Inputs returns nothing.
func (*Session) Inputs() []*onnx.ValueInfo { return nil }

// Outputs returns nothing.
func (*Session) Outputs() []*onnx.ValueInfo { return nil }

// Run fails.
func (*Session) Run([]Tensor) ([]Tensor, error) { return nil, errNoCgo }

// Close does nothing.
func (*Session) Close() error { return nil }
