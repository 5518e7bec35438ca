package run

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Series is one arrangement with one seed: a curve in a plot, a row in a table.
type Series struct {
	Arrangement string
	Seed        uint64
	Lines       []Line // by iterate
}

// Series groups the lines by arrangement and seed, in the order of their first appearance.
func (f *Folder) Series() []Series {
	type name struct {
		arrangement string
		seed        uint64
	}
	var list []Series
	places := map[name]int{}
	for _, l := range f.Lines {
		at, known := places[name{l.Arrangement, l.Seed}]
		if !known {
			at = len(list)
			places[name{l.Arrangement, l.Seed}] = at
			list = append(list, Series{Arrangement: l.Arrangement, Seed: l.Seed})
		}
		list[at].Lines = append(list[at].Lines, l)
	}
	return list
}

// Last returns a metric at the last iterate, NaN if there is none.
func (s Series) Last(metric string) float64 {
	if len(s.Lines) == 0 {
		return math.NaN()
	}
	return s.Lines[len(s.Lines)-1].Metric(metric)
}

// Divergence says where the series diverged, if it did.
func (s Series) Divergence() (d Divergence, is bool) {
	d.Arrangement, d.Seed = s.Arrangement, s.Seed
	for _, l := range s.Lines {
		switch {
		case l.Diverged:
			if d.Iterates++; d.Iterates == 1 {
				d.Iterate = l.Iterate
			}
		case d.Iterates == 0:
			d.Finite = l.Iterate
		}
	}
	return d, d.Iterates > 0
}

// GradientSteps returns the steps spent on the series.
func (s Series) GradientSteps() (steps int64) {
	for _, l := range s.Lines {
		steps += int64(l.GradientSteps)
	}
	return steps
}

// HVPs returns the Hessian-vector products spent on the series.
func (s Series) HVPs() (products int64) {
	for _, l := range s.Lines {
		products += int64(l.HVPs)
	}
	return products
}

// Seconds returns the time spent on the series, summed over workers.
func (s Series) Seconds() (seconds float64) {
	for _, l := range s.Lines {
		seconds += l.Seconds
	}
	return seconds
}

// PathVariability is the standard deviation of the differences between consecutive training losses over the last third of the
// recorded iterates: how much the loss jumps from one iterate to the next. NaN with fewer than three differences, or where the
// series diverged.
func (s Series) PathVariability() float64 {
	last := s.Lines[len(s.Lines)-(len(s.Lines)+2)/3:]
	var differences []float64
	for i := 1; i < len(last); i++ {
		differences = append(differences, last[i].Metric("train_loss")-last[i-1].Metric("train_loss"))
	}
	if len(differences) < 3 {
		return math.NaN()
	}
	return stat.StdDev(differences, nil)
}

// Typical is the median of a metric over all recorded iterates, NaN if it has none.
func (s Series) Typical(metric string) float64 {
	var values []float64
	for _, l := range s.Lines {
		values = append(values, l.Metric(metric))
	}
	return Median(values)
}

// DisplacementFactor is the factor per iterate by which the distance between successive evaluated iterates changes: the exponential of
// the slope of the line that fits its logarithms best. NaN with fewer than three distances.
func (s Series) DisplacementFactor() float64 {
	var n, logs []float64
	for _, l := range s.Lines {
		if d := l.Metric(displacement); d > 0 {
			n, logs = append(n, float64(l.Iterate)), append(logs, math.Log(d))
		}
	}
	if len(n) < 3 {
		return math.NaN()
	}
	_, slope := stat.LinearRegression(n, logs, nil, false)
	return math.Exp(slope)
}

// Resets returns how many trials of an adaptive arrangement were accepted among the recorded iterates.
func (s Series) Resets() (accepted int) {
	for _, l := range s.Lines {
		if l.Accepted {
			accepted++
		}
	}
	return accepted
}

// Merged returns how many iterates have the end of another trajectory, and the largest measured error of that.
func (s Series) Merged() (count int, largest float64) {
	for _, l := range s.Lines {
		if l.Merged {
			count++
		}
		largest = max(largest, l.MergeError)
	}
	return count, largest
}

// VariabilityRatio is the median over seeds of one arrangement's path variability divided by another's; NaN if no seed has both.
func (f *Folder) VariabilityRatio(numerator, denominator string) float64 {
	variability := map[string]map[uint64]float64{}
	for _, s := range f.Series() {
		if variability[s.Arrangement] == nil {
			variability[s.Arrangement] = map[uint64]float64{}
		}
		variability[s.Arrangement][s.Seed] = s.PathVariability()
	}
	var ratios []float64
	for seed, v := range variability[numerator] {
		if ratio := v / variability[denominator][seed]; !math.IsInf(ratio, 0) {
			ratios = append(ratios, ratio)
		}
	}
	return Median(ratios)
}

// Median returns the middle of the numbers that are not NaN, NaN if there are none.
func Median(values []float64) float64 {
	x := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(x) == 0 {
		return math.NaN()
	}
	slices.Sort(x)
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}
