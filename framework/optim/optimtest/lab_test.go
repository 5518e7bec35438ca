package optimtest

import (
	"math"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func TestProblemsAreWhatTheirNamesSay(t *testing.T) {
	for _, d := range []array.DType{array.Float32, array.Float64} {
		l := &lab{construct: newGood}
		defer l.close()
		sure, lost := l.trial(newGood(), certain, d), l.trial(newGood(), unknown, d)
		zero, nan := sure.gradient(sure.certainty(sure.start), 1), lost.gradient(lost.start, 1)
		if l.err != nil {
			t.Fatal(l.err)
		}
		for i := range zero.Len() {
			if zero.At(i) != 0 || !math.IsNaN(nan.At(i)) {
				t.Fatalf("%s: number %d of the gradient is %v where the class is certain, %v where the targets are unknown", d, i, zero.At(i), nan.At(i))
			}
		}
	}
}
