package run

import (
	"encoding/json"
	"math"
	"testing"
)

func TestLineSurvivesTheFile(t *testing.T) {
	for text, l := range map[string]Line{
		`{"arrangement":"backward","seed":18446744073709551615,"iterate":17,"train_loss":0.5,"test_accuracy":1,"gradient_steps":17,"seconds":0.25}`: {
			Arrangement: "backward", Seed: math.MaxUint64, Iterate: 17,
			Metrics: []Metric{{"train_loss", 0.5}, {"test_accuracy", 1}}, GradientSteps: 17, Seconds: 0.25,
		},
		`{"arrangement":"a \"quoted\" name","seed":0,"iterate":1,"train_loss":null,"gradient_steps":0,"seconds":0,"diverged":true}`: {
			Arrangement: `a "quoted" name`, Iterate: 1, Metrics: []Metric{{"train_loss", math.NaN()}}, Diverged: true,
		},
	} {
		encoded, err := json.Marshal(l)
		if err != nil || string(encoded) != text {
			t.Errorf("encoded as %s, %v\nwant       %s", encoded, err, text)
		}
		var back Line
		if err := json.Unmarshal(encoded, &back); err != nil {
			t.Fatal(err)
		}
		again, _ := json.Marshal(back)
		if string(again) != text {
			t.Errorf("read back as %s, want %s", again, text)
		}
	}
}

func TestPathVariabilityIsTheSpreadOfDifferencesInTheLastThird(t *testing.T) {
	s := Series{}
	add := func(loss float64) {
		s.Lines = append(s.Lines, Line{Metrics: []Metric{{"train_loss", loss}}})
	}
	for range 8 { // the first two thirds do not count
		add(math.Pow(-100, float64(len(s.Lines))))
	}
	for _, loss := range []float64{1, 2, 1, 2} { // differences 1, −1, 1
		add(loss)
	}
	want := math.Sqrt((2*(1-1.0/3)*(1-1.0/3) + (1+1.0/3)*(1+1.0/3)) / 2)
	if got := s.PathVariability(); math.Abs(got-want) > 1e-12 {
		t.Errorf("path variability %v, want %v", got, want)
	}
	if got := (Series{Lines: s.Lines[:5]}).PathVariability(); !math.IsNaN(got) {
		t.Errorf("of five iterates it is %v, want none", got)
	}
	add(math.NaN())
	if got := s.PathVariability(); !math.IsNaN(got) {
		t.Errorf("of a diverged chain it is %v, want none", got)
	}
}

func TestVariabilityRatioIsTheMedianOverSeeds(t *testing.T) {
	f := &Folder{}
	add := func(arrangement string, seed uint64, jump float64) {
		for n := range 12 {
			f.Lines = append(f.Lines, Line{Arrangement: arrangement, Seed: seed, Iterate: n + 1,
				Metrics: []Metric{{"train_loss", jump * float64(n%2)}}})
		}
	}
	for seed, jump := range []float64{0.5, 0.1, 0.3} {
		add("forward", uint64(seed), 1)
		add("backward", uint64(seed), jump)
	}
	if got := f.VariabilityRatio("backward", "forward"); math.Abs(got-0.3) > 1e-12 {
		t.Errorf("ratio %v, want 0.3", got)
	}
	if got := f.VariabilityRatio("backward", "nothing"); !math.IsNaN(got) {
		t.Errorf("ratio to nothing %v, want none", got)
	}
}

func TestMedianPassesOverWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{3, math.NaN(), 1, 2}, 2},
		{[]float64{4, 1, 2, 3}, 2.5},
		{[]float64{math.NaN()}, math.NaN()},
		{nil, math.NaN()},
	} {
		if got := Median(c.values); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("median of %v is %v, want %v", c.values, got, c.want)
		}
	}
}
