// Package sgd is stochastic gradient descent, with momentum (Polyak, 1964), Nesterov's variant (Sutskever et al., 2013) and weight
// decay as an L2 penalty.
package sgd

import (
	"errors"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// SGD moves against the gradient.
type SGD struct {
	LR          float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Momentum    float64 `toml:"momentum" doc:"share of the previous direction that is kept" range:"[0,1)"`
	Dampening   float64 `toml:"dampening" doc:"share of every gradient but the first that does not join the direction; needs momentum" range:"[0,1]"`
	Nesterov    bool    `toml:"nesterov" doc:"look ahead along the new direction; needs momentum"`
	WeightDecay float64 `toml:"weight_decay" doc:"L2 penalty: this times the parameter joins the gradient" range:"[0,inf)"`
}

func init() {
	optim.Register("sgd", "stochastic gradient descent: momentum, Nesterov, weight decay", defaults)
}

func defaults() optim.Optimizer { return &SGD{LR: 0.01} }

// Validate refuses what has no effect, or none that was meant, without momentum: there is no direction to look ahead along, or to join.
func (o *SGD) Validate() error {
	switch {
	case o.Nesterov && o.Momentum == 0:
		return errors.New("nesterov needs momentum > 0")
	case o.Dampening != 0 && o.Momentum == 0:
		return errors.New("dampening needs momentum > 0")
	}
	return nil
}

// Step follows PyTorch's convention: the velocity is a sum of gradients, and the learning rate multiplies it on use.
func (o *SGD) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	for _, p := range s.Params() {
		direction := p.PenalizedGradient(o.WeightDecay)
		if o.Momentum != 0 {
			momentum := s.Hyper("momentum", o.Momentum)
			velocity := p.Slot("velocity").Mul(momentum).Add(o.dampened(s, direction))
			p.SetSlot("velocity", velocity)
			if o.Nesterov {
				velocity = direction.Add(velocity.Mul(momentum))
			}
			direction = velocity
		}
		p.Set(p.Value().Sub(direction.Mul(lr)))
	}
}

// dampened is what joins the velocity: all of the first gradient, and a share of later ones.
func (o *SGD) dampened(s *optim.Step, direction optim.Expr) optim.Expr {
	if o.Dampening == 0 {
		return direction
	}
	return direction.Mul(s.Count().Map2("joins", s.Hyper("dampening", o.Dampening), func(count, dampening float64) float64 {
		if count == 0 {
			return 1
		}
		return 1 - dampening
	}))
}
