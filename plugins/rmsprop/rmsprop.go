// Package rmsprop divides by a running root mean square of gradients (Tieleman and Hinton, "Lecture 6.5: rmsprop", Coursera, 2012), if
// wanted by their standard deviation (Graves, arXiv:1308.0850).
package rmsprop

import "github.com/seed5b471a7e/backstitch/framework/optim"

// RMSprop scales each coordinate's step by the recent size of its gradient.
type RMSprop struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Alpha       float64 `toml:"alpha" doc:"decay of the running mean of squared gradients" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the mean" range:"(0,inf)"`
	Momentum    float64 `toml:"momentum" doc:"share of the previous direction that is kept" range:"[0,1)"`
	Centered    bool    `toml:"centered" doc:"divide by the standard deviation instead"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("rmsprop", "divides by a running root mean square of gradients", defaults)
}

func defaults() optim.Optimizer { return &RMSprop{LR: 0.01, Alpha: 0.99, Epsilon: 1e-8} }

// Step follows PyTorch's convention: epsilon is outside of the root. A variance that rounding makes negative is zero.
func (o *RMSprop) Step(s *optim.Step) {
	lr, alpha, epsilon := s.Hyper("lr", o.LR), s.Hyper("alpha", o.Alpha), s.Hyper("epsilon", o.Epsilon)
	for _, p := range s.Params() {
		g := p.PenalizedGradient(o.WeightDecay)
		square := p.MovingAverage("square", alpha, g.Square())
		if o.Centered {
			mean := p.MovingAverage("mean", alpha, g)
			square = square.Sub(mean.Square()).Relu()
		}
		direction := g.Div(square.Sqrt().Add(epsilon))
		if o.Momentum != 0 {
			direction = p.Slot("velocity").Mul(s.Hyper("momentum", o.Momentum)).Add(direction)
			p.SetSlot("velocity", direction)
		}
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}
