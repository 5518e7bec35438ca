package engine

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// Correction is the second-order term in the update of a group of batches.
type Correction struct {
	Strength float64 // that multiplies it; 0: none
	Rate     float64 // the learning rate in it; 0: that of the optimizer, which must have a single one
}

// Moment returns the moment of a group's update on s, in which the newest batch stands for all.
func (c Correction) Moment(p *program.Program, s *optim.State, word []int) (optim.Moment, error) {
	newest := 0
	for _, k := range word {
		newest = max(newest, k)
	}
	m := p.Moment(s, newest)
	if c.Strength == 0 {
		return m, nil
	}
	rate := c.Rate
	if rate == 0 {
		var err error
		if rate, err = p.Rate(s, newest); err != nil {
			return m, fmt.Errorf("%w: the correction of a group needs a rate of its own", err)
		}
	}
	m.Correction = c.Strength * rate / 2
	return m, nil
}

// Together holds the batches of a group at once.
type Together struct {
	Batch Batch // whose inputs are those of [program.Program.Group]
	Noise []program.NoiseKey
}

// Read copies the batches of a word, which must be of one size, into memory that it used before.
func (t *Together) Read(batches Batches, word []int, inputs int) error {
	list := make([]array.Array, len(word)*(inputs+1))
	copy(list, t.Batch.Inputs)
	t.Noise = t.Noise[:0]
	for part, k := range word {
		b, err := batches.Batch(k)
		if err != nil {
			return fmt.Errorf("batch %d: %w", k, err)
		}
		switch {
		case len(b.Inputs) != inputs:
			return fmt.Errorf("batch %d has %d inputs, the model %d", k, len(b.Inputs), inputs)
		case part > 0 && b.Size != t.Batch.Size:
			return fmt.Errorf("batch %d of %d examples in a group with one of %d", k, b.Size, t.Batch.Size)
		}
		for i, x := range b.Inputs {
			hold(&list[part*inputs+i], x)
		}
		hold(&list[len(word)*inputs+part], b.Targets)
		t.Batch.Size, t.Noise = b.Size, append(t.Noise, b.Noise)
	}
	t.Batch.Inputs = list
	return nil
}

// hold copies numbers into memory that is made if it does not fit.
func hold(own *array.Array, x array.Array) {
	if own.Len() != x.Len() || own.DType() != x.DType() {
		*own = x.Clone()
		return
	}
	own.Copy(x)
}
