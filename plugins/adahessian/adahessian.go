// Package adahessian scales each coordinate's step by a running estimate of the Hessian's diagonal (Yao et al., "ADAHESSIAN: An Adaptive
// Second Order Optimizer for Machine Learning", arXiv:2006.00719).
package adahessian

import "github.com/seed5b471a7e/backstitch/framework/optim"

// AdaHessian is Adam with the diagonal of the Hessian in the place of the gradient in the second moment. A step that estimates it costs a
// Hessian-vector product.
type AdaHessian struct {
	LR      float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Beta1   float64 `toml:"beta1" doc:"decay of the running mean of gradients" range:"[0,1)"`
	Beta2   float64 `toml:"beta2" doc:"decay of the running mean of the squared diagonal" range:"[0,1)"`
	Epsilon float64 `toml:"epsilon" doc:"added to the root of the second moment" range:"(0,inf)"`
	optim.Periodic
	WeightDecay float64 `toml:"weight_decay" doc:"share of the parameter, times the learning rate, removed in each step" range:"[0,inf)"`
}

func init() {
	optim.Register("adahessian", "Adam with the Hessian's diagonal in the second moment", defaults)
}

func defaults() optim.Optimizer {
	return &AdaHessian{LR: 0.15, Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-4, Periodic: optim.Periodic{UpdateEvery: 1}}
}

// Step is Algorithm 1 of the paper, with the decay of weights as the authors' code has it. The second moment is corrected for the number of
// estimates that it has seen.
func (o *AdaHessian) Step(s *optim.Step) {
	lr, epsilon := s.Hyper("lr", o.LR), s.Hyper("epsilon", o.Epsilon)
	beta1, beta2 := s.Hyper("beta1", o.Beta1), s.Hyper("beta2", o.Beta2)
	every := int64(o.UpdateEvery)
	estimates := s.Count().Map("estimates", func(n float64) float64 { return float64(int64(n)/every + 1) })
	rate := lr.Div(beta1.Pow(s.Time()).OneMinus())
	correction2 := beta2.Pow(estimates).OneMinus().Sqrt()
	squares := o.squares(s, beta2)
	for i, p := range s.Params() {
		mean := p.MovingAverage("mean", beta1, p.Gradient())
		value := p.Value()
		if o.WeightDecay != 0 {
			value = value.Mul(lr.Mul(s.Hyper("weight_decay", o.WeightDecay)).OneMinus())
		}
		p.Set(value.Sub(mean.Mul(rate).Div(squares[i].Sqrt().Div(correction2).Add(epsilon))))
	}
}

// squares returns the running means of the squared diagonal, by Hutchinson's estimate: the product of the Hessian with random signs.
func (o *AdaHessian) squares(s *optim.Step, beta2 optim.Scalar) []optim.Expr {
	var squares, signs []optim.Expr
	if s.Phase() == optim.Reuse {
		for _, p := range s.Params() {
			squares = append(squares, p.Slot("square"))
		}
		return squares
	}
	for _, p := range s.Params() {
		signs = append(signs, p.Rademacher("signs"))
	}
	for i, product := range s.HVP(signs) {
		p := s.Params()[i]
		squares = append(squares, p.MovingAverage("square", beta2, averaged(product.Abs()).Square().Expand(p.Shape()...)))
	}
	return squares
}

// averaged takes the mean over a convolution's kernel, of which the diagonal is estimated as one.
func averaged(x optim.Expr) optim.Expr {
	if x.Rank() <= 2 {
		return x
	}
	var kernel []int
	for axis := 2; axis < x.Rank(); axis++ {
		kernel = append(kernel, axis)
	}
	return x.Mean(true, kernel...)
}
