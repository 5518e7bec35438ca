package composetest

import (
	"context"
	"sync/atomic"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/compose/internal/plane"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// descent is gradient descent in the plane, which counts its work.
type descent struct {
	rate        float64
	period      int // after which batches come again, or 0
	steps, hvps *atomic.Int64
}

// batch returns the first of the batches that are the same as batch k.
func (d descent) batch(k int) int {
	if d.period == 0 {
		return k
	}
	return 1 + (k-1)%d.period
}

func (d descent) Apply(_ context.Context, s *optim.State, word []int) error {
	for _, k := range word {
		d.steps.Add(1)
		g := plane.Gradient(d.batch(k), s.Data.F64)
		for i := range g {
			s.Data.F64[i] -= d.rate * g[i]
		}
		s.Count++
	}
	return nil
}

func (d descent) Gradient(_ context.Context, s *optim.State, k int, gradient array.Array) error {
	d.steps.Add(1)
	g := plane.Gradient(d.batch(k), s.Data.F64)
	copy(gradient.F64, g[:])
	return nil
}

func (d descent) HVP(_ context.Context, s *optim.State, k int, direction, product array.Array) error {
	d.hvps.Add(1)
	h := plane.HVP(d.batch(k), s.Data.F64, direction.F64)
	copy(product.F64, h[:])
	return nil
}

func (d descent) Rate(*optim.State) (float64, error) { return d.rate, nil }

func (d descent) ApplyGroup(_ context.Context, s *optim.State, word []int, g compose.Group) error {
	d.steps.Add(int64(len(word)))
	if g.Strength != 0 {
		d.hvps.Add(int64(len(word)))
	}
	rate := g.Rate
	if rate == 0 {
		rate = d.rate
	}
	x := []float64{s.Data.F64[0], s.Data.F64[1]}
	for _, i := range word {
		gradient := plane.Gradient(d.batch(i), x)
		var others [2]float64
		for _, j := range word {
			if other := plane.Gradient(d.batch(j), x); j != i {
				others[0], others[1] = others[0]+other[0], others[1]+other[1]
			}
		}
		term := plane.HVP(d.batch(i), x, others[:])
		for p := range gradient {
			s.Data.F64[p] -= d.rate * (gradient[p] - g.Strength*rate/2*term[p])
		}
	}
	s.Count++
	return nil
}
