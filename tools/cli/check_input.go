package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// randomInput is one input of a model, filled with random numbers.
type randomInput struct {
	name    string
	dtype   onnx.DataType
	shape   []int
	numbers []float64
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
// if it was not given, becomes what the first input fixes, or 2.
func (m *modelCheck) draw() ([]randomInput, error) {
	var list []randomInput
	var first onnx.Dim
	for _, in := range m.source.Graph.Inputs {
		if slices.ContainsFunc(m.source.Graph.Initializers, func(t *onnx.Tensor) bool { return t.Name == in.Name }) {
			continue
		}
		if len(list) == 0 && len(in.Dims) > 0 {
			first = in.Dims[0]
		}
		shape, err := m.bind(in, first, len(list) == 0)
		if err != nil {
			return nil, err
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

// bind replaces the batch, as the import does: the first dimension of the model's first input, and what is declared like it. Other
// dimensions must be fixed.
func (m *modelCheck) bind(in *onnx.ValueInfo, first onnx.Dim, isFirst bool) ([]int, error) {
	shape := make([]int, len(in.Dims))
	for i, d := range in.Dims {
		if i == 0 && m.batch == 0 {
			m.batch = 2
			if d.Value >= 1 {
				m.batch = int(d.Value)
			}
		}
		switch {
		case i == 0 && (isFirst || d == first || d.Value < 0) || d.Param != "" && d.Param == first.Param:
			shape[i] = m.batch
		case d.Value >= 0:
			shape[i] = int(d.Value)
		default:
			return nil, exitError{fmt.Errorf("dimension %d of input %q, %v, is open", i, in.Name, d), exitFailure,
				fmt.Sprintf("give it a size: --dim %s", dimHint(d))}
		}
	}
	return shape, nil
}

func dimHint(d onnx.Dim) string {
	if d.Param == "" {
		return "?=16 (all dimensions without a name)"
	}
	return d.Param + "=16"
}

// fixDims gives open dimensions of the graph's inputs the sizes of settings such as sequence=16; those without a name are called "?".
func fixDims(g *onnx.Graph, settings []string) error {
	for _, setting := range settings {
		name, text, _ := strings.Cut(setting, "=")
		size, err := strconv.ParseInt(text, 10, 32)
		if err != nil || size < 1 {
			return exitError{fmt.Errorf("--dim is %q: want NAME=SIZE with a size from 1 on", setting), exitUsage, ""}
		}
		found := false
		for _, in := range g.Inputs {
			for i, d := range in.Dims {
				if d.Value < 0 && d.String() == name && (i > 0 || d.Param != "") {
					in.Dims[i] = onnx.FixedDim(size)
					found = true
				}
			}
		}
		if !found {
			return exitError{fmt.Errorf("--dim is %q: no input has an open dimension %q", setting, name), exitUsage, ""}
		}
	}
	return nil
}
