package model

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
)

// Casts change the type of elements. A graph is computed in the precision that a run chooses, whatever floating-point types its
// tensors have; but a cast to a type of 16 bits is there to round, and rounds.
var casts = map[string]operator{
	"Cast":     takes(1, 1, cast),
	"CastLike": takes(2, 2, castLike).settings(1),
}

func cast(c *call) ops.Expr { return c.convert(onnx.DataType(c.attrInt("to", 0))) }

func castLike(c *call) ops.Expr { return c.convert(c.value(1).dtype) }

// shortFormats are the types of 16 bits.
var shortFormats = map[onnx.DataType]ops.Format{onnx.Float16: ops.Float16, onnx.BFloat16: ops.BFloat16}

// convert casts the first input. The attribute saturate is for types of 8 bits, which are refused.
func (c *call) convert(to onnx.DataType) ops.Expr {
	x, from := c.expr(0), c.value(0)
	c.attrInt("saturate", 1)
	c.dtype = to
	format, short := shortFormats[to]
	switch {
	case c.err != nil:
		return ops.Expr{}
	case short && from.dtype != to && from.dtype != onnx.Bool:
		return x.RoundTo(format)
	case isFloat(to):
		return x
	case to == onnx.Bool:
		return x.Equal(ops.Scalar(0)).OneMinus()
	case !isInteger(to):
		c.fail("a cast to %v is not supported", to)
		return ops.Expr{}
	}
	if !from.isInteger() {
		x = x.Trunc()
	}
	c.holds(x, to)
	return wrapped(x, from.dtype, to)
}

// holds refuses constants that are no integers of 64 bits, which nothing narrower than 64 bits could be made of either.
func (c *call) holds(x ops.Expr, to onnx.DataType) {
	low := -math.MaxInt64
	if to == onnx.Uint64 {
		low = 0
	}
	data, _ := x.Known()
	for _, v := range data {
		if !(v >= float64(low) && v <= math.MaxInt64) {
			c.fail("the constant %v cannot be an integer of type %v", v, to)
			return
		}
	}
}

// wrapped drops the bits of integers that a narrower type does not have, as if they were in two's complement. Numbers that were
// floating-point and are out of the type's range, for which ONNX defines nothing, are treated alike, as by ONNX Runtime for types of 8
// and 16 bits. The remainder is taken toward zero because that is exact in every precision.
func wrapped(x ops.Expr, from, to onnx.DataType) ops.Expr {
	low, high := integerRange(to)
	span := high - low
	least, most := integerRange(from)
	if span >= 1<<63 || isInteger(from) && low <= least && most <= high || from == onnx.Bool {
		return x
	}
	rest := x.Fmod(ops.Scalar(span))
	above := ops.Scalar(high - 1).Less(rest)
	below := rest.Less(ops.Scalar(low))
	return rest.Sub(above.Scale(span)).Add(below.Scale(span))
}

// integerBits are the widths of the integer types.
var integerBits = map[onnx.DataType]int{
	onnx.Int8: 8, onnx.Int16: 16, onnx.Int32: 32, onnx.Int64: 64, onnx.Uint8: 8, onnx.Uint16: 16, onnx.Uint32: 32, onnx.Uint64: 64,
}

// integerRange returns the smallest integer of a type, and the first that is too large.
func integerRange(d onnx.DataType) (low, high float64) {
	switch size := math.Exp2(float64(integerBits[d])); d {
	case onnx.Int8, onnx.Int16, onnx.Int32, onnx.Int64:
		return -size / 2, size / 2
	default:
		return 0, size
	}
}

func isInteger(d onnx.DataType) bool { return integerBits[d] > 0 }
