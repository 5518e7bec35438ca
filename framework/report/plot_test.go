package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/plotter"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

func TestEverySeriesIsDrawnInItsColour(t *testing.T) {
	f := newFolder(t, []uint64{3, 4, 5}, 40)
	v := newView(f)
	a := newAxes("train_loss", v)
	for name, svg := range map[string][]byte{"grid": grid(v, "", "train_loss", a), "overlay": overlay(v, "", "train_loss", a)} {
		for _, arrangement := range v.arrangements {
			stroke := []byte("stroke:" + strings.ToUpper(string(arrangement.CSS())))
			if got := bytes.Count(svg, stroke); got != len(v.seeds) {
				t.Errorf("%s: %d curves of %s, want one for each of %d seeds", name, got, arrangement.Name, len(v.seeds))
			}
			if !bytes.Contains(svg, []byte(">"+arrangement.Name+"</text>")) {
				t.Errorf("%s: %s is not named", name, arrangement.Name)
			}
		}
		for _, seed := range v.seeds {
			if !bytes.Contains(svg, fmt.Appendf(nil, ">seed %d</text>", seed)) {
				t.Errorf("%s: seed %d is not named", name, seed)
			}
		}
	}
}

func TestColumnsAreForwardBackwardOthersAverages(t *testing.T) {
	f := &run.Folder{Info: run.Info{Arrangements: []run.ArrangementInfo{
		{Name: "tail", Kind: "average", AverageOf: "plain"},
		{Name: "windows", Kind: "order_average"},
		{Name: "late", Kind: "backward"},
		{Name: "plain", Kind: "forward"},
		{Name: "reset", Kind: "backward"},
	}}, Lines: []run.Line{{Arrangement: "backward", Seed: 1, Iterate: 1}}}
	var order, colours []string
	for _, a := range newView(f).arrangements {
		order = append(order, a.Name)
		colours = append(colours, string(a.CSS()))
	}
	if got, want := strings.Join(order, " "), "plain late reset backward windows tail"; got != want {
		t.Errorf("columns %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for i, c := range colours {
		if seen[c] {
			t.Errorf("%s has the colour of another arrangement", order[i])
		}
		seen[c] = true
	}
}

func TestRowsShareOneRangeOfValues(t *testing.T) {
	a, b := newFolder(t, []uint64{0, 1}, 40), newFolder(t, []uint64{1}, 90)
	b.Lines[100].Metrics[0].Value = 3.5
	both := newAxes("train_loss", newView(a), newView(b))
	if both.x.max != 90 {
		t.Errorf("iterates end at %v, want those of the longest run, 90", both.x.max)
	}
	if span := both.values[1]; !(span.max > 3.5 && span.max < 3.8) {
		t.Errorf("seed 1 spans %v, want a little more than the largest value of both runs, 3.5", span)
	}
	if span := both.values[0]; span.max > 3 {
		t.Errorf("seed 0 spans %v, which is not its own range", span)
	}
}

func TestScaleIsLogarithmicForLossesOfMoreThanTwoDecades(t *testing.T) {
	for _, tc := range []struct {
		metric   string
		low, top float64
		log      bool
	}{
		{"train_loss", 0.01, 1.1, true},
		{"train_loss", 0.02, 1.1, false},
		{"train_loss", 0, 1.1, false},
		{"train_loss", -1, 1.1, false},
		{"test_accuracy", 0.001, 0.9, false},
	} {
		f := &run.Folder{Lines: []run.Line{
			{Iterate: 1, Metrics: []run.Metric{{Name: tc.metric, Value: tc.top}}},
			{Iterate: 2, Metrics: []run.Metric{{Name: tc.metric, Value: tc.low}}},
		}}
		if got := newAxes(tc.metric, newView(f)).log; got != tc.log {
			t.Errorf("%s from %v to %v: logarithmic %t, want %t", tc.metric, tc.low, tc.top, got, tc.log)
		}
	}
}

func TestTicksAreRoundNumbers(t *testing.T) {
	for _, tc := range []struct {
		name string
		axes axes
		want string
	}{
		{"around one", axes{values: map[uint64]interval{0: {0.41, 2.38}}}, "0.5 1.0 1.5 2.0"},
		{"around zero", axes{values: map[uint64]interval{0: {-0.13, 0.12}}}, "-0.10 -0.05 0.00 0.05 0.10"},
		{"large and close", axes{values: map[uint64]interval{0: {12345677.1, 12345680.2}}}, "12345678 12345679 12345680"},
		{"tiny", axes{values: map[uint64]interval{0: {0, 3.1e-9}}}, "0 1e-09 2e-09 3e-09"},
		{"decades", axes{log: true, values: map[uint64]interval{0: {0.0007, 20}}}, "0.001 0.01 0.1 1 10"},
		{"little more than a decade", axes{log: true, values: map[uint64]interval{0: {0.4, 9}}}, "0.5 1 2 5"},
		{"many decades", axes{log: true, values: map[uint64]interval{0: {1.5e-9, 3e9}}}, "1e-05 0.1 1e+03 1e+07"},
	} {
		var labels []string
		for _, tick := range tc.axes.valueTicks(0) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
	for last, want := range map[float64]string{1: "0 1", 3: "0 1 2 3", 300: "0 100 200 300", 25000: "0 5000 10000 15000 20000 25000"} {
		var labels []string
		for _, tick := range (axes{x: interval{0, last}}).iterateTicks(3) {
			labels = append(labels, tick.Label)
		}
		if got := strings.Join(labels, " "); got != want {
			t.Errorf("iterates to %v: %s, want %s", last, got, want)
		}
	}
}

func TestTrace(t *testing.T) {
	missing := math.NaN()
	line := func(iterate int, value float64, diverged bool) run.Line {
		return run.Line{Iterate: iterate, Metrics: []run.Metric{{Name: "m", Value: value}}, Diverged: diverged}
	}
	for _, tc := range []struct {
		name   string
		lines  []run.Line
		pieces string
		marks  string
	}{
		{"a whole curve has one piece", []run.Line{line(1, 5, false), line(2, 6, false)}, "[[{1 5} {2 6}]]", "[]"},
		{"a chain ends at its last value", []run.Line{line(1, 5, false), line(2, missing, true), line(3, missing, true)}, "[[{1 5}]]", "[{1 5}]"},
		{"a curve goes on after an iterate that diverged alone",
			[]run.Line{line(1, 5, false), line(2, missing, true), line(3, 7, false)}, "[[{1 5}] [{3 7}]]", "[{1 5}]"},
		{"a divergence with nothing before it is marked where it is", []run.Line{line(1, missing, true), line(2, missing, true)}, "[]", "[{1 NaN}]"},
		{"a value that is only missing is passed over",
			[]run.Line{line(1, 5, false), line(2, missing, false), line(3, 7, false)}, "[[{1 5} {3 7}]]", "[]"},
		{"an infinite value is not drawn", []run.Line{line(1, 5, false), line(2, math.Inf(1), true)}, "[[{1 5}]]", "[{1 5}]"},
		{"nothing", nil, "[]", "[]"},
	} {
		c := trace(tc.lines, "m", 100)
		if pieces := fmt.Sprint(c.pieces); pieces != tc.pieces {
			t.Errorf("%s: pieces %s, want %s", tc.name, pieces, tc.pieces)
		}
		if marks := fmt.Sprint([]plotter.XY(c.diverged)); marks != tc.marks {
			t.Errorf("%s: marks %s, want %s", tc.name, marks, tc.marks)
		}
	}
}

func TestDivergenceIsMarked(t *testing.T) {
	f := newFolder(t, []uint64{0, 1}, 40)
	draws := func() int {
		v := newView(f)
		return bytes.Count(grid(v, "", "train_loss", newAxes("train_loss", v)), []byte("fill:#222222"))
	}
	before := draws()
	diverge(f, "forward", func(n int) bool { return n > 20 })
	if got := draws() - before; got != 2+1 {
		t.Errorf("%d marks and texts more than without divergence, want one mark for each of two seeds and the legend", got)
	}
}
