package program

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// NoiseKey decides all noise inside T_k, such as Dropout's: the same key gives the same map wherever it stands in a word.
type NoiseKey struct {
	Seed  uint64 // of the run
	Batch uint64 // k, or the first of the batches that are the same as batch k
}

// Fill draws the numbers of noise input number index, uniformly from [0, 1). The model's inputs are numbered from 0 up, the optimizer's from
// −1 down, each in the order in which they are asked for. The numbers are multiples of 2⁻²⁴, so that both precisions see the same ones.
func (k NoiseKey) Fill(numbers array.Array, index int) { k.FillWith(new(rand.ChaCha8), numbers, index) }

// FillWith is Fill with a generator in which nothing counts that was in it before: a caller that keeps it allocates nothing.
func (k NoiseKey) FillWith(r *rand.ChaCha8, numbers array.Array, index int) {
	var seed [32]byte
	for i, v := range []uint64{k.Seed, k.Batch, uint64(index)} {
		binary.LittleEndian.PutUint64(seed[8*i:], v)
	}
	r.Seed(seed)
	for i := range numbers.F32 {
		numbers.F32[i] = float32(r.Uint64()>>40) / (1 << 24)
	}
	for i := range numbers.F64 {
		numbers.F64[i] = float64(r.Uint64()>>40) / (1 << 24)
	}
}
