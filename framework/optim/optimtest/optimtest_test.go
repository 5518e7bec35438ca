package optimtest

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// good keeps every rule.
type good struct {
	LR    float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
	Decay float64 `toml:"decay" doc:"decay of the running mean" range:"[0,1)"`
	Delay int     `toml:"delay" doc:"steps over which the rate falls to its half" range:"[1,inf)"`
}

func newGood() optim.Optimizer { return &good{LR: 0.05, Decay: 0.9, Delay: 100} }

func (o *good) Step(s *optim.Step) {
	delay := s.Hyper("delay", float64(o.Delay))
	move(s, s.Hyper("lr", o.LR).Div(s.Count().Div(delay).Add(s.Const(1))), s.Hyper("decay", o.Decay))
}

// move is a step along the running mean of gradients.
func move(s *optim.Step, rate, decay optim.Scalar) {
	for _, p := range s.Params() {
		mean := p.Slot("mean").Mul(decay).Add(p.Gradient().Mul(decay.OneMinus()))
		p.SetSlot("mean", mean)
		p.Set(p.Value().Sub(mean.Mul(rate)))
	}
}

func TestAGoodPluginPasses(t *testing.T) { Run(t, newGood) }

// elaborate keeps every rule, and uses all that a step offers: its direction is the gradient at a point that noise decides, and in every
// third step the Hessian's product with noise scales it.
type elaborate struct {
	LR float64 `toml:"lr" doc:"learning rate" range:"(0,inf)"`
}

func (o *elaborate) Phases() int { return 2 }

func (o *elaborate) Phase(count int64) int { return min(int(count%3), 1) }

func (o *elaborate) Step(s *optim.Step) {
	var noise, point []optim.Expr
	for _, p := range s.Params() {
		noise = append(noise, p.Rademacher("noise"))
		point = append(point, p.Value().Add(p.Uniform("point").Scale(0.01)))
	}
	g, curvature := s.GradientAt(point), noise
	if s.Phase() == 0 {
		curvature = s.HVP(noise)
	}
	for i, p := range s.Params() {
		scale := p.Slot("scale")
		if s.Phase() == 0 {
			scale = curvature[i].Abs()
		}
		p.SetSlot("scale", scale)
		p.Set(p.Value().Sub(g[i].Div(scale.Shift(1)).Mul(s.Hyper("lr", o.LR))))
	}
}

func TestAGoodPluginThatUsesEverythingPasses(t *testing.T) {
	Run(t, func() optim.Optimizer { return &elaborate{LR: 0.05} })
}

// function is an optimizer without options.
type function func(s *optim.Step)

func (f function) Step(s *optim.Step) { f(s) }

// A plugin that breaks a rule is a function that writes its update; whatever it keeps outside, it keeps in its closure.
func broken(construct func() func(s *optim.Step)) func() optim.Optimizer {
	return func() optim.Optimizer { return function(construct()) }
}

// pure is a broken plugin that keeps nothing.
func pure(step func(s *optim.Step)) func() optim.Optimizer {
	return broken(func() func(*optim.Step) { return step })
}

// direct moves every parameter by rate times direction.
func direct(direction func(g optim.Expr) optim.Expr) func() optim.Optimizer {
	return pure(func(s *optim.Step) {
		for _, p := range s.Params() {
			p.Set(p.Value().Sub(direction(p.Gradient()).Mul(s.Const(0.05))))
		}
	})
}

// fading is a step whose rate falls with the number of steps that were taken anywhere.
func fading() func(*optim.Step) {
	var steps atomic.Int64
	return func(s *optim.Step) {
		move(s, s.Const(0.05).Map("fading", func(rate float64) float64 { return rate / float64(steps.Add(1)) }), s.Const(0.9))
	}
}

