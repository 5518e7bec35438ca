package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// randomInput is one input of a model, filled with random numbers.
type randomInput struct {
	name    string
	dtype   onnx.DataType
	shape   []int
	numbers []float64
}

// tensor returns the input as a tensor of a file.
func (in randomInput) tensor() (*onnx.Tensor, error) {
	t := &onnx.Tensor{Name: in.name, DType: in.dtype}
	for _, n := range in.shape {
		t.Dims = append(t.Dims, int64(n))
	}
	switch in.dtype {
	case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
		return t.WithFloat64s(in.numbers)
	}
	integers := make([]int64, len(in.numbers))
	for i, v := range in.numbers {
		integers[i] = int64(v)
	}
	return t.WithInt64s(integers)
}

// random returns the generator of what has this name: what is drawn for one thing does not depend on others.
func (m *modelCheck) random(name string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return rand.New(rand.NewPCG(m.seed, hash.Sum64()))
}

func normal(random *rand.Rand, n int) []float64 {
	numbers := make([]float64, n)
	for i := range numbers {
		numbers[i] = random.NormFloat64()
	}
	return numbers
}

// draw fills the graph's inputs: floating-point ones with normal numbers, integers with 0 to range − 1, booleans with both. The batch,
// if it was not given, becomes what the first input fixes, or 2. Inputs with a fixed value have that.
func (m *modelCheck) draw() ([]randomInput, error) {
	fed, err := model.Feed(m.source, m.bindings.apply(model.Options{}))
	if err != nil {
		return nil, err
	}
	if m.batch == 0 {
		m.batch = model.TypicalBatch(fed)
	}
	var list []randomInput
	for _, in := range fed {
		shape := in.Shape(m.batch)
		if in.IsFixed() {
			numbers, err := in.Fixed(m.batch)
			if err != nil {
				return nil, err
			}
			list = append(list, randomInput{in.Name, in.DType, shape, numbers})
			continue
		}
		size, err := elements(shape)
		if err != nil {
			return nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		drawn := randomInput{in.Name, in.DType, shape, normal(m.random("input "+in.Name), size)}
		if limit := m.limit(in.DType); limit > 0 {
			random := m.random("input " + in.Name)
			for i := range drawn.numbers {
				drawn.numbers[i] = float64(random.IntN(limit))
			}
		}
		list = append(list, drawn)
	}
	return list, nil
}

// drawn returns the input of a name.
func (m *modelCheck) drawn(name string) randomInput {
	return m.inputs[slices.IndexFunc(m.inputs, func(in randomInput) bool { return in.name == name })]
}

// largestInput bounds the elements of an input: a small file can claim any number.
const largestInput = 1 << 28

func elements(shape []int) (int, error) {
	size := 1
	for _, n := range shape {
		if n > 0 && size > largestInput/n {
			return 0, fmt.Errorf("the shape %v has more than %s elements", shape, count(largestInput))
		}
		size *= n
	}
	return size, nil
}

// limit is what integers are drawn below, and 0 for floating-point numbers.
func (m *modelCheck) limit(dtype onnx.DataType) int {
	switch dtype {
	case onnx.Float, onnx.Double, onnx.Float16, onnx.BFloat16:
		return 0
	case onnx.Bool:
		return 2
	case onnx.Int8:
		return min(m.integers, 1<<7)
	case onnx.Uint8:
		return min(m.integers, 1<<8)
	}
	return m.integers
}

// explain adds to the error of a computation which integers were drawn: they may be no indices of the model's tables.
func (m *modelCheck) explain(err error) error {
	integer := func(in randomInput) bool { return m.limit(in.dtype) > 0 && in.dtype != onnx.Bool }
	if errors.Is(err, context.Canceled) || !slices.ContainsFunc(m.inputs, integer) {
		return err
	}
	return exitError{err, exitFailure, fmt.Sprintf("integer inputs were drawn from 0 to %d: --range N draws them below N", m.integers-1)}
}
