// Package array holds numbers of either floating-point precision behind one type.
//
// Everything that outlives a graph is kept in it: parameters, slots, batches, gradients. An Array is a flat run of numbers; its
// shape, if it has one, belongs to whoever owns the array. The package computes nothing beyond copying, comparing and rounding.
package array

import (
	"fmt"
	"math"
)

// DType is a floating-point precision.
type DType string

// The two precisions.
const (
	Float32 DType = "float32"
	Float64 DType = "float64"
)

// ParseDType returns the precision that has this name.
func ParseDType(name string) (DType, error) {
	switch d := DType(name); d {
	case Float32, Float64:
		return d, nil
	}
	return "", fmt.Errorf("unknown precision %q (float32 or float64)", name)
}

// Size returns the bytes of one element.
func (d DType) Size() int {
	if d == Float64 {
		return 8
	}
	return 4
}

// Array is a run of float32 or of float64 numbers: exactly one of the two slices is not nil. Like a slice, it shares its
// memory with its copies.
type Array struct {
	F32 []float32
	F64 []float64
}

// New returns n zeros.
func New(d DType, n int) Array {
	if d == Float64 {
		return Array{F64: make([]float64, n)}
	}
	return Array{F32: make([]float32, n)}
}

// From32 wraps numbers without copying them.
func From32(x []float32) Array { return Array{F32: nonNil(x)} }

// From64 wraps numbers without copying them.
func From64(x []float64) Array { return Array{F64: nonNil(x)} }

func nonNil[T any](x []T) []T {
	if x == nil {
		return []T{}
	}
	return x
}

// DType returns the precision of the elements.
func (a Array) DType() DType {
	if a.F64 != nil {
		return Float64
	}
	return Float32
}

// Len returns the number of elements.
func (a Array) Len() int { return len(a.F32) + len(a.F64) }

// At returns element i.
func (a Array) At(i int) float64 {
	if a.F64 != nil {
		return a.F64[i]
	}
	return float64(a.F32[i])
}

// Set rounds v to the array's precision and stores it at i.
func (a Array) Set(i int, v float64) {
	if a.F64 != nil {
		a.F64[i] = v
		return
	}
	a.F32[i] = float32(v)
}

// Slice returns elements i ≤ k < j, sharing their memory.
func (a Array) Slice(i, j int) Array {
	if a.F64 != nil {
		return Array{F64: a.F64[i:j:j]}
	}
	return Array{F32: a.F32[i:j:j]}
}

// Clone returns a copy with memory of its own.
func (a Array) Clone() Array {
	b := New(a.DType(), a.Len())
	b.Copy(a)
	return b
}

// As returns a in precision d: a itself if it has that precision, else a converted copy.
func (a Array) As(d DType) Array {
	if a.DType() == d {
		return a
	}
	b := New(d, a.Len())
	b.Copy(a)
	return b
}

// Copy stores src in a, converting where the precisions differ. The lengths must be equal.
func (a Array) Copy(src Array) {
	if a.Len() != src.Len() {
		panic(fmt.Sprintf("array: copy of %d elements into %d", src.Len(), a.Len()))
	}
	switch {
	case a.F64 != nil && src.F64 != nil:
		copy(a.F64, src.F64)
	case a.F64 == nil && src.F64 == nil:
		copy(a.F32, src.F32)
	default:
		for i := range a.Len() {
			a.Set(i, src.At(i))
		}
	}
}

// Equal reports whether a and b have the same precision and the same bits.
func (a Array) Equal(b Array) bool {
	if a.DType() != b.DType() || a.Len() != b.Len() {
		return false
	}
	for i, v := range a.F32 {
		if math.Float32bits(v) != math.Float32bits(b.F32[i]) {
			return false
		}
	}
	for i, v := range a.F64 {
		if math.Float64bits(v) != math.Float64bits(b.F64[i]) {
			return false
		}
	}
	return true
}

// Finite reports whether no element is NaN or infinite.
func (a Array) Finite() bool {
	for _, v := range a.F32 {
		if v-v != 0 {
			return false
		}
	}
	for _, v := range a.F64 {
		if v-v != 0 {
			return false
		}
	}
	return true
}
