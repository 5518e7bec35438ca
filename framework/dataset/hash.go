package dataset

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// Sum256 returns a SHA-256 of all that training and evaluation read: shapes, precisions, numbers and classes of both splits, as they
// are in memory. The name does not count.
func (d *Dataset) Sum256() [sha256.Size]byte {
	h := sha256.New()
	for _, s := range []*Split{d.Train, d.Test} {
		fmt.Fprintln(h, s.Shape, s.Classes)
		writeArray(h, s.Inputs)
		writeArray(h, s.Targets)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// writeArray writes the numbers of an array little-endian, after its precision and length.
func writeArray(h hash.Hash, a array.Array) {
	fmt.Fprintln(h, a.DType(), a.Len())
	writeNumbers(h, a.F32, func(b []byte, x float32) []byte { return binary.LittleEndian.AppendUint32(b, math.Float32bits(x)) })
	writeNumbers(h, a.F64, func(b []byte, x float64) []byte { return binary.LittleEndian.AppendUint64(b, math.Float64bits(x)) })
}

func writeNumbers[T any](w io.Writer, numbers []T, put func([]byte, T) []byte) {
	const piece = 8192 // numbers
	buffer := make([]byte, 0, 8*min(piece, len(numbers)))
	for start := 0; start < len(numbers); start += piece {
		buffer = buffer[:0]
		for _, x := range numbers[start:min(start+piece, len(numbers))] {
			buffer = put(buffer, x)
		}
		w.Write(buffer)
	}
}