func TestABrokenPluginIsToldWhichRuleItBreaks(t *testing.T) {
	broke := map[string]bool{}
	for _, c := range []struct {
		name      string
		construct func() optim.Optimizer
		rule      string
		want      string // part of the explanation
	}{
		{
			"counts its calls in its struct", func() optim.Optimizer { return &counting{} },
			"Step writes the same update every time", "it must not count its calls",
		},
		{
			"keeps an expression of an earlier graph", func() optim.Optimizer { return &keeping{} },
			"the update is written for parameters of every rank in both precisions", "was it kept from an earlier step?",
		},
		{
			"counts its steps in a closure", broken(fading),
			"the same word on the same state gives the same bits", "a function given to Scalar.Map",
		},
		{
			"counts its steps in a closure, and is cloned", broken(fading),
			"a cloned state goes on as the original", "belongs into a slot or follows from Count",
		},
		{
			"draws its rate", pure(func(s *optim.Step) {
				move(s, s.Const(0.05).Map("random", func(rate float64) float64 { return rate * rand.Float64() }), s.Const(0.9))
			}),
			"the same word on the same state gives the same bits", "a function given to Scalar.Map",
		},
		{
			"draws a number while it writes", pure(func(s *optim.Step) { move(s, s.Const(0.05*rand.Float64()), s.Const(0.9)) }),
			"Step writes the same update every time", "It is called once for every graph",
		},
		{
			"counts its steps in a closure, on several workers", broken(fading),
			"every arrangement of steps is the same on any number of workers", "belongs into a slot or follows from Count",
		},
		{
			"counts its steps in a closure, on two engines", broken(fading),
			"a plan computes what the tape does", "but for rounding",
		},
		{
			"counts the questions for its phase", func() optim.Optimizer { return &restless{} },
			"the phase follows from the count", "must be a function of the count",
		},
		{
			"names a phase that it does not have", func() optim.Optimizer { return &phased{phase: func(count int64) int { return int(count) }} },
			"the phase follows from the count", "names phase 2 at the count 2, but its phases are 0 to 1",
		},
		{
			"has other slots in another phase", func() optim.Optimizer {
				return &phased{phase: func(count int64) int { return int(count % 2) }, step: func(s *optim.Step) {
					if s.Phase() == 0 {
						s.Params()[0].Slot("first")
					}
				}}
			},
			"the update is written for parameters of every rank in both precisions", "all phases must have the same slots",
		},
		{
			"asks for a point with too few parts", pure(func(s *optim.Step) {
				for _, p := range s.Params() {
					p.Set(s.GradientAt([]optim.Expr{p.Value()})[0])
				}
			}),
			"the update is written for parameters of every rank in both precisions", "the point has 1 parts, there are 8 parameters",
		},
		{
			"fails on what is not finite", direct(func(g optim.Expr) optim.Expr {
				numbers := g.Reshape(g.Shape().TotalSize())
				first := ops.Apply(ops.Gather{Axis: 0}, numbers, numbers.Scale(0)) // at index 0, or at none
				return g.Add(first.Scale(0).Reshape(g.Shape()...))
			}),
			"a gradient of NaN is survived", "must go on with NaN",
		},
		{
			"sees in a closure which words run", broken(func() func(*optim.Step) {
				last := 0.0
				return func(s *optim.Step) {
					move(s, s.Time().Map("jump", func(time float64) float64 { rate := 0.05 * (time - last); last = time; return rate }), s.Const(0.9))
				}
			}),
			"a word is its letters one after the other", "[1 2] and then [3] must be [1 2 3]",
		},
		{
			"remembers the first count it saw", broken(func() func(*optim.Step) {
				first := -1.0
				return func(s *optim.Step) {
					move(s, s.Count().Map("since the first", func(count float64) float64 {
						if first < 0 {
							first = count
						}
						return 0.05 / (1 + count - first)
					}), s.Const(0.9))
				}
			}),
			"all memory is in the state", "on a machine that never ran",
		},
		{
			"corrects its bias with Count", pure(func(s *optim.Step) {
				decay := s.Const(0.9)
				move(s, s.Const(0.05).Div(decay.Pow(s.Count()).OneMinus()), decay)
			}),
			"the first step is finite and moves", "a bias correction wants Time",
		},
		{
			"multiplies its rate by Count", pure(func(s *optim.Step) { move(s, s.Count().Mul(s.Const(0.05)), s.Const(0.9)) }),
			"the first step is finite and moves", "moves no parameter",
		},
		{
			"never sets a parameter", pure(func(s *optim.Step) { s.Params()[0].Set(s.Params()[0].Value()) }),
			"the update is written for parameters of every rank in both precisions", "is never set",
		},
		{
			"sets a parameter to a sum", pure(func(s *optim.Step) {
				for _, p := range s.Params() {
					p.Set(p.Gradient().Sum(false))
				}
			}),
			"the update is written for parameters of every rank in both precisions", "is set to a value of shape",
		},
		{
			"believes that all parameters are matrices", direct(func(g optim.Expr) optim.Expr { return g.Mul(g.Sum(true, 1)) }),
			"the update is written for parameters of every rank in both precisions", "axis",
		},
		{
			"panics", pure(func(s *optim.Step) { _ = s.Params()[100] }),
			"the update is written for parameters of every rank in both precisions", "the plugin panics",
		},
		{
			"writes another update where the gradient is given", broken(func() func(*optim.Step) {
				calls := 0
				return func(s *optim.Step) { // the third graph is the update's
					calls++
					move(s, s.Const(0.05*float64(1+calls/3)), s.Const(0.9))
				}
			}),
			"an update with the gradient is the step", "must be the step on the batch",
		},
		{
			"writes its option into the graph", func() optim.Optimizer { return &writing{LR: 0.05} },
			"a hyperparameter that is changed acts like the option", "must be written with the Scalar",
		},
		{
			"asks for a hyperparameter that is switched off", func() optim.Optimizer { return &asking{} },
			"a hyperparameter that is changed acts like the option", "Step must not ask for it",
		},
		{
			"gives a hyperparameter another value than the option's", func() optim.Optimizer { return &doubling{LR: 0.05} },
			"a hyperparameter that is changed acts like the option", "its default must be the option's value",
		},
		{
			"has a rate that no schedule can change", func() optim.Optimizer { return &rigid{LR: 0.05} },
			"a learning rate can be changed while a run goes on", `s.Hyper("lr", o.LR)`,
		},
		{
			"climbs", direct(func(g optim.Expr) optim.Expr { return g.Neg() }),
			"the loss of convex problems falls", "Does the update go against the gradient?",
		},
		{
			"underflows in float32", direct(func(g optim.Expr) optim.Expr { return g.Scale(1e-50).Scale(1e50) }),
			"float32 follows float64", "may vanish in float32",
		},
		{
			"divides by the gradient", direct(func(g optim.Expr) optim.Expr { return g.Div(g.Abs()) }),
			"a zero gradient gives finite numbers", "divide by something that is never zero",
		},
		{
			"divides by what vanishes in float32", direct(func(g optim.Expr) optim.Expr { return g.Div(g.Abs().Shift(1e-60)) }),
			"a zero gradient gives finite numbers", "in float32",
		},
		{
			"is constructed once", func() optim.Optimizer { return shared },
			"the constructor returns new values", "the same *optimtest.good twice",
		},
		{
			"is constructed by value", func() optim.Optimizer { return byValue{} },
			"the constructor returns new values", "not a pointer to it",
		},
		{
			"is not constructed", func() optim.Optimizer { return nil },
			"the constructor returns new values", "returns nil",
		},
		{
			"does not document an option", func() optim.Optimizer { return &undocumented{} },
			"options are documented and their defaults in range", "option rate has no doc tag",
		},
		{
			"has a default out of range", func() optim.Optimizer { return &good{Decay: 0.9, Delay: 1} },
			"options are documented and their defaults in range", "lr = 0 is out of range",
		},
		{
			"has two options of one name", func() optim.Optimizer { return &twice{} },
			"options are documented and their defaults in range", "two options are named rate",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			at := slices.IndexFunc(checks, func(known check) bool { return known.rule == c.rule })
			if at < 0 {
				t.Fatalf("no check is named %q", c.rule)
			}
			broke[c.rule] = true
			if err := checks[at].try(c.construct); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q finds %v, want %q", c.rule, err, c.want)
			}
		})
	}
	for _, known := range checks {
		if !broke[known.rule] {
			t.Errorf("no plugin breaks the rule %q", known.rule)
		}
	}
}

