package report

import (
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// seedRow is one series in the table of all of them.
type seedRow struct {
	Arrangement arrangement
	Seed        uint64
	Group       int // the number of rows of the seed that begins with this row, 0 within it
	Iterate     int
	Diverged    bool
	Final       []float64 // by metric
	Variability float64
	Ratio       float64 // of the path variability to the reference's with the same seed
	Steps       int64
	HVPs        int64
	Seconds     float64
	Resets      int // accepted trials
}

// seedRows lists the series, those of one seed together.
func seedRows(v *view) []seedRow {
	var rows []seedRow
	of := map[uint64][]arrangement{}
	for _, a := range v.arrangements {
		for _, seed := range v.seedsOf[a.Name] {
			of[seed] = append(of[seed], a)
		}
	}
	for _, seed := range v.seeds {
		start := len(rows)
		for _, a := range of[seed] {
			s := v.series[key{a.Name, seed}]
			last := s.Lines[len(s.Lines)-1]
			r := seedRow{
				Arrangement: a, Seed: seed, Iterate: last.Iterate, Diverged: last.Diverged,
				Variability: s.PathVariability(), Ratio: math.NaN(), Steps: s.GradientSteps(), HVPs: s.HVPs(),
				Seconds: s.Seconds(), Resets: s.Resets(),
			}
			for _, metric := range v.folder.Info.Metrics {
				r.Final = append(r.Final, last.Metric(metric))
			}
			rows = append(rows, r)
		}
		group := rows[start:]
		if len(group) > 0 {
			group[0].Group = len(group)
		}
		compareVariability(v, group)
	}
	return rows
}

// compareVariability fills in the ratios of the rows of one seed.
func compareVariability(v *view, group []seedRow) {
	reference, ok := v.reference()
	at := slices.IndexFunc(group, func(r seedRow) bool { return r.Arrangement.Name == reference.Name })
	if !ok || at < 0 {
		return
	}
	for i := range group {
		if ratio := group[i].Variability / group[at].Variability; i != at && !math.IsInf(ratio, 0) {
			group[i].Ratio = ratio
		}
	}
}

// arrangementRow is one arrangement over all seeds.
type arrangementRow struct {
	Arrangement    arrangement
	Seeds          int
	Diverged       int       // of these seeds
	Final          []float64 // medians, by metric
	Variability    float64   // median
	Ratio          float64   // median
	Lowest         float64   // ratio
	Highest        float64
	Steps          int64
	HVPs           int64
	Seconds        float64
	EvaluationPart float64 // of the time
	Resets         int     // accepted trials
}

// contractionRow is how the steps along one arrangement's iterates contract: medians over seeds.
type contractionRow struct {
	Arrangement arrangement
	Distance    float64 // the factor of the distance of two near states
	Losses      float64 // of the sum of their losses
	Observed    float64 // of the distance between successive iterates, for each iterate
}

// contractionRows lists the arrangements that a run has diagnostics of.
func contractionRows(v *view) []contractionRow {
	var rows []contractionRow
	for _, a := range v.arrangements {
		if a.rank() == average {
			continue // no step leads from one to the next
		}
		var distances, losses, observed []float64
		for _, seed := range v.seedsOf[a.Name] {
			s := v.series[key{a.Name, seed}]
			distances = append(distances, s.Typical("contraction"))
			losses = append(losses, s.Typical("loss_contraction"))
			observed = append(observed, s.DisplacementFactor())
		}
		r := contractionRow{a, run.Median(distances), run.Median(losses), run.Median(observed)}
		if !math.IsNaN(r.Distance) || !math.IsNaN(r.Losses) || !math.IsNaN(r.Observed) {
			rows = append(rows, r)
		}
	}
	return rows
}

// arrangementRows summarizes the rows of the seeds.
func arrangementRows(v *view, rows []seedRow) []arrangementRow {
	of := map[string][]seedRow{}
	for _, s := range rows {
		of[s.Arrangement.Name] = append(of[s.Arrangement.Name], s)
	}
	var summary []arrangementRow
	for _, a := range v.arrangements {
		r := arrangementRow{Arrangement: a, Lowest: math.NaN(), Highest: math.NaN(), EvaluationPart: evaluationPart(a.ArrangementInfo)}
		final := make([][]float64, len(v.folder.Info.Metrics))
		var variabilities, ratios []float64
		for _, s := range of[a.Name] {
			r.Seeds++
			if s.Diverged {
				r.Diverged++
			}
			for i, value := range s.Final {
				final[i] = append(final[i], value)
			}
			variabilities = append(variabilities, s.Variability)
			if !math.IsNaN(s.Ratio) {
				ratios = append(ratios, s.Ratio)
			}
			r.Steps += s.Steps
			r.HVPs += s.HVPs
			r.Seconds += s.Seconds
			r.Resets += s.Resets
		}
		for _, values := range final {
			r.Final = append(r.Final, run.Median(values))
		}
		r.Variability, r.Ratio = run.Median(variabilities), run.Median(ratios)
		if len(ratios) > 0 {
			r.Lowest, r.Highest = slices.Min(ratios), slices.Max(ratios)
		}
		summary = append(summary, r)
	}
	return summary
}

// evaluationPart returns the share of evaluation in the time of an arrangement. An average has none of its own: it is evaluated with
// the arrangement that it averages.
func evaluationPart(info run.ArrangementInfo) float64 {
	if info.AverageOf != "" {
		return math.NaN()
	}
	return info.EvaluationSeconds / (info.Seconds + info.EvaluationSeconds)
}
