package dataset

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// npyFile returns a file of version 1.0 with a header as NumPy writes it, and elements.
func npyFile(header string, elements any) []byte {
	var b bytes.Buffer
	b.WriteString("\x93NUMPY\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header)+1)))
	b.WriteString(header + "\n")
	if err := binary.Write(&b, binary.LittleEndian, elements); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func npyHeader(kind, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape)
}

func TestElementTypesOfNumPyAreRead(t *testing.T) {
	for _, c := range []struct {
		kind     string
		elements any
	}{
		{"<f2", []uint16{0x3c00, 0xc000, 0x4200}},
		{">f2", []uint16{0x003c, 0x00c0, 0x0042}},
		{"<f4", []float32{1, -2, 3}},
		{"<f8", []float64{1, -2, 3}},
		{"<i8", []int64{1, -2, 3}},
		{"<i4", []int32{1, -2, 3}},
		{">f4", []uint32{0x803f, 0x00c0, 0x4040}},
		{"<i2", []int16{1, -2, 3}},
		{">i2", []uint16{0x0100, 0xfeff, 0x0300}},
		{"|i1", []int8{1, -2, 3}},
	} {
		a, err := readArray(npyFile(npyHeader(c.kind, "(3,)"), c.elements))
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		for i, want := range []float64{1, -2, 3} {
			if got := a.Data.At(i); got != want {
				t.Errorf("%s: element %d is %v, want %v", c.kind, i, got, want)
			}
		}
	}
	for _, c := range []struct {
		kind     string
		elements any
		want     float64
	}{
		{"|u1", []byte{255}, 255},
		{"|b1", []byte{1}, 1},
		{"<u2", []uint16{1<<16 - 1}, 1<<16 - 1},
		{"<u4", []uint32{1<<32 - 1}, 1<<32 - 1},
		{"<u8", []uint64{1<<53 - 1}, 1<<53 - 1},
		{"<i4", []int32{1<<31 - 1}, 1<<31 - 1},
		{"<i8", []int64{1<<53 - 1}, 1<<53 - 1},
	} {
		a, err := readArray(npyFile(npyHeader(c.kind, "()"), c.elements))
		if err != nil || a.Data.At(0) != c.want || len(a.Shape) != 0 || !a.Integers {
			t.Errorf("%s: %v %v, want %v", c.kind, a, err, c.want)
		}
	}
}

func TestAnArrayMayHaveNoElements(t *testing.T) {
	for _, shape := range []string{"(0,)", "(0, 3)", "(3, 0)", "(2, 0, 3)"} {
		if a, err := readArray(npyFile(npyHeader("<f4", shape), []float32{})); err != nil || a.Data.Len() != 0 {
			t.Errorf("%s: %v, %v", shape, a, err)
		}
	}
}

func TestArraysOfAnySizeAreReadWhole(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025, 5000} {
		numbers := make([]int32, n)
		for i := range numbers {
			numbers[i] = int32(i) - 7
		}
		a, err := readArray(npyFile(npyHeader("<i4", fmt.Sprintf("(%d,)", n)), numbers))
		if err != nil || a.Data.Len() != n || n > 0 && (a.Data.At(0) != -7 || a.Data.At(n-1) != float64(n-8)) {
			t.Errorf("%d elements: %v", n, err)
		}
	}
}

func TestFilesThatAreNoArraysAreRefused(t *testing.T) {
	version2 := append([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"), make([]byte, 100)...)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{
		"empty":                   {nil, "not an .npy file"},
		"other content":           {[]byte("an .npy file, or perhaps not"), "npy"},
		"header longer than file": {version2, "not an .npy file"},
		"header without end":      {npyFile("", []byte{})[:10], "not an .npy file"},
		"header without shape":    {npyFile("{'descr': '<f4', 'fortran_order': False}", []float32{1}), "npy"},
		"header out of order":     {npyFile("{'shape': (1,), 'fortran_order': False, 'descr': '<f4', }", []float32{1}), "not an .npy file"},
		"fewer elements":          {npyFile(npyHeader("<f4", "(3,)"), []float32{1, 2}), "the shape [3] does not fit 8 bytes"},
		"more elements":           {npyFile(npyHeader("<f4", "(1,)"), []float32{1, 2}), "the shape [1] does not fit 8 bytes"},
		"a negative size":         {npyFile(npyHeader("<f4", "(-1,)"), []float32{}), "does not fit"},
		"a size that overflows":   {npyFile(npyHeader("<f4", "(4294967296, 4294967296)"), []float32{}), "does not fit"},
		"a size beyond the file":  {npyFile(npyHeader("<f8", "(1000000000,)"), []float64{1}), "does not fit"},
		"Fortran's order":         {npyFile("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", []float32{1, 2}), "column by column"},
		"complex numbers":         {npyFile(npyHeader("<c8", "(1,)"), []complex64{1}), `its elements are of type "<c8"`},
		"Python objects":          {npyFile(npyHeader("|O", "(1,)"), []byte("pickle")), `its elements are of type "|O"`},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if a, err := readArray(c.content); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want an error with %q", name, a, err, c.want)
		}
		runtime.ReadMemStats(&after)
		if taken := after.TotalAlloc - before.TotalAlloc; taken > 1<<20 {
			t.Errorf("%s: %d bytes of memory for a file of %d", name, taken, len(c.content))
		}
	}
}

