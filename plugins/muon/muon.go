// Package muon moves matrices by their momentum made nearly orthogonal (Jordan et al., "Muon: An optimizer for hidden layers in neural
// networks", kellerjordan.github.io/posts/muon, 2024), and everything else as AdamW does.
package muon

import (
	"math"

	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// Muon gives all singular values of a matrix's step about the same size. A filter of a convolution is a row of a matrix.
type Muon struct {
	LR          float64 `toml:"lr" doc:"learning rate of matrices: about the size of a step's singular values" range:"(0,inf)"`
	Momentum    float64 `toml:"momentum" doc:"share of the previous direction that is kept, of matrices" range:"[0,1)"`
	Nesterov    bool    `toml:"nesterov" doc:"look ahead along the new direction"`
	AdamLR      float64 `toml:"adam_lr" doc:"learning rate of what is no matrix" range:"(0,inf)"`
	Beta1       float64 `toml:"beta1" doc:"decay of the running mean of gradients, of what is no matrix" range:"[0,1)"`
	Beta2       float64 `toml:"beta2" doc:"decay of the running mean of squared gradients, of what is no matrix" range:"[0,1)"`
	Epsilon     float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times its learning rate, removed in each step" range:"[0,inf)"`
}

func init() {
	optim.Register("muon", "moves matrices by orthogonalized momentum, and the rest as AdamW", defaults)
}

func defaults() optim.Optimizer {
	return &Muon{LR: 0.02, Momentum: 0.95, Nesterov: true, AdamLR: 3e-4, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-10}
}

// Step treats each parameter by its rank.
func (o *Muon) Step(s *optim.Step) {
	for _, p := range s.Params() {
		if len(p.Shape()) < 2 {
			o.moments(s, p)
		} else {
			o.orthogonal(s, p)
		}
	}
}

// orthogonal is the update of a matrix. The factor for matrices with more rows than columns keeps the size of what a layer's output
// changes by.
func (o *Muon) orthogonal(s *optim.Step, p *optim.Param) {
	lr, momentum := s.Hyper("lr", o.LR), s.Hyper("momentum", o.Momentum)
	g := p.Gradient()
	velocity := p.Slot("velocity").Mul(momentum).Add(g)
	p.SetSlot("velocity", velocity)
	if o.Nesterov {
		velocity = g.Add(velocity.Mul(momentum))
	}
	shape := p.Shape()
	rows, columns := shape[0], 1
	for _, n := range shape[1:] {
		columns *= n
	}
	direction := orthogonalized(velocity.Reshape(rows, columns), rows > columns).Reshape(shape...)
	scale := math.Sqrt(max(1, float64(rows)/float64(columns)))
	p.Set(o.decayed(s, p, lr).Sub(direction.Mul(lr.Mul(s.Const(scale)))))
}

// rounds is how often a matrix is made more orthogonal.
const rounds = 5

// orthogonalized is U·Vᵀ for a matrix U·Σ·Vᵀ, about: singular values come to between 0.7 and 1.2 by five rounds of a polynomial whose
// coefficients the authors chose for speed.
func orthogonalized(x optim.Expr, tall bool) optim.Expr {
	if tall {
		x = x.Transpose(1, 0) // products of rows are fewer
	}
	x = x.Div(optim.Norm(x).Shift(1e-7))
	for range rounds {
		a := x.MatMul(x.Transpose(1, 0))
		x = x.Scale(3.4445).Add(a.Scale(-4.7750).Add(a.MatMul(a).Scale(2.0315)).MatMul(x))
	}
	if tall {
		x = x.Transpose(1, 0)
	}
	return x
}

// moments is AdamW.
func (o *Muon) moments(s *optim.Step, p *optim.Param) {
	lr, epsilon := s.Hyper("adam_lr", o.AdamLR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2 := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2)
	rate := lr.Div(beta1.Pow(s.Time()).OneMinus())
	correction2 := beta2.Pow(s.Time()).OneMinus().Sqrt()
	g := p.Gradient()
	mean := p.MovingAverage("mean", beta1, g)
	square := p.MovingAverage("square", beta2, g.Square())
	p.Set(o.decayed(s, p, lr).Sub(mean.Mul(rate).Div(square.Sqrt().Div(correction2).Add(epsilon))))
}

// decayed is a parameter without a share of it.
func (o *Muon) decayed(s *optim.Step, p *optim.Param, lr optim.Scalar) optim.Expr {
	if o.WeightDecay == 0 {
		return p.Value()
	}
	return p.Value().Mul(lr.Mul(s.Hyper("weight_decay", o.WeightDecay)).OneMinus())
}
