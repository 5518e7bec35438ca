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
}

// Batch returns the batch of T_k.
func (b *batches) Batch(k int) (engine.Batch, error) {
	if k < 1 {
		return engine.Batch{}, fmt.Errorf("there is no batch %d", k)
	}
	b.indices = b.sampler.Indices(k, b.indices)
	batch := gather(b.split, b.indices, b.precision, &b.buffer)
	batch.Noise = program.NoiseKey{Seed: b.seed, Batch: uint64(b.sampler.Key(k))}
	return batch, nil
}

func gather(split *dataset.Split, indices []int, d array.DType, buffer *dataset.Batch) engine.Batch {
	split.Gather(indices, d, buffer)
	return engine.Batch{Size: buffer.Size, Inputs: []array.Array{buffer.Inputs}, Targets: buffer.Targets}
}
