package ort_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

const repetitions = 10_000

// What may be left behind is less than what is left if a single value of each run, or each session, is forgotten: a value takes 250
// bytes of the library's memory and a session 100 KiB. Of memory that sessions gave back, C's allocator keeps some for later.
const (
	leftByRuns     = 2 << 20
	leftBySessions = 64 << 20
)

// wide is a model that many values go into and come out of; some come out without dimensions.
func wide(t testing.TB) (file []byte, inputs []ort.Tensor) {
	var in, out []*onnx.ValueInfo
	var nodes []string
	for i := range 8 {
		x, y, size := fmt.Sprintf("x%d", i), fmt.Sprintf("y%d", i), fmt.Sprintf("size%d", i)
		in = append(in, vector(x, onnx.Float))
		out = append(out, vector(y, onnx.Float), onnx.NewTensorInfo(size, onnx.Int64))
		nodes = append(nodes, y+" = Neg("+x+")", size+" = Size("+x+")")
		inputs = append(inputs, floats(x, float32(i), 1))
	}
	return graph(t, in, out, nodes...), inputs
}

func checkWide(t *testing.T, outputs []ort.Tensor) {
	t.Helper()
	want := []ort.Tensor{floats("y7", -7, -1), {Name: "size7", Shape: []int{}, Data: []int64{2}}}
	if got := outputs[len(outputs)-2:]; !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, want %v", got, want)
	}
}

func TestTenThousandRunsLeaveNothingBehind(t *testing.T) {
	needLibrary(t)
	file, inputs := wide(t)
	s := open(t, file, ort.Options{})
	requireNoGrowth(t, repetitions, leftByRuns, func() { checkWide(t, run(t, s, inputs...)) })
}

// What is refused before the library is asked; after a failure of its own it keeps some memory itself.
func TestTenThousandRefusedRunsLeaveNothingBehind(t *testing.T) {
	needLibrary(t)
	file, inputs := wide(t)
	s := open(t, file, ort.Options{})
	inputs[len(inputs)-1].Shape = []int{1, 2}
	requireNoGrowth(t, repetitions, leftByRuns, func() {
		if _, err := s.Run(inputs); err == nil {
			t.Fatal("no error")
		}
	})
}

func TestTenThousandSessionsLeaveNothingBehind(t *testing.T) {
	needLibrary(t)
	file := sum(t)
	inputs, want := []ort.Tensor{floats("x", 1, 2), floats("y", 3, 4)}, []ort.Tensor{floats("z", 4, 6)}
	times := repetitions
	if testing.Short() {
		times /= 5 // of which a forgotten one each would still show
	}
	requireNoGrowth(t, times, leftBySessions, func() {
		s, err := ort.Open(file, ort.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, s, inputs...); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// requireNoGrowth repeats something, after a time in which caches fill: on one thread, because C's allocator has caches for each.
func requireNoGrowth(t *testing.T, repetitions, allowed int, something func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	repeat := func(times int) int {
		for range times {
			something()
		}
		return resident(t)
	}
	before := repeat(repetitions / 5)
	growth := repeat(repetitions) - before
	t.Logf("%d KiB more after %d repetitions", growth>>10, repetitions)
	if growth > allowed {
		t.Errorf("%d KiB more after %d repetitions, %d at most are allowed", growth>>10, repetitions, allowed>>10)
	}
}

// resident returns the bytes of memory that the process has, Go's garbage not among them.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	content, err := os.ReadFile("/proc/self/statm")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("this system does not tell how much memory a process has")
	}
	if err != nil {
		t.Fatal(err)
	}
	var total, pages int
	if _, err := fmt.Sscan(string(content), &total, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}
