package report

import (
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// interval is what an axis spans.
type interval struct{ min, max float64 }

// nothing is the interval that include grows from.
var nothing = interval{math.Inf(1), math.Inf(-1)}

func (i interval) include(v float64) interval { return interval{min(i.min, v), max(i.max, v)} }

func (i interval) empty() bool { return i.min > i.max }

// axes is what the panels of one metric share: the iterates, and for each seed the range of values, so that along a row heights can
// be compared.
type axes struct {
	log    bool
	x      interval
	values map[uint64]interval
}

// newAxes spans the values that the runs have of a metric. A loss or a distance is drawn on a logarithmic scale if it covers more than
// two decades.
func newAxes(metric string, views ...*view) axes {
	a := axes{x: interval{0, 1}, values: map[uint64]interval{}}
	all := nothing
	for _, v := range views {
		for _, seed := range v.seeds {
			if _, known := a.values[seed]; !known {
				a.values[seed] = nothing
			}
		}
		for of, series := range v.series {
			span := a.values[of.seed]
			for _, l := range series.Lines {
				a.x = a.x.include(float64(l.Iterate))
				if value := drawn(l.Metric(metric)); drawable(value) {
					span = span.include(value)
					all = all.include(value)
				}
			}
			a.values[of.seed] = span
		}
	}
	a.log = (strings.HasSuffix(metric, "loss") || metric == "displacement") && all.min > 0 && all.max > 100*all.min
	for seed, span := range a.values {
		a.values[seed] = a.widen(span)
	}
	return a
}

// widen adds a margin, and makes an interval that has no values, no width, or next to none, one that can be drawn.
func (a axes) widen(i interval) interval {
	const margin = 0.05
	switch {
	case i.empty() && a.log:
		return interval{1, 10}
	case i.empty():
		return interval{0, 1}
	case a.log:
		factor := math.Exp(margin * max(math.Log(i.max)-math.Log(i.min), 0.1))
		return interval{i.min / factor, i.max * factor}
	default:
		width := max(i.max-i.min, 1e-6*max(math.Abs(i.min), math.Abs(i.max)), 1e-12)
		return interval{i.min - margin*width, i.max + margin*width}
	}
}

// The sizes of numbers that are drawn keep the arithmetic of scales, linear and logarithmic, finite.
const (
	largestDrawn  = 1e150
	smallestDrawn = 1e-200
)

// drawable reports whether a value has a place on an axis.
func drawable(v float64) bool { return math.Abs(v) < largestDrawn }

// drawn returns the value that is drawn: 0 for one that is next to it.
func drawn(v float64) float64 {
	if math.Abs(v) < smallestDrawn {
		return 0
	}
	return v
}

// iterateTicks returns about so many labelled iterates.
func (a axes) iterateTicks(about int) []plot.Tick { return evenly(a.x, about, 1) }

// valueTicks returns the labelled values of a seed.
func (a axes) valueTicks(seed uint64) []plot.Tick {
	if a.log {
		return decades(a.values[seed])
	}
	return evenly(a.values[seed], 3, 0)
}

// evenly returns about so many multiples of a round number that is not below the least step.
func evenly(i interval, about int, least float64) []plot.Tick {
	rough := max((i.max-i.min)/float64(about), least)
	exponent := math.Floor(math.Log10(rough))
	step := math.Pow(10, exponent)
	for _, factor := range []float64{5, 2} {
		if factor*step <= rough*1.01 {
			step *= factor
			break
		}
	}
	largest := max(math.Abs(i.min), math.Abs(i.max))
	var ticks []plot.Tick
	for k := math.Ceil(i.min / step); k*step <= i.max; k++ {
		value := k*step + 0 // never minus zero
		label := strconv.FormatFloat(value, 'f', int(max(0, -exponent)), 64)
		if largest >= 1e6 || exponent < -5 {
			label = strconv.FormatFloat(value, 'g', int(math.Log10(largest)-exponent)+2, 64)
		}
		ticks = append(ticks, plot.Tick{Value: value, Label: label})
	}
	return ticks
}

// decades returns powers of ten, at most about five of them; in a short interval their doubles and halves too.
func decades(i interval) []plot.Tick {
	first, last := int(math.Floor(math.Log10(i.min))), int(math.Floor(math.Log10(i.max)))
	stride := max(1, (last-first+4)/5)
	factors := []float64{1}
	if i.max < 100*i.min {
		factors = []float64{1, 2, 5}
	}
	var ticks []plot.Tick
	for e := first; e <= last; e += stride {
		for _, factor := range factors {
			if value := factor * math.Pow10(e); value >= i.min && value <= i.max {
				ticks = append(ticks, plot.Tick{Value: value, Label: strconv.FormatFloat(value, 'g', 3, 64)})
			}
		}
	}
	return ticks
}
