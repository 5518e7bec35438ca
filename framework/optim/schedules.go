package optim

import (
	"errors"
	"math"
)

func init() {
	RegisterSchedule("constant", "the rate as it is given; with warmup, from its end on", func() Schedule { return Constant{} })
	RegisterSchedule("step", "falls by a factor every so many steps", func() Schedule { return &StepDecay{Gamma: 0.1} })
	RegisterSchedule("cosine", "falls along half a cosine, to its final share at the end", func() Schedule { return &Cosine{} })
	RegisterSchedule("one_cycle", "rises and falls along half cosines; the rate that is given is the highest", func() Schedule {
		return &OneCycle{Rise: 0.3, Start: 0.04, Final: 4e-6}
	})
	RegisterSchedule("inverse_sqrt", "falls as one over the square root of the steps", func() Schedule { return &InverseSqrt{Scale: 1} })
}

// Constant changes nothing.
type Constant struct{}

// Factor is 1.
func (Constant) Factor(t, end float64) float64 { return 1 }

// StepDecay multiplies the rate by Gamma every Every steps.
type StepDecay struct {
	Every int     `toml:"every" doc:"steps after which the rate falls, again and again" range:"[0,inf)"`
	Gamma float64 `toml:"gamma" doc:"what it is multiplied by then" range:"(0,inf)"`
}

// Validate asks for Every, for which there is no common value.
func (s *StepDecay) Validate() error {
	if s.Every == 0 {
		return errors.New("every is missing: the steps after which the rate falls")
	}
	return nil
}

// Factor is Gamma to the number of falls so far.
func (s *StepDecay) Factor(t, end float64) float64 {
	return math.Pow(s.Gamma, math.Floor(t/float64(s.Every)))
}

// Cosine is cosine annealing without restarts (Loshchilov and Hutter, arXiv:1608.03983, equation 5).
type Cosine struct {
	Final float64 `toml:"final" doc:"share of the rate that is left at the end" range:"[0,1]"`
}

// Factor falls from 1 to Final.
func (s *Cosine) Factor(t, end float64) float64 { return between(1, s.Final, t/end) }

// OneCycle is the one-cycle policy (Smith and Topin, arXiv:1708.07120) with cosines, as in torch.optim.lr_scheduler.OneCycleLR: the
// last of its steps has the final rate.
type OneCycle struct {
	Rise  float64 `toml:"rise" doc:"share of the steps in which the rate rises" range:"[0,1]"`
	Start float64 `toml:"start" doc:"share of the highest rate that the first step has" range:"[0,1]"`
	Final float64 `toml:"final" doc:"share of the highest rate that the last step has" range:"[0,1]"`
}

// Factor rises from Start to 1 and falls to Final.
func (s *OneCycle) Factor(t, end float64) float64 {
	peak, last := s.Rise*end-1, end-1
	if t < peak {
		return between(s.Start, 1, t/peak)
	}
	peak = max(0, peak)
	if t >= last {
		return s.Final
	}
	return between(1, s.Final, (t-peak)/(last-peak))
}

// InverseSqrt is the schedule of the Transformer (Vaswani et al., arXiv:1706.03762, section 5.3) if Scale is the warm-up.
type InverseSqrt struct {
	Scale int `toml:"scale" doc:"steps after which the rate has fallen by the square root of two; as in the Transformer: the warm-up's" range:"[1,inf)"`
}

// Factor is √(Scale/(Scale+t)).
func (s *InverseSqrt) Factor(t, end float64) float64 {
	return math.Sqrt(float64(s.Scale) / (float64(s.Scale) + t))
}

// between goes from a to b along half a cosine while x goes from 0 to 1.
func between(a, b, x float64) float64 { return b + (a-b)*(1+math.Cos(math.Pi*x))/2 }
