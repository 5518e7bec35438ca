package optimtest

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

const hidden = "Numbers are kept outside of the state, such as in the plugin's struct or in a function given to Scalar.Map; " +
	"what a step remembers belongs into a slot or follows from Count"

func replay(l *lab) {
	for _, d := range []array.DType{array.Float64, array.Float32} {
		t := l.trial(l.construct(), everyRank, d)
		first := t.after(1, 2, 3)
		l.same(t.after(1, 2, 3), first, "the same word on the same state must give the same bits. "+hidden)
	}
}

func composition(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	l.same(t.from(t.after(1, 2), 3), t.after(1, 2, 3), "[1 2] and then [3] must be [1 2 3]. "+hidden)
	words := [][]int{{1, 2, 3}, {3, 2, 1}, {2, 1, 3}, {1}, {2, 2, 2, 2}, {3, 1, 2}}
	var ends []*optim.State
	for _, word := range words {
		ends = append(ends, t.after(word...))
	}
	for i, word := range slices.Backward(words) {
		l.same(t.after(word...), ends[i], "words must not depend on those that ran before. "+hidden)
	}
}

func clone(l *lab) {
	t := l.trial(l.construct(), everyRank, array.Float64)
	middle := t.after(1, 2, 3)
	want := t.from(middle, 4, 5)
	l.same(t.from(middle, 4, 5), want, "a clone taken in mid-run must go on as the original. "+hidden)
	a, b := middle, t.start
	for k := 4; k <= 5; k++ {
		a, b = t.from(a, k), t.from(b, k)
	}
	l.same(a, want, "two chains that take turns on one machine must not change each other. "+hidden)
	l.same(b, t.after(4, 5), "two chains that take turns on one machine must not change each other. "+hidden)
}

// memory stops after every step and goes on elsewhere, from what was written of the state.
func memory(l *lab) {
	const steps = 9
	const explanation = "a state read back from its bytes and its count must go on as the one that the steps led to, " +
		"on a machine that never ran. "
	for _, d := range []array.DType{array.Float64, array.Float32} {
		used := l.trial(l.construct(), everyRank, d)
		fresh := l.trial(l.construct(), everyRank, d)
		word := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}
		want := used.after(word...)
		if l.err == nil && want.Count != steps {
			l.fail("nine steps must make the count nine, not %d", want.Count)
		}
		for at := range slices.Backward(word) {
			reached := used.after(word[:at]...)
			l.same(fresh.from(fresh.readBack(reached), word[at:]...), want, explanation+hidden)
		}
	}
}

// readBack returns a state of t's own with the numbers and the count of s, which go through bytes.
func (t *trial) readBack(s *optim.State) *optim.State {
	if t.err != nil {
		return s
	}
	var file bytes.Buffer
	read := t.program.Layout.New(t.program.Precision)
	for _, end := range []struct{ written, read any }{{s.Data.F32, read.Data.F32}, {s.Data.F64, read.Data.F64}, {s.Count, &read.Count}} {
		if err := binary.Write(&file, binary.LittleEndian, end.written); err != nil {
			t.fail("%w", err)
		}
		if err := binary.Read(&file, binary.LittleEndian, end.read); err != nil {
			t.fail("%w", err)
		}
	}
	return read
}
