package programtest

import (
	"math/rand/v2"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// Data hands out batches of random examples with standard normal inputs. Batch k is a function of k, its noise of the seed too.
type Data struct {
	Size   int                             // examples of a batch
	Input  []int                           // shape of an example
	Target func(input []float64) []float64 // what the model shall find
	Seed   uint64                          // of the noise in T_k
}

// Batch returns the batch of T_k.
func (d Data) Batch(k int) (engine.Batch, error) {
	random := rand.New(rand.NewPCG(uint64(k), 3))
	var inputs, targets []float64
	for range d.Size {
		x := make([]float64, size(d.Input))
		for i := range x {
			x[i] = random.NormFloat64()
		}
		inputs = append(inputs, x...)
		targets = append(targets, d.Target(x)...)
	}
	return engine.Batch{
		Size: d.Size, Inputs: []array.Array{array.From64(inputs)}, Targets: array.From64(targets),
		Noise: program.NoiseKey{Seed: d.Seed, Batch: uint64(k)},
	}, nil
}

// Largest is a target for classification: which of the first numbers of the input is the largest.
func Largest(classes int) func([]float64) []float64 {
	return func(x []float64) []float64 {
		class := 0
		for i, v := range x[:classes] {
			if v > x[class] {
				class = i
			}
		}
		return []float64{float64(class)}
	}
}

// Product is a target for regression: n numbers, each the product of neighbours in the input.
func Product(n int) func([]float64) []float64 {
	return func(x []float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = x[i%len(x)] * x[(i+1)%len(x)]
		}
		return y
	}
}
