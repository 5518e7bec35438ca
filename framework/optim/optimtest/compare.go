package optimtest

import (
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// same requires equal bits. The explanation says what broke the rule, most probably.
func (l *lab) same(got, want *optim.State, explanation string) {
	if l.err == nil && !got.Equal(want) {
		l.fail("%s: %s", explanation, difference(got, want))
	}
}

// near requires equal parameters but for rounding, which is small beside the way that they moved from start.
func (l *lab) near(got, want, start *optim.State, explanation string) {
	if l.err != nil {
		return
	}
	rounding := 1e-14 * norm(start.Parameters(), array.Array{})
	if d := norm(got.Parameters(), want.Parameters()); !(d <= rounding+1e-9*norm(want.Parameters(), start.Parameters())) {
		l.fail("%s: %s", explanation, difference(got, want))
	}
}

// difference describes the first number that differs.
func difference(got, want *optim.State) string {
	if got.Count != want.Count {
		return fmt.Sprintf("the counts are %d and %d", got.Count, want.Count)
	}
	for _, f := range want.Layout.Fields() {
		a, b := got.Field(f), want.Field(f)
		for i := range b.Len() {
			if math.Float64bits(a.At(i)) != math.Float64bits(b.At(i)) {
				return fmt.Sprintf("number %d of %v is %v and %v", i, f, a.At(i), b.At(i))
			}
		}
	}
	return "the layouts differ"
}

// norm is the Euclidean length of a − b, or of a if b is absent.
func norm(a, b array.Array) float64 {
	sum := 0.0
	for i := range a.Len() {
		d := a.At(i)
		if b.Len() > 0 {
			d -= b.At(i)
		}
		sum += d * d
	}
	return math.Sqrt(sum)
}
