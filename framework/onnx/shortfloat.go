package onnx

import "math"

// shortFloat is a floating-point format of 16 bits, laid out as IEEE 754 lays
// out longer ones: a sign, a biased exponent and a fraction.
type shortFloat struct{ fraction, bias int }

var (
	halfPrecision = shortFloat{fraction: 10, bias: 15}
	brainFloat    = shortFloat{fraction: 7, bias: 127}
)

func (f shortFloat) infinity() uint16 { return 0x7fff >> f.fraction << f.fraction }

func (f shortFloat) isInf(h uint16) bool { return h&0x7fff == f.infinity() }

// value returns the number that h stands for.
func (f shortFloat) value(h uint16) float32 {
	const sign, fraction, bias = 16, 23, 127 // of float32
	signed := uint32(h&0x8000) << sign
	magnitude := h & 0x7fff
	switch {
	case magnitude >= f.infinity():
		return math.Float32frombits(signed | 0xff<<fraction | uint32(magnitude-f.infinity())<<(fraction-f.fraction))
	case magnitude>>f.fraction == 0: // subnormal: the fraction counts the smallest number
		smallest := math.Ldexp(1, 1-f.bias-f.fraction)
		return math.Float32frombits(signed | math.Float32bits(float32(float64(magnitude)*smallest)))
	}
	rebias := uint32(bias-f.bias) << fraction
	return math.Float32frombits(signed | uint32(magnitude)<<(fraction-f.fraction) + rebias)
}

// round returns the number nearest to v, the even one of two; from halfway
// beyond the largest that is infinity.
func (f shortFloat) round(v float64) uint16 {
	const fraction, bias = 52, 1023 // of float64
	bits := math.Float64bits(v)
	sign := uint16(bits>>48) & 0x8000
	if math.IsNaN(v) {
		quiet := uint16(1) << (f.fraction - 1)
		payload := uint16(bits>>(fraction-f.fraction)) & (1<<f.fraction - 1)
		return sign | f.infinity() | quiet | payload
	}
	exponent := max(int(bits>>fraction&0x7ff)-bias, 1-f.bias)
	if exponent > f.bias {
		return sign | f.infinity()
	}
	// The distance between neighbours is 2^(exponent-f.fraction). A significand that is rounded up to the next power of two carries
	// into the exponent by the addition.
	perUnit := math.Float64frombits(uint64(bias+f.fraction-exponent) << fraction)
	significand := uint16(math.RoundToEven(math.Abs(v) * perUnit))
	return sign | (significand + uint16(exponent+f.bias-1)<<f.fraction)
}
