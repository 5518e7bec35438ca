package conformance

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// tolerance is how far a number w may be missed: by tolerance·(1 + |w|). ONNX's own runner allows 1e-3·|w| + 1e-7 for all types. Ours
// allows for the rounding of sums of as many terms of size one as the tests have; for the rounding of half precision, which we do not
// round to; and for none in integers and truth values.
func (c *Case) tolerance(d onnx.DataType) float64 {
	switch {
	case strings.Contains(c.name, "window"):
		return 1e-4 // the windows of ONNX's tests were computed with π = 3.1415
	case d == onnx.Double:
		return 1e-12
	case d == onnx.Float:
		return 1e-5
	case d == onnx.Float16:
		return 1. / (1 << 11)
	case d == onnx.BFloat16:
		return 1. / (1 << 8)
	}
	return 0
}

// compare says how an output differs from what it must be.
func compare(applied *model.Applied, got array.Array, want *onnx.Tensor, tolerance float64) error {
	numbers, err := want.Float64s()
	if err != nil {
		return err
	}
	shape := make([]int, len(want.Dims))
	for i, n := range want.Dims {
		shape[i] = int(n)
	}
	switch {
	case kind(applied.DType) != kind(want.DType):
		return fmt.Errorf("its elements are %v, want %v", applied.DType, want.DType)
	case !slices.Equal(applied.Output.Shape(), shape):
		return fmt.Errorf("its shape is %v, want %v", []int(applied.Output.Shape()), shape)
	case got.Len() != len(numbers):
		return fmt.Errorf("it has %d numbers for the shape %v", got.Len(), shape)
	}
	wrong, worst, largest := 0, 0, 0.0
	for i, w := range numbers {
		if e := distance(got.At(i), w); !(e <= tolerance) {
			wrong++
			if wrong == 1 || e > largest {
				worst, largest = i, e
			}
		}
	}
	if wrong > 0 {
		return fmt.Errorf("%d of %d numbers are wrong, most of all number %d: %v, want %v", wrong, len(numbers), worst, got.At(worst), numbers[worst])
	}
	return nil
}

// kind is the type of integers, and one for all floating-point types, which share a precision in a graph.
func kind(d onnx.DataType) onnx.DataType {
	switch d {
	case onnx.Double, onnx.Float16, onnx.BFloat16:
		return onnx.Float
	}
	return d
}

// distance is |got − want| / (1 + |want|): zero for equal infinities and for two NaN, infinite if only one of the two is finite.
func distance(got, want float64) float64 {
	switch {
	case got == want || math.IsNaN(got) && math.IsNaN(want):
		return 0
	case math.IsNaN(got-want) || math.IsInf(got-want, 0):
		return math.Inf(1)
	}
	return math.Abs(got-want) / (1 + math.Abs(want))
}
