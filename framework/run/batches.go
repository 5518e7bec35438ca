package run

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// batches hands out the training batches of one seed to one worker.
type batches struct {
	split     *dataset.Split
	sampler   *dataset.Sampler
	seed      uint64
	precision array.DType
	indices   []int
	buffer    dataset.Batch
	input     []array.Array // of the batch
}

// Batch returns the batch of T_k.
func (b *batches) Batch(k int) (engine.Batch, error) {
	if k < 1 {
		return engine.Batch{}, fmt.Errorf("there is no batch %d", k)
	}
	b.indices = b.sampler.Indices(k, b.indices)
	batch := gather(b.split, b.indices, b.precision, &b.buffer, b.input)
	b.input = batch.Inputs
	batch.Noise = program.NoiseKey{Seed: b.seed, Batch: uint64(b.sampler.Key(k))}
	return batch, nil
}

// gather reads examples into a buffer; the list of the batch's inputs, of which there is one, may be that of an earlier batch.
func gather(split *dataset.Split, indices []int, d array.DType, buffer *dataset.Batch, inputs []array.Array) engine.Batch {
	split.Gather(indices, d, buffer)
	return engine.Batch{Size: buffer.Size, Inputs: append(inputs[:0], buffer.Inputs), Targets: buffer.Targets}
}
