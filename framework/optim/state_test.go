package optim

import (
	"math"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// layout has its fields in an order that is not that of their memory.
func layout(t *testing.T) *Layout {
	t.Helper()
	l, err := NewLayout([]Field{
		{Kind: Slot, Name: "weight", Slot: "mean", Shape: []int{2, 3}},
		{Kind: Parameter, Name: "weight", Shape: []int{2, 3}},
		{Kind: Buffer, Name: "variance", Shape: []int{2}},
		{Kind: Parameter, Name: "gain", Shape: nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLayoutPutsParametersFirst(t *testing.T) {
	l := layout(t)
	for i, want := range []struct {
		name         string
		offset, size int
	}{{"weight", 0, 6}, {"gain", 6, 1}, {"weight:mean", 7, 6}, {"variance", 13, 2}} {
		if f := l.Fields()[i]; f.String() != want.name || f.Offset() != want.offset || f.Size() != want.size {
			t.Errorf("field %d is %v at %d with %d elements, want %v", i, f, f.Offset(), f.Size(), want)
		}
	}
	if l.Size() != 15 || l.Parameters() != 7 {
		t.Errorf("the layout has %d elements, %d of them parameters", l.Size(), l.Parameters())
	}
}

func TestLayoutCannotBeChanged(t *testing.T) {
	l := layout(t)
	l.Fields()[0].Name = "other"
	if name := l.Fields()[0].Name; name != "weight" {
		t.Errorf("the first field is now %q", name)
	}
}

func TestLayoutRefusesTwoFieldsOfOneName(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []Field
		want   string // "" for no error
	}{
		{"two parameters", []Field{{Name: "a"}, {Name: "a"}}, `two fields are named "a"`},
		{"two slots", []Field{{Kind: Slot, Name: "a", Slot: "m"}, {Kind: Slot, Name: "a", Slot: "m"}}, `two fields are named "a:m"`},
		{"a slot named like a parameter", []Field{{Name: "a:m"}, {Kind: Slot, Name: "a", Slot: "m"}}, ""},
		{"a buffer named like a parameter", []Field{{Name: "a"}, {Kind: Buffer, Name: "a"}}, ""},
	} {
		_, err := NewLayout(c.fields)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestLayoutsAreTheSameByContent(t *testing.T) {
	field := Field{Kind: Slot, Name: "a", Slot: "m", Shape: []int{2, 3}}
	for _, c := range []struct {
		name   string
		change func(*Field)
		same   bool
	}{
		{"nothing", func(*Field) {}, true},
		{"kind", func(f *Field) { f.Kind = Buffer }, false},
		{"name", func(f *Field) { f.Name = "b" }, false},
		{"slot", func(f *Field) { f.Slot = "v" }, false},
		{"shape", func(f *Field) { f.Shape = []int{3, 2} }, false},
	} {
		changed := field
		c.change(&changed)
		l, err := NewLayout([]Field{field})
		m, err2 := NewLayout([]Field{changed})
		if err != nil || err2 != nil || l.Same(m) != c.same {
			t.Errorf("%s changed: same = %v (%v, %v)", c.name, l.Same(m), err, err2)
		}
	}
}

func TestStateIsData(t *testing.T) {
	s := layout(t).New(array.Float64)
	mean := s.Field(s.Layout.Fields()[2])
	mean.Set(0, 5)
	if s.Data.At(7) != 5 || s.Parameters().Len() != 7 {
		t.Error("a field does not share the state's memory")
	}
	s.Count = 3
	c := s.Clone()
	if !c.Equal(s) {
		t.Error("a clone differs")
	}
	c.Data.Set(0, 1)
	c.Count++
	if s.Data.At(0) != 0 || s.Count != 3 {
		t.Error("a clone shares memory with its original")
	}
	s.Copy(c)
	if !s.Equal(c) || s.Count != 4 {
		t.Error("a copy differs")
	}
}

func TestStatesAreEqualBitForBit(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*State)
		equal  bool
	}{
		{"nothing", func(*State) {}, true},
		{"a number", func(s *State) { s.Data.Set(14, math.Nextafter(0, 1)) }, false},
		{"the sign of a zero", func(s *State) { s.Data.Set(0, math.Copysign(0, -1)) }, false},
		{"the count", func(s *State) { s.Count++ }, false},
		{"the precision", func(s *State) { s.Data = s.Data.As(array.Float32) }, false},
	} {
		a, b := layout(t).New(array.Float64), layout(t).New(array.Float64)
		c.change(b)
		if a.Equal(b) != c.equal {
			t.Errorf("%s changed: equal = %v", c.name, a.Equal(b))
		}
	}
}

func TestFiniteSeesTheWholeState(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		s := layout(t).New(array.Float32)
		if !s.Finite() {
			t.Error("zeros are not finite")
		}
		if s.Data.Set(14, v); s.Finite() {
			t.Errorf("a state with %v in its last field is finite", v)
		}
	}
}
