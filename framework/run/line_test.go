package run

import (
	"encoding/json"
	"math"
	"slices"
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
		`{"arrangement":"lie","seed":2,"iterate":3,"gradient_steps":1,"hessian_vector_products":2,"seconds":0.000001,"merged":true,"accepted":true}`: {
			Arrangement: "lie", Seed: 2, Iterate: 3, GradientSteps: 1, HVPs: 2, Seconds: 1.2e-6, Merged: true, Accepted: true,
		},
		`{"arrangement":"backward","seed":0,"iterate":4,"train_loss":null,"gradient_steps":4,"seconds":2,"merge_error":2.5e-07}`: {
			Arrangement: "backward", Iterate: 4, Metrics: []Metric{{"train_loss", math.Inf(1)}}, GradientSteps: 4, Seconds: 2, MergeError: 2.5e-7,
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
	for _, n := range []int{1, 5, 9} { // of nine, three are the last third, which have two differences
		if got := (Series{Lines: s.Lines[:n]}).PathVariability(); !math.IsNaN(got) {
			t.Errorf("of %d iterates it is %v, want none", n, got)
		}
	}
	if got := (Series{Lines: s.Lines[:10]}).PathVariability(); math.IsNaN(got) { // rounded up: four
		t.Error("of ten iterates there is none")
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

func TestASeriesIsSummedUp(t *testing.T) {
	s := Series{Arrangement: "a", Seed: 7}
	for n := 1; n <= 6; n++ {
		l := Line{Iterate: 10 * n, GradientSteps: n, HVPs: 2 * n, Seconds: 0.5, Accepted: n%3 == 0, Merged: n > 4, Metrics: []Metric{
			{"train_loss", float64(n)}, {displacement, 3 * math.Pow(0.5, float64(n))}}} // halved in ten iterates
		if n == 4 {
			l.MergeError = 0.25
		}
		s.Lines = append(s.Lines, l)
	}
	s.Lines = append(s.Lines, Line{Iterate: 70, Metrics: []Metric{{"train_loss", 0.5}, {displacement, math.NaN()}}, MergeError: 0.125})
	merged, largest := s.Merged()
	for what, c := range map[string]struct{ got, want float64 }{
		"gradient steps":             {float64(s.GradientSteps()), 21},
		"Hessian-vector products":    {float64(s.HVPs()), 42},
		"seconds":                    {s.Seconds(), 3},
		"resets":                     {float64(s.Resets()), 2},
		"merged":                     {float64(merged), 2},
		"the largest merge error":    {largest, 0.25},
		"the last training loss":     {s.Last("train_loss"), 0.5},
		"the typical training loss":  {s.Typical("train_loss"), 3},
		"the factor of displacement": {s.DisplacementFactor(), math.Pow(0.5, 0.1)},
	} {
		if math.Abs(c.got-c.want) > 1e-12 {
			t.Errorf("%s: %v, want %v", what, c.got, c.want)
		}
	}
	if _, is := s.Divergence(); is {
		t.Error("a series without a diverged line diverged")
	}
	if got := (Series{Lines: s.Lines[:2]}).DisplacementFactor(); !math.IsNaN(got) {
		t.Errorf("two displacements have the factor %v, want none", got)
	}
	if got := (Series{}).Last("train_loss"); !math.IsNaN(got) {
		t.Errorf("the last of no lines is %v", got)
	}
	s.Lines[3].Diverged, s.Lines[5].Diverged = true, true
	if got, is := s.Divergence(); !is || got != (Divergence{Arrangement: "a", Seed: 7, Iterate: 40, Finite: 30, Iterates: 2}) {
		t.Errorf("it diverged as %+v", got)
	}
}

func TestMedianIsTheMiddleOfTheNumbers(t *testing.T) {
	for _, c := range []struct {
		of   []float64
		want float64
	}{
		{[]float64{3}, 3}, {[]float64{4, 1}, 2.5}, {[]float64{9, 1, 4}, 4}, {[]float64{8, 1, math.NaN(), 2, 6}, 4}, {[]float64{math.NaN()}, math.NaN()}, {nil, math.NaN()},
	} {
		given := slices.Clone(c.of)
		if got := Median(c.of); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("the median of %v is %v, want %v", c.of, got, c.want)
		}
		for i := range given {
			if given[i] != c.of[i] && !math.IsNaN(given[i]) {
				t.Errorf("the numbers were reordered: %v, they were %v", c.of, given)
			}
		}
	}
}
