package optim

import (
	"fmt"
	"math"
)

// Uniform returns numbers drawn uniformly from [0, 1), as many as the parameter has and in its shape. They depend on the run's seed and on
// the batch of the step, and on nothing else, so that T_k stays the same map wherever it stands in a word. Each name is a draw of its own,
// and so is the model's noise. A plugin that draws noise needs the batch, so its update cannot be written for a given gradient.
func (p *Param) Uniform(name string) Expr {
	key := fmt.Sprintf("optimizer noise %q of %s", name, p.name)
	if x, drawn := p.step.noise[key]; drawn {
		return x
	}
	x := p.step.newInput(key, p.Shape())
	p.step.noise[key] = x
	p.step.draws = append(p.step.draws, x)
	return x
}

// Rademacher returns numbers that are −1 or 1, each with probability ½; see Uniform, of which it is a function.
func (p *Param) Rademacher(name string) Expr {
	below := p.Uniform(name).Neg().Shift(0.5).Step()
	return below.Scale(-2).Shift(1)
}

// Normal returns numbers drawn from the standard normal distribution, each from two uniform ones (Box and Muller, 1958); see Uniform.
func (p *Param) Normal(name string) Expr {
	radius := p.Uniform(name + ", radius").OneMinus().Log().Scale(-2).Sqrt() // of a number in (0, 1]
	return radius.Mul(p.Uniform(name + ", angle").Scale(2 * math.Pi).Cos())
}
