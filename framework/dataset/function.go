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
}

// Sin is a regression data set: the graph of y = sin(2πt) at equidistant t from 0 to 1, both included. The input is 2t − 1, of
// shape [1]; the target is y. There are no other points to test on: both splits are the same.
type Sin struct {
	Points int `toml:"points" doc:"number of points on the graph" range:"[2,1000000]"`
}

var _ Source = (*Sin)(nil)

// Load computes the points in float64 and rounds them.
func (s *Sin) Load(context.Context) (*Dataset, error) {
	if s.Points < 2 {
		return nil, fmt.Errorf("data set sin: points = %d: a graph needs at least 2", s.Points)
	}
	inputs, targets := make([]float32, s.Points), make([]float32, s.Points)
	for i := range s.Points {
		t := float64(i) / float64(s.Points-1)
		inputs[i] = float32(2*t - 1)
		targets[i] = float32(math.Sin(2 * math.Pi * t))
	}
	split := &Split{Inputs: array.From32(inputs), Shape: []int{1}, Targets: array.From32(targets)}
	return &Dataset{Name: "sin", Train: split, Test: split}, nil
}
