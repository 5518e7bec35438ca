package report

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

var testMetrics = []string{"train_loss", "test_loss", "test_accuracy"}

// newFolder returns a folder in which forward jumps, backward settles, and the tail average is smooth.
func newFolder(t *testing.T, seeds []uint64, steps int) *run.Folder {
	t.Helper()
	started := time.Date(2026, 3, 14, 9, 26, 53, 0, time.UTC)
	f := &run.Folder{Path: t.TempDir(), Info: run.Info{
		Name:    "fashion-mlp-small",
		Status:  run.Finished,
		Recipe:  json.RawMessage(`{"name": "fashion-mlp-small", "optimizer": {"sgd": {"lr": 0.02}}}`),
		Model:   run.ModelInfo{Source: "zoo:mlp-2x128", SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Parameters: 118282},
		Seeds:   seeds,
		Steps:   steps,
		Metrics: testMetrics,
		Engine:  "plan", Kernels: "avx512", Precision: "float32", Workers: 2,
		Versions: map[string]string{"backstitch": "v0.1.0", "go": "go1.26.8"},
		CPU:      run.CPUInfo{Architecture: "amd64", InstructionSet: "avx512", Cores: 2},
		Started:  started, Ended: started.Add(754 * time.Second), ElapsedSeconds: 754,
		GradientSteps: int64(len(seeds) * (steps + steps*(steps+1)/2)),
		Arrangements: []run.ArrangementInfo{
			{Name: "tail", Kind: "average", AverageOf: "forward"},
			{Name: "backward", Kind: "backward", Seconds: 690, EvaluationSeconds: 12},
			{Name: "forward", Kind: "forward", Seconds: 4.4, EvaluationSeconds: 11},
		},
	}}
	for _, seed := range seeds {
		f.Lines = append(f.Lines, newLines(seed, steps)...)
	}
	return f
}

func newLines(seed uint64, steps int) []run.Line {
	random := rand.New(rand.NewPCG(seed, 1))
	var lines []run.Line
	drift, settled, mean := 0.0, 0.0, 0.0
	offset := 0.04 * random.NormFloat64()
	for n := 1; n <= steps; n++ {
		at := float64(n) / float64(steps)
		trend := 0.62 + 1.75*math.Exp(-7*at) - 0.05*at
		drift = 0.8*drift + 0.045*random.NormFloat64()
		settled += 0.02 * math.Exp(-3*at) * random.NormFloat64() / math.Sqrt(float64(1+n/40))
		spike := 0.12 * math.Pow(random.Float64(), 12)
		mean += (drift - mean) / float64(n)
		line := func(name string, loss float64, steps int, seconds float64) {
			lines = append(lines, run.Line{
				Arrangement: name, Seed: seed, Iterate: n, GradientSteps: steps, Seconds: seconds,
				Metrics: []run.Metric{{Name: "train_loss", Value: loss}, {Name: "test_loss", Value: loss + 0.03}, {Name: "test_accuracy", Value: 1 - loss/2.9}},
			})
		}
		line("forward", trend+drift*(1-0.3*at)+spike, 1, 0.003)
		line("backward", trend+offset*at+settled, n, 0.003*float64(n))
		line("tail", trend+0.01+mean, 0, 0)
	}
	return lines
}

// diverge makes every line of an arrangement that satisfies the condition a diverged one.
func diverge(f *run.Folder, arrangement string, when func(iterate int) bool) {
	for i, l := range f.Lines {
		if l.Arrangement != arrangement || !when(l.Iterate) {
			continue
		}
		f.Lines[i].Diverged = true
		f.Lines[i].Metrics = nil
		for _, name := range f.Info.Metrics {
			f.Lines[i].Metrics = append(f.Lines[i].Metrics, run.Metric{Name: name, Value: math.NaN()})
		}
	}
}

// rename gives the arrangements, metrics and the rest of a folder other names.
func rename(f *run.Folder, name string) {
	f.Info.Name, f.Info.Engine, f.Info.Model.Source, f.Info.Recipe = name, name, name, quoted(name)
	f.Info.Status, f.Info.Versions = run.Status(name), map[string]string{name: name}
	f.Info.Metrics = []string{"train_loss", name}
	for i := range f.Info.Arrangements {
		f.Info.Arrangements[i].Name += name
		if f.Info.Arrangements[i].AverageOf != "" {
			f.Info.Arrangements[i].AverageOf += name
		}
	}
	for i := range f.Lines {
		f.Lines[i].Arrangement += name
		f.Lines[i].Metrics[1].Name = name
	}
}

// quoted is a name as a JSON document.
func quoted(name string) json.RawMessage {
	encoded, err := json.Marshal(map[string]string{name: name})
	if err != nil {
		panic(err)
	}
	return encoded
}
