package dataset

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// idxFile returns a file of unsigned bytes. Sizes need not match the data.
func idxFile(data []byte, sizes ...uint32) []byte {
	file := []byte{0, 0, 0x08, byte(len(sizes))}
	for _, n := range sizes {
		file = binary.BigEndian.AppendUint32(file, n)
	}
	return append(file, data...)
}

func compressed(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write(data)
	w.Close()
	return b.Bytes()
}

func countUp(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i)
	}
	return data
}

func TestIDXIsReadPlainAndCompressed(t *testing.T) {
	data := countUp(2 * 3 * 5)
	plain := idxFile(data, 2, 3, 5)
	for name, file := range map[string][]byte{"plain": plain, "gzip": compressed(plain), "two gzip members": append(compressed(plain[:9]), compressed(plain[9:])...)} {
		x, err := decodeIDX(bytes.NewReader(file), 3)
		if err != nil || !slices.Equal(x.sizes, []int{2, 3, 5}) || !bytes.Equal(x.data, data) {
			t.Errorf("%s: %v, %v", name, x, err)
		}
	}
}

// hostileFiles are files that no reader of three-dimensional IDX data may accept.
var hostileFiles = []struct {
	name string
	file []byte
	want string // part of the error
}{
	{"empty", nil, "cut off inside its header"},
	{"one byte", []byte{0x1f}, "cut off inside its header"},
	{"magic only", []byte{0, 0, 8, 3}, "cut off inside its header"},
	{"header cut", idxFile(nil, 1, 1, 1)[:13], "cut off inside its header"},
	{"a web page", []byte("<!DOCTYPE html>"), `not an IDX file: it starts with "<!DO"`},
	{"little-endian magic", []byte{3, 8, 0, 0, 1, 0, 0, 0}, "not an IDX file"},
	{"float32", append([]byte{0, 0, 0x0d, 3}, make([]byte, 16)...), "its elements are float32, not unsigned bytes"},
	{"unknown type", []byte{0, 0, 0x0a, 3}, "no element type 0x0a"},
	{"labels for images", idxFile([]byte{1, 2}, 2), "it has 1 dimensions, not 3"},
	{"255 dimensions", []byte{0, 0, 8, 255}, "it has 255 dimensions, not 3"},
	{"no images", idxFile(nil, 0, 28, 28), "its dimensions [0 28 28] hold no elements"},
	{"too short", idxFile(make([]byte, 29), 2, 3, 5), "cut off after 29 of the 30 elements of its dimensions [2 3 5]"},
	{"too long", idxFile(make([]byte, 31), 2, 3, 5), "more than the 30 elements of its dimensions [2 3 5]"},
	{"more than fits in memory", idxFile(make([]byte, 9), 1<<31, 1<<31, 1<<31), "are more than the 268435456 elements"},
	{"product overflows to 0", idxFile(nil, 1<<31, 1<<31, 4), "are more than the 268435456 elements"},
	{"gigabytes claimed", idxFile(make([]byte, 9), 1<<28, 1, 1), "cut off after 9 of the 268435456"},
	{"gigabytes claimed, gzip", compressed(idxFile(make([]byte, 9), 1<<28, 1, 1)), "cut off after 9 of the 268435456"},
	{"gzip bomb", compressed(idxFile(make([]byte, 1<<26), 1, 1, 1)), "more than the 1 elements"},
	{"gzip cut", compressed(idxFile(countUp(30), 2, 3, 5))[:40], "compressed data are cut off after"},
	{"gzip checksum cut", func() []byte { z := compressed(idxFile(countUp(30), 2, 3, 5)); return z[:len(z)-4] }(), "compressed data are cut off after 30 of 30 elements"},
	{"gzip checksum wrong", func() []byte { z := compressed(idxFile(countUp(30), 2, 3, 5)); z[len(z)-5] ^= 1; return z }(), "invalid checksum"},
	{"gzip with a tail", append(compressed(idxFile(countUp(30), 2, 3, 5)), "neither gzip nor nothing"...), "gzip: invalid header"},
	{"gzip header only", []byte{0x1f, 0x8b}, "gzip header is broken"},
	{"gzip in gzip", compressed(compressed(idxFile(countUp(30), 2, 3, 5))), "not an IDX file"},
}

func TestIDXRefusesHostileFilesWithoutMuchMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "images")
	for _, c := range hostileFiles {
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readIDX(t.Context(), path, 3)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %s: … %q", c.name, err, path, c.want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
			t.Errorf("%s: a file of %d bytes took %d bytes of memory", c.name, len(c.file), used)
		}
	}
}

// FuzzIDX checks that what is accepted is exactly what the file holds: encoding it again gives the file.
func FuzzIDX(f *testing.F) {
	for _, c := range hostileFiles {
		if len(c.file) < 1<<12 {
			f.Add(c.file, uint8(3))
		}
	}
	valid := idxFile(countUp(30), 2, 3, 5)
	f.Add(valid, uint8(3))
	f.Add(compressed(valid), uint8(3))
	f.Add(idxFile([]byte{7, 8}, 2), uint8(1))
	f.Fuzz(func(t *testing.T, file []byte, dimensions uint8) {
		x, err := decodeIDX(bytes.NewReader(file), int(dimensions))
		if err != nil {
			return
		}
		sizes := make([]uint32, len(x.sizes))
		for i, n := range x.sizes {
			sizes[i] = uint32(n)
		}
		if bytes.HasPrefix(file, []byte{0x1f, 0x8b}) {
			if file, err = gunzip(file); err != nil {
				t.Fatalf("accepted, but gzip says %v", err)
			}
		}
		if again := idxFile(x.data, sizes...); !bytes.Equal(again, file) {
			t.Errorf("%x was read as %x", file, again)
		}
	})
}
