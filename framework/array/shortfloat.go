package array

import "math"

// ShortFloat is a floating-point format of 16 bits, laid out as IEEE 754 lays out longer ones: a sign, a biased exponent and a
// fraction. Files hold numbers in it; nothing is computed in it.
type ShortFloat struct{ fraction, bias int }

// The two formats: IEEE 754's half precision, and the first half of a float32.
var (
	Float16  = ShortFloat{fraction: 10, bias: 15}
	BFloat16 = ShortFloat{fraction: 7, bias: 127}
)

func (f ShortFloat) infinity() uint16 { return 0x7fff >> f.fraction << f.fraction }

// IsInf reports whether h stands for an infinity.
func (f ShortFloat) IsInf(h uint16) bool { return h&0x7fff == f.infinity() }

// Value returns the number that h stands for.
func (f ShortFloat) Value(h uint16) float32 {
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

// Bits returns what stands for the number nearest to v, the even one of two; from halfway beyond the largest that is infinity.
func (f ShortFloat) Bits(v float64) uint16 {
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

// Round returns the number nearest to v that the format has, the even one of two; from halfway beyond the largest that is infinity.
func (f ShortFloat) Round(v float64) float64 { return float64(f.Value(f.Bits(v))) }
