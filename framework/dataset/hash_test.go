package dataset_test

import (
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
)

func TestAHashTellsWhatIsRead(t *testing.T) {
	split := func(change func(*dataset.Split)) *dataset.Split {
		s := &dataset.Split{Inputs: array.From32([]float32{1, 2, 3, 4}), Shape: []int{2}, Targets: array.From32([]float32{0, 1}), Classes: 2}
		if change != nil {
			change(s)
		}
		return s
	}
	same := dataset.Dataset{Name: "a", Train: split(nil), Test: split(nil)}
	want := same.Sum256()
	if other := (&dataset.Dataset{Name: "b", Train: same.Train, Test: same.Train}).Sum256(); other != want {
		t.Error("the name counts, or where the numbers lie")
	}
	for rule, change := range map[string]func(*dataset.Split){
		"a number":        func(s *dataset.Split) { s.Inputs.F32[3] = 5 },
		"a target":        func(s *dataset.Split) { s.Targets.F32[0] = 1 },
		"the order":       func(s *dataset.Split) { x := s.Inputs.F32; x[0], x[1] = x[1], x[0] },
		"the shape":       func(s *dataset.Split) { s.Shape = []int{1, 2} },
		"the classes":     func(s *dataset.Split) { s.Classes = 3 },
		"the precision":   func(s *dataset.Split) { s.Inputs = array.From64([]float64{1, 2, 3, 4}) },
		"a zero's sign":   func(s *dataset.Split) { s.Targets.F32[0] = -s.Targets.F32[0] },
		"what belongs to": func(s *dataset.Split) { s.Inputs.F32, s.Targets.F32 = s.Inputs.F32[:2], []float32{3, 4, 0, 1} },
	} {
		for place, d := range map[string]*dataset.Dataset{
			"training": {Train: split(change), Test: split(nil)},
			"test":     {Train: split(nil), Test: split(change)},
		} {
			if d.Sum256() == want {
				t.Errorf("%s of the %s split does not count", rule, place)
			}
		}
	}
}

func TestAHashReadsEveryNumber(t *testing.T) {
	numbers := make([]float32, 20000) // more than one piece
	d := dataset.Dataset{Train: &dataset.Split{Inputs: array.From32(numbers), Shape: []int{1}, Targets: array.From32([]float32{0})}}
	d.Test = &dataset.Split{Shape: []int{1}, Inputs: array.From32([]float32{0}), Targets: array.From64(make([]float64, 9000))}
	seen := map[[32]byte]bool{d.Sum256(): true}
	for _, i := range []int{0, 8191, 8192, 16383, 16384, 19999} {
		numbers[i] = 1
		if sum := d.Sum256(); seen[sum] {
			t.Errorf("number %d does not count", i)
		} else {
			seen[sum] = true
		}
	}
	d.Test.Targets.F64[8999] = 1
	if seen[d.Sum256()] {
		t.Error("the last target does not count")
	}
}
