package enginetest

import (
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// descent is gradient descent.
type descent struct{ rate float64 }

func (o descent) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value().Sub(p.Gradient().Mul(s.Hyper("lr", o.rate))))
	}
}

// averaging is gradient descent along a running mean that is corrected for its bias: it uses a slot, the time and a formula.
type averaging struct{ rate float64 }

func (o averaging) Step(s *optim.Step) {
	decay := s.Hyper("decay", 0.9)
	rate := s.Hyper("lr", o.rate).Div(decay.Pow(s.Time()).OneMinus())
	for _, p := range s.Params() {
		mean := p.Slot("mean").Mul(decay).Add(p.Gradient().Mul(decay.OneMinus()))
		p.SetSlot("mean", mean)
		p.Set(p.Value().Sub(mean.Mul(rate)))
	}
}

// swapping exchanges each parameter with its slot, unchanged: what is written is what is read.
type swapping struct{}

func (swapping) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Slot("other"))
		p.SetSlot("other", p.Value())
	}
}

// failing descends, and then takes an element of what it made of every parameter, by an index in a slot that names none from the second
// step on: the kernel fails once much of the step is computed.
type failing struct{ rate float64 }

func (o failing) Step(s *optim.Step) {
	index := s.Slot("index")
	sum := s.Const(0).Expr()
	for _, p := range s.Params() {
		mean := p.Slot("mean").Add(p.Gradient())
		p.SetSlot("mean", mean)
		next := p.Value().Sub(mean.Mul(s.Hyper("lr", o.rate)))
		p.Set(next)
		picked := ops.Apply(ops.Gather{}, next.Reshape(size(p.Shape())), index.Reshape(1))
		sum = sum.Add(picked.Sum(false))
	}
	s.SetSlot("index", sum.Scale(0).Shift(1e6))
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