// deflated returns an archive with entries of zeros behind a header each, which claims what it likes.
func deflated(t *testing.T, entries map[string]string, zeros int64) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, header := range entries {
		w, err := z.Create(name + ".npy")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(npyFile(header, []byte{}))
		if _, err := io.CopyN(w, zeroes{}, zeros); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestArchivesThatClaimTooMuchAreRefusedBeforeTheyAreRead(t *testing.T) {
	const zeros = 64 << 20
	for name, c := range map[string]struct{ shape, want string }{
		"more than the entry":  {"(250000, 1, 64, 64)", "the shape [250000 1 64 64] does not fit 67108864 bytes"},
		"less than the entry":  {"(1,)", "the shape [1] does not fit 67108864 bytes"},
		"more than any memory": {"(4611686018427387904, 2)", "does not fit"},
	} {
		content := deflated(t, map[string]string{"input": npyHeader("<f4", c.shape)}, zeros)
		allocates(t, name, 4<<20, func() {
			if _, err := readHeaders(bytes.NewReader(content), int64(len(content)), nil); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: error %v, want %q", name, err, c.want)
			}
		})
	}
}

func TestSizesThatNoArchiveCanHaveAreRefused(t *testing.T) {
	for _, h := range []zip.FileHeader{
		{Name: "input.npy", UncompressedSize64: 1 << 40},
		{Name: "input.npy", UncompressedSize64: 1 << 40, CompressedSize64: 1 << 40},
		{Name: "input.npy", UncompressedSize64: 1 << 40, CompressedSize64: 100, Method: zip.Deflate},
	} {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		if _, err := z.CreateRaw(&h); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := readHeaders(bytes.NewReader(b.Bytes()), int64(b.Len()), nil)
		if err == nil || !strings.Contains(err.Error(), "cannot have the 1099511627776 bytes") {
			t.Errorf("%+v: error %v", h, err)
		}
	}
}

func TestWhatDoesNotFitMemoryIsRefusedWithNumbers(t *testing.T) {
	limit := debug.SetMemoryLimit(64 << 20)
	defer debug.SetMemoryLimit(limit)
	content := deflated(t, map[string]string{"input": npyHeader("|u1", "(16777216,)")}, 16<<20) // as float32: 64 MiB
	_, err := readHeaders(bytes.NewReader(content), int64(len(content)), nil)
	if err == nil || !strings.Contains(err.Error(), "takes 0.0625 GiB of memory, more than the 0.04688 GiB") {
		t.Errorf("error %v", err)
	}
}

func TestHonestArchivesAreReadWithoutASecondCopy(t *testing.T) {
	const n = 8 << 20
	content := deflated(t, map[string]string{"input": npyHeader("<f4", fmt.Sprintf("(%d,)", n))}, 4*n)
	path := filepath.Join(t.TempDir(), "a.npz")
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	allocates(t, "32 MiB of numbers", 36<<20, func() {
		if a, err := ReadNPZ(path, "input"); err != nil || a["input"].Data.Len() != n {
			t.Errorf("%v", err)
		}
	})
}

func TestReadingEndsWhenTheContextIsCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	if err := os.WriteFile(path, deflated(t, map[string]string{"input": npyHeader("<f4", "(1048576,)")}, 4<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := openNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.read(ctx, "input"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// allocates fails if f takes more bytes of memory.
func allocates(t *testing.T, name string, most uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
		t.Errorf("%s: %d bytes of memory, want at most %d", name, taken, most)
	}
}

// FuzzReadArray requires that no content makes the reader fail otherwise than by an error, or take more memory than the file.
func FuzzReadArray(f *testing.F) {
	f.Add(npyFile(npyHeader("<f4", "(2, 1)"), []float32{1, 2}))
	f.Add(npyFile(npyHeader("<f8", "()"), []float64{1}))
	f.Add(npyFile(npyHeader("<i8", "(2,)"), []int64{1, 2}))
	f.Add(npyFile(npyHeader("|u1", "(0, 3)"), []byte{}))
	f.Add(append([]byte("\x93NUMPY\x02\x00\x10\x00\x00\x00"), make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := readArray(content)
		if err != nil {
			return
		}
		elements := 1
		for _, n := range a.Shape {
			elements *= n
		}
		if a.Data.Len() != elements || elements > len(content) {
			t.Errorf("%d elements of shape %v from %d bytes", a.Data.Len(), a.Shape, len(content))
		}
	})
}

// FuzzReadArchive requires that no content makes the reader fail otherwise than by an error.
func FuzzReadArchive(f *testing.F) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		w, err := z.CreateHeader(&zip.FileHeader{Name: "input.npy", Method: method})
		if err != nil {
			f.Fatal(err)
		}
		w.Write(npyFile(npyHeader("<f4", "(1,)"), []float32{1}))
	}
	z.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, content []byte) {
		n, err := readHeaders(bytes.NewReader(content), int64(len(content)), nil)
		if err != nil {
			return
		}
		for _, name := range n.names {
			if n.array[name].bytes() < 1<<20 {
				n.read(t.Context(), name)
			}
		}
	})
}
