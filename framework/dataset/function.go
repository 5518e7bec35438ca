package dataset

import (
	"context"
	"fmt"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func init() {
	Register("sin", "regression on the graph of a sine, y = sin(2πt) at equidistant t (built in)",
		func() Source { return &Sin{Points: 100} })
	Register("sines", "regression on the graph of a sum of sines, y = (sin(2πt) + sin(6πt)) / 2 at equidistant t (built in)",
		func() Source { return &Sines{Points: 100} })
	Register("step", "regression on the graph of a step, y = -1 where t < 1/2, else 1, at equidistant t (built in)",
		func() Source { return &StepFunction{Points: 100} })
}

// Sin is a regression data set: the graph of y = sin(2πt) at equidistant t from 0 to 1, both included. The input is 2t − 1, of
// shape [1]; the target is y. There are no other points to test on: both splits are the same.
type Sin struct {
	Points int `toml:"points" doc:"number of points on the graph" range:"[2,1000000]"`
}

// Sines is like Sin, with y = (sin(2πt) + sin(6πt)) / 2: two frequencies.
type Sines struct {
	Points int `toml:"points" doc:"number of points on the graph" range:"[2,1000000]"`
}

// StepFunction is like Sin, with y = −1 where t < 1/2 and y = 1 elsewhere: what no network of continuous layers is equal to.
type StepFunction struct {
	Points int `toml:"points" doc:"number of points on the graph" range:"[2,1000000]"`
}

var (
	_ Source = (*Sin)(nil)
	_ Source = (*Sines)(nil)
	_ Source = (*StepFunction)(nil)
)

// Load computes the points in float64 and rounds them.
func (s *Sin) Load(context.Context) (*Dataset, error) {
	return graph("sin", s.Points, func(t float64) float64 { return math.Sin(2 * math.Pi * t) })
}

// Load computes the points in float64 and rounds them.
func (s *Sines) Load(context.Context) (*Dataset, error) {
	return graph("sines", s.Points, func(t float64) float64 { return (math.Sin(2*math.Pi*t) + math.Sin(6*math.Pi*t)) / 2 })
}

// Load computes the points in float64 and rounds them.
func (s *StepFunction) Load(context.Context) (*Dataset, error) {
	return graph("step", s.Points, func(t float64) float64 {
		if t < 0.5 {
			return -1
		}
		return 1
	})
}

func graph(name string, points int, y func(t float64) float64) (*Dataset, error) {
	if points < 2 {
		return nil, fmt.Errorf("data set %s: points = %d: a graph needs at least 2", name, points)
	}
	inputs, targets := make([]float32, points), make([]float32, points)
	for i := range points {
		t := float64(i) / float64(points-1)
		inputs[i] = float32(2*t - 1)
		targets[i] = float32(y(t))
	}
	split := &Split{Inputs: array.From32(inputs), Shape: []int{1}, Targets: array.From32(targets)}
	return &Dataset{Name: name, Train: split, Test: split}, nil
}
