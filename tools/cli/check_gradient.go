package cli

import (
	"context"
	"errors"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// differenceSteps are tried in this order until one is good enough: a long step crosses the kinks of ReLU or MaxPool, a short one
// drowns in rounding. A wrong gradient is wrong with all of them.
var differenceSteps = []float64{1e-6, 1e-7, 1e-5, 1e-8}

// differentiate finds the gradient's error along random directions, or why there is none.
func (m *modelCheck) differentiate(ctx context.Context, out *outputCheck) error {
	t, err := m.prepare(out.Name, array.Float64)
	if errors.Is(err, program.ErrNothingTrained) {
		out.Unchecked = "the output depends on no parameter"
		return nil
	}
	if err != nil {
		return err
	}
	defer t.machine.Close()
	if t.rounds {
		out.Unchecked = "the file casts to 16 bits, and differences see the rounding that gradients pass through"
		return nil
	}
	gradient := array.New(array.Float64, t.state.Layout.Parameters())
	if _, err := t.machine.Gradient(ctx, t.state, t.batch, gradient); err != nil {
		return m.explain(err)
	}
	random := m.random("directions")
	for range m.directions {
		e, err := t.along(ctx, normal(random, gradient.Len()), gradient.F64, m.gradientTolerance)
		if err != nil {
			return err
		}
		out.Directions = append(out.Directions, e)
	}
	out.Worst = worst(out.Directions)
	return nil
}

// along returns the smallest error of the gradient along a direction, |difference − ⟨gradient, direction⟩| / ‖gradient‖, over the
// steps up to the first that is within the bound.
func (t *trial) along(ctx context.Context, direction, gradient []float64, bound float64) (relativeError, error) {
	derivative, square := 0.0, 0.0
	for i, g := range gradient {
		derivative += g * direction[i]
		square += g * g
	}
	smallest := relativeError(math.NaN())
	for _, h := range differenceSteps {
		above, err := t.loss(ctx, direction, h)
		if err != nil {
			return 0, err
		}
		below, err := t.loss(ctx, direction, -h)
		if err != nil {
			return 0, err
		}
		difference := (above - below) / (2 * h)
		e := relativeError(0)
		if difference != derivative {
			e = relativeError(math.Abs(difference-derivative) / math.Max(math.Sqrt(square), math.Abs(difference)))
		}
		if e < smallest || math.IsNaN(float64(smallest)) {
			smallest = e
		}
		if e.within(bound) {
			break
		}
	}
	return smallest, nil
}

// loss returns the loss at the state plus h times the direction.
func (t *trial) loss(ctx context.Context, direction []float64, h float64) (float64, error) {
	moved := t.state.Clone()
	parameters := moved.Parameters()
	for i, v := range direction {
		parameters.Set(i, parameters.At(i)+h*v)
	}
	// The graph of the gradient computes the loss that it differentiates.
	e, err := t.machine.Gradient(ctx, moved, t.batch, array.New(array.Float64, len(direction)))
	if err != nil {
		return 0, err
	}
	return e.Loss(), nil
}
