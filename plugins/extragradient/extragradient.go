// Package extragradient looks a step ahead and moves by the gradient there (Korpelevich, "The extragradient method for finding saddle points
// and other problems", Matecon 12, 1976).
package extragradient

import "github.com/seed5b471a7e/backstitch/framework/optim"

// Extragradient is gradient descent by the gradient one step ahead. A step costs two gradients.
type Extragradient struct {
	LR float64 `toml:"lr" doc:"learning rate, of the step and of the look ahead" range:"(0,inf)"`
}

func init() {
	optim.Register("extragradient", "gradient descent by the gradient one step ahead", defaults)
}

func defaults() optim.Optimizer { return &Extragradient{LR: 0.01} }

// Step takes both gradients on the same batch.
func (o *Extragradient) Step(s *optim.Step) {
	lr := s.Hyper("lr", o.LR)
	var ahead []optim.Expr
	for _, p := range s.Params() {
		ahead = append(ahead, p.Value().Sub(p.Gradient().Mul(lr)))
	}
	g := s.GradientAt(ahead)
	for i, p := range s.Params() {
		p.Set(p.Value().Sub(g[i].Mul(lr)))
	}
}
