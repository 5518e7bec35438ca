package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
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

func describe(kind, shape string) string {
	return fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s, }", kind, shape)
}

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

func TestElementTypesOfNumPyAreRead(t *testing.T) {
	for _, c := range []struct {
		kind     string
		elements any
	}{
		{"<f4", []float32{1, -2, 3}},
		{"<f8", []float64{1, -2, 3}},
		{"<i8", []int64{1, -2, 3}},
		{"<i4", []int32{1, -2, 3}},
		{">f4", []uint32{0x803f, 0x00c0, 0x4040}},
	} {
		a, err := readArray(npyFile(describe(c.kind, "(3,)"), c.elements))
		if err != nil {
			t.Errorf("%s: %v", c.kind, err)
			continue
		}
		for i, want := range []float64{1, -2, 3} {
			if got := a.data.At(i); got != want {
				t.Errorf("%s: element %d is %v, want %v", c.kind, i, got, want)
			}
		}
	}
	if a, err := readArray(npyFile(describe("|u1", "()"), []byte{255})); err != nil || a.data.At(0) != 255 || len(a.shape) != 0 {
		t.Errorf("|u1: %v %v", a, err)
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
		"fewer elements":          {npyFile(describe("<f4", "(3,)"), []float32{1, 2}), "the shape [3] does not fit 8 bytes"},
		"more elements":           {npyFile(describe("<f4", "(1,)"), []float32{1, 2}), "the shape [1] does not fit 8 bytes"},
		"a negative size":         {npyFile(describe("<f4", "(-1,)"), []float32{}), "does not fit"},
		"a size that overflows":   {npyFile(describe("<f4", "(4294967296, 4294967296)"), []float32{}), "does not fit"},
		"a size beyond the file":  {npyFile(describe("<f8", "(1000000000,)"), []float64{1}), "does not fit"},
		"Fortran's order":         {npyFile("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", []float32{1, 2}), "column by column"},
		"half precision":          {npyFile(describe("<f2", "(1,)"), []uint16{1}), `its elements are of type "<f2"`},
		"Python objects":          {npyFile(describe("|O", "(1,)"), []byte("pickle")), `its elements are of type "|O"`},
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

func TestArchivesThatUnpackToTooMuchAreRefused(t *testing.T) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if _, err := z.CreateRaw(&zip.FileHeader{Name: "input.npy", UncompressedSize64: largestNPZ + 1}); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := readArchive(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err == nil || !strings.Contains(err.Error(), "unpacks to more than 1 GiB") {
		t.Errorf("an archive that claims too much: %v", err)
	}
}

// FuzzReadArray requires that no content makes the reader fail otherwise than by an error, or take more memory than the file.
func FuzzReadArray(f *testing.F) {
	f.Add(npyFile(describe("<f4", "(2, 1)"), []float32{1, 2}))
	f.Add(npyFile(describe("<f8", "()"), []float64{1}))
	f.Add(npyFile(describe("<i8", "(2,)"), []int64{1, 2}))
	f.Add(npyFile(describe("|u1", "(0, 3)"), []byte{}))
	f.Add(append([]byte("\x93NUMPY\x02\x00\x10\x00\x00\x00"), make([]byte, 16)...))
	f.Fuzz(func(t *testing.T, content []byte) {
		a, err := readArray(content)
		if err != nil {
			return
		}
		elements := 1
		for _, n := range a.shape {
			elements *= n
		}
		if a.data.Len() != elements || elements > len(content) {
			t.Errorf("%d elements of shape %v from %d bytes", a.data.Len(), a.shape, len(content))
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
		w.Write(npyFile(describe("<f4", "(1,)"), []float32{1}))
	}
	z.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, content []byte) {
		readArchive(bytes.NewReader(content), int64(len(content)))
	})
}
