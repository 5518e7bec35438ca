package cli

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// summary is what a run prints at its end.
type summary struct {
	Folder string          `json:"folder"`
	Status run.Status      `json:"status"`
	Series []seriesSummary `json:"series"`
	Ratios []ratio         `json:"path_variability_ratios"`

	EvaluationShares map[string]float64 `json:"evaluation_shares"` // of the time, by arrangement
}

type seriesSummary struct {
	Arrangement     string              `json:"arrangement"`
	Seed            uint64              `json:"seed"`
	Iterate         int                 `json:"iterate"`
	Metrics         map[string]*float64 `json:"metrics"` // null where the chain diverged
	PathVariability *float64            `json:"path_variability"`
	GradientSteps   int64               `json:"gradient_steps"`
	HVPs            int64               `json:"hessian_vector_products,omitempty"`
	Seconds         float64             `json:"seconds"`
	Diverged        *run.Divergence     `json:"diverged,omitempty"`
}

// ratio is the median over seeds of an arrangement's path variability divided by the first one's.
type ratio struct {
	Arrangement string   `json:"arrangement"`
	To          string   `json:"to"`
	Median      *float64 `json:"median"`
}

func summarize(f *run.Folder) summary {
	s := summary{Folder: f.Path, Status: f.Info.Status, Series: []seriesSummary{}, Ratios: []ratio{}, EvaluationShares: map[string]float64{}}
	for _, series := range f.Series() {
		row := seriesSummary{
			Arrangement: series.Arrangement, Seed: series.Seed, Iterate: series.Lines[len(series.Lines)-1].Iterate,
			Metrics: map[string]*float64{}, PathVariability: orNull(series.PathVariability()),
			GradientSteps: series.GradientSteps(), HVPs: series.HVPs(), Seconds: series.Seconds(),
		}
		for _, m := range f.Info.Metrics {
			row.Metrics[m] = orNull(series.Last(m))
		}
		if d, is := series.Divergence(); is {
			row.Diverged = &d
		}
		s.Series = append(s.Series, row)
	}
	for _, a := range f.Info.Arrangements {
		if a.AverageOf == "" {
			s.EvaluationShares[a.Name] = a.EvaluationShare
		}
	}
	for _, a := range f.Info.Arrangements[1:] {
		first := f.Info.Arrangements[0].Name
		s.Ratios = append(s.Ratios, ratio{a.Name, first, orNull(f.VariabilityRatio(a.Name, first))})
	}
	return s
}

func orNull(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// metric writes the last value of a metric, or why there is none.
func (s seriesSummary) metric(name string) string {
	if s.Metrics[name] == nil && s.Diverged != nil {
		return "diverged"
	}
	return number(orNaN(s.Metrics[name]))
}

func (s seriesSummary) divergence() string {
	if s.Diverged == nil {
		return ""
	}
	return where(*s.Diverged)
}

// where says in words where a series diverged, as far as its evaluated iterates tell.
func where(d run.Divergence) string {
	if d.Iterate-d.Finite == 1 {
		return fmt.Sprintf("at iterate %d", d.Iterate)
	}
	return fmt.Sprintf("between iterates %d and %d", d.Finite, d.Iterate)
}

// diverged is one sentence about all that diverged, with what to try; "" if nothing did.
func diverged(list []run.Divergence) string {
	const named = 4
	var parts []string
	for _, d := range list[:min(named, len(list))] {
		parts = append(parts, fmt.Sprintf("%s, seed %d, %s", printable(d.Arrangement), d.Seed, where(d)))
	}
	if rest := len(list) - named; rest > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", rest))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("diverged: %s; try a lower learning rate, gradient clipping ([clipping] global_norm = 1.0), or a warm-up ([schedule] warmup = 100)",
		strings.Join(parts, "; "))
}

func printSummary(w io.Writer, f *run.Folder) error {
	s := summarize(f)
	header := []string{"arrangement", "seed", "iterate"}
	for _, m := range f.Info.Metrics {
		header = append(header, strings.ReplaceAll(m, "_", " "))
	}
	header = append(header, "path variability", "gradient steps")
	products := slices.ContainsFunc(s.Series, func(row seriesSummary) bool { return row.HVPs > 0 })
	if products {
		header = append(header, "Hessian-vector products")
	}
	header = append(header, "seconds")
	divergences := slices.ContainsFunc(s.Series, func(row seriesSummary) bool { return row.Diverged != nil })
	if divergences {
		header = append(header, "diverged")
	}
	t := newTable(w, header...)
	for _, row := range s.Series {
		cells := []string{row.Arrangement, fmt.Sprint(row.Seed), fmt.Sprint(row.Iterate)}
		for _, m := range f.Info.Metrics {
			cells = append(cells, row.metric(m))
		}
		cells = append(cells, number(orNaN(row.PathVariability)), count(row.GradientSteps))
		if products {
			cells = append(cells, count(row.HVPs))
		}
		cells = append(cells, fmt.Sprintf("%.1f", row.Seconds))
		if divergences {
			cells = append(cells, row.divergence())
		}
		t.row(cells...)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range s.Ratios {
		if r.Median != nil {
			fmt.Fprintf(w, "median path variability, %s / %s: %s\n", r.Arrangement, r.To, number(*r.Median))
		}
	}
	for _, a := range f.Info.Arrangements {
		if a.Merged > 0 {
			measured := "none of them was measured"
			if a.MergeError > 0 {
				measured = fmt.Sprintf("the largest measured error of a number is %.2g", a.MergeError)
			}
			fmt.Fprintf(w, "%s: %s merged with others; %s\n", a.Name, several(a.Merged, "iterate"), measured)
		}
	}
	var shares []string
	for _, a := range f.Info.Arrangements {
		if share, is := s.EvaluationShares[a.Name]; is {
			shares = append(shares, fmt.Sprintf("%s %.0f %%", a.Name, 100*share))
		}
	}
	fmt.Fprintf(w, "evaluation's share of the time: %s\n", strings.Join(shares, ", "))
	fmt.Fprintf(w, "report: %s\n", filepath.Join(f.Path, run.ReportFile))
	return nil
}