// phased is gradient descent with two phases.
type phased struct {
	phase func(count int64) int
	step  func(*optim.Step)
}

func (o *phased) Phases() int           { return 2 }
func (o *phased) Phase(count int64) int { return o.phase(count) }

func (o *phased) Step(s *optim.Step) {
	if o.step != nil {
		o.step(s)
	}
	move(s, s.Const(0.05), s.Const(0.9))
}

type restless struct {
	phased
	questions int
}

func (o *restless) Phase(int64) int {
	o.questions++
	return o.questions % 2
}

type counting struct{ calls float64 }

func (o *counting) Step(s *optim.Step) {
	o.calls++
	move(s, s.Const(0.05/o.calls), s.Const(0.9))
}

type keeping struct{ first optim.Expr }

func (o *keeping) Step(s *optim.Step) {
	p := s.Params()
	if o.first.Absent() {
		o.first = p[0].Value()
	}
	for _, p := range p {
		p.Set(p.Value())
	}
	p[0].Set(o.first)
}

type writing struct {
	LR float64 `toml:"lr" doc:"learning rate"`
}

func (o *writing) Step(s *optim.Step) {
	s.Hyper("lr", o.LR)
	move(s, s.Const(o.LR), s.Const(0.9))
}

type asking struct {
	Momentum float64 `toml:"momentum" doc:"share of the last direction that is kept"`
}

func (o *asking) Step(s *optim.Step) {
	momentum := s.Hyper("momentum", o.Momentum)
	if o.Momentum == 0 {
		momentum = s.Const(0)
	}
	move(s, s.Const(0.05), momentum)
}

type doubling struct {
	LR float64 `toml:"lr" doc:"learning rate"`
}

func (o *doubling) Step(s *optim.Step) { move(s, s.Hyper("lr", 2*o.LR), s.Const(0.9)) }

type rigid struct {
	LR float64 `toml:"lr" doc:"learning rate"`
}

func (o *rigid) Step(s *optim.Step) { move(s, s.Const(o.LR), s.Const(0.9)) }

var shared = newGood()

type byValue struct {
	LR float64 `toml:"lr" doc:"learning rate"`
}

func (o byValue) Step(s *optim.Step) { move(s, s.Hyper("lr", o.LR), s.Const(0.9)) }

type undocumented struct {
	Rate float64 `toml:"rate"`
}

func (o *undocumented) Step(s *optim.Step) { move(s, s.Hyper("rate", o.Rate), s.Const(0.9)) }

type twice struct {
	Rate  float64 `toml:"rate" doc:"learning rate"`
	Other float64 `toml:"rate" doc:"learning rate"`
}

func (o *twice) Step(s *optim.Step) { move(s, s.Hyper("rate", o.Rate), s.Const(0.9)) }
