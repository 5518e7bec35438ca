package optim

import (
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// Kind says what a field of a state is.
type Kind int

// The kinds of fields.
const (
	Parameter Kind = iota // trained
	Slot                  // an optimizer's memory: one number for each number of its parameter, or one for the whole state
	Buffer                // updated by the model itself, such as BatchNormalization's running statistics
)

// Field is a named tensor in a state.
type Field struct {
	Kind  Kind
	Name  string // of the parameter or the buffer; of the parameter that a slot belongs to, "" if it belongs to the whole state
	Slot  string // the slot's name, else ""
	Shape []int

	offset, size int
}

// String prints the name, with the slot's after a colon.
func (f Field) String() string {
	if f.Kind == Slot {
		return f.Name + ":" + f.Slot
	}
	return f.Name
}

// Size returns the number of elements.
func (f Field) Size() int { return f.size }

// Offset returns the place of the first element in a state; for a parameter also in a vector that holds parameters only.
func (f Field) Offset() int { return f.offset }

// Layout names the parts of a state. Parameters stand first, in the model's order. It never changes once it is made.
type Layout struct {
	fields     []Field
	parameters int
	size       int
}

// NewLayout lays out fields one after the other, parameters first. Two fields of one kind and name are an error.
func NewLayout(fields []Field) (*Layout, error) {
	l := &Layout{fields: slices.Clone(fields)}
	slices.SortStableFunc(l.fields, func(a, b Field) int { return int(a.Kind) - int(b.Kind) })
	seen := map[string]bool{}
	for i := range l.fields {
		f := &l.fields[i]
		key := fmt.Sprint(f.Kind, f)
		if seen[key] {
			return nil, fmt.Errorf("optim: two fields are named %q", f)
		}
		seen[key] = true
		f.offset, f.size = l.size, 1
		for _, n := range f.Shape {
			f.size *= n
		}
		l.size += f.size
		if f.Kind == Parameter {
			l.parameters = l.size
		}
	}
	return l, nil
}

// Fields returns the fields in the order of their memory.
func (l *Layout) Fields() []Field { return slices.Clone(l.fields) }

// Size returns the number of elements of a state.
func (l *Layout) Size() int { return l.size }

// Parameters returns the number of elements that are parameters.
func (l *Layout) Parameters() int { return l.parameters }

// Same reports whether two layouts have equal fields in equal places.
func (l *Layout) Same(m *Layout) bool {
	return l == m || slices.EqualFunc(l.fields, m.fields, func(a, b Field) bool {
		return a.Kind == b.Kind && a.Name == b.Name && a.Slot == b.Slot && slices.Equal(a.Shape, b.Shape)
	})
}

// State is everything that a step reads and writes: parameters, slots and buffers in one run of numbers, and how many steps were
// applied. It is data only; a copy replays exactly.
type State struct {
	Layout *Layout
	Data   array.Array
	Count  int64
}

// New returns a state of zeros to which no step was applied.
func (l *Layout) New(d array.DType) *State {
	return &State{Layout: l, Data: array.New(d, l.size)}
}

// Field returns the elements of a field, sharing the state's memory.
func (s *State) Field(f Field) array.Array { return s.Data.Slice(f.offset, f.offset+f.size) }

// Parameters returns the elements of all parameters, sharing the state's memory.
func (s *State) Parameters() array.Array { return s.Data.Slice(0, s.Layout.parameters) }

// Clone returns a copy with memory of its own.
func (s *State) Clone() *State {
	return &State{Layout: s.Layout, Data: s.Data.Clone(), Count: s.Count}
}

// Copy makes s equal to src, which must have the same layout and precision.
func (s *State) Copy(src *State) {
	s.Data.Copy(src.Data)
	s.Count = src.Count
}

// Equal reports whether both hold the same bits and the same count.
func (s *State) Equal(t *State) bool {
	return s.Count == t.Count && s.Layout.Same(t.Layout) && s.Data.Equal(t.Data)
}

// Finite reports whether no number is NaN or infinite.
func (s *State) Finite() bool { return s.Data.Finite() }
