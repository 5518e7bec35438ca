package array

import (
	"math"
	"testing"
)

func TestCopyConvertsBetweenPrecisions(t *testing.T) {
	a := From64([]float64{1, 0.1, -2})
	b := a.As(Float32)
	if b.DType() != Float32 || b.At(1) != float64(float32(0.1)) {
		t.Fatalf("0.1 in float32 is %v, want %v", b.At(1), float32(0.1))
	}
	c := New(Float64, 3)
	c.Copy(b)
	if c.At(1) != float64(float32(0.1)) {
		t.Fatalf("the rounded value must survive the way back, got %v", c.At(1))
	}
}

func TestSliceSharesAndCloneDoesNot(t *testing.T) {
	a := New(Float32, 4)
	clone := a.Clone()
	a.Slice(1, 3).Set(0, 7)
	if a.At(1) != 7 || clone.At(1) != 0 {
		t.Fatalf("slice must share (%v), clone must not (%v)", a.At(1), clone.At(1))
	}
}

func TestEqualComparesBits(t *testing.T) {
	negativeZero := math.Copysign(0, -1)
	for _, c := range []struct {
		name string
		a, b Array
		want bool
	}{
		{"same", From64([]float64{1}), From64([]float64{1}), true},
		{"NaN equals itself", From64([]float64{math.NaN()}), From64([]float64{math.NaN()}), true},
		{"zero and minus zero differ", From64([]float64{0}), From64([]float64{negativeZero}), false},
		{"precisions differ", From64([]float64{1}), From32([]float32{1}), false},
		{"lengths differ", From32([]float32{1}), From32([]float32{1, 2}), false},
	} {
		if got := c.a.Equal(c.b); got != c.want {
			t.Errorf("%s: Equal = %v", c.name, got)
		}
	}
}

func TestFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if From64([]float64{0, v}).Finite() || From32([]float32{0, float32(v)}).Finite() {
			t.Errorf("%v counted as finite", v)
		}
	}
	if !From32(nil).Finite() || !From64([]float64{1e300}).Finite() {
		t.Error("finite numbers counted as not finite")
	}
}
