package cli

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func TestArraysSurviveARoundTrip(t *testing.T) {
	for _, shape := range [][]int{{}, {3}, {0}, {2, 3}, {1, 2, 3}, {2, 1, 2, 2}} {
		elements := 1
		for _, n := range shape {
			elements *= n
		}
		for _, d := range []array.DType{array.Float32, array.Float64} {
			data := array.New(d, elements)
			for i := range elements {
				data.Set(i, 1/float64(i+1))
			}
			if elements > 1 {
				data.Set(1, math.NaN())
			}
			path := filepath.Join(t.TempDir(), "a.npz")
			if err := writeNPZ(path, []namedArray{{"grad:a/b", npyArray{shape, data}}}); err != nil {
				t.Fatal(err)
			}
			arrays, err := readNPZ(path)
			if err != nil {
				t.Fatalf("%s %v: %v", d, shape, err)
			}
			if a := arrays["grad:a/b"]; !slices.Equal(a.shape, shape) || !a.data.Equal(data) {
				t.Errorf("%s %v: read back as %v %v", d, shape, a.shape, a.data)
			}
		}
	}
}
