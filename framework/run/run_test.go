package run_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/seed5b471a7e/backstitch/framework/engine/plan"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	_ "github.com/seed5b471a7e/backstitch/plugins/standard"
)

const small = `
name  = "small"
seeds = [3, 4]
steps = 7

[model]
onnx = "zoo:mlp-digits"
init = "he"

[data]
name     = "digits"
batch    = 4
sampling = "iid"

[loss]
name = "cross_entropy"

[optimizer.sgd]
lr       = 0.1
momentum = 0.5

[arrangement.forward]
[arrangement.backward]

[average.tail]
of   = "forward"
from = 3

[evaluate]
train_samples = 40
test_samples  = 30
`

func prepare(t *testing.T, source string, overrides ...string) (*run.Run, error) {
	t.Helper()
	rc, err := recipe.Parse("test.toml", []byte(source), recipe.Options{Models: modelzoo.Names(), Set: overrides})
	if err != nil {
		t.Fatal(err)
	}
	return run.Prepare(context.Background(), rc, func(reference string) (*onnx.Model, error) {
		if name, zoo := strings.CutPrefix(reference, "zoo:"); zoo {
			return modelzoo.Build(name, 0)
		}
		return onnx.Load(reference)
	})
}

func execute(t *testing.T, o run.Options, overrides ...string) *run.Folder {
	t.Helper()
	r, err := prepare(t, small, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	if o.Folder == "" {
		o.Folder = filepath.Join(t.TempDir(), "run")
	}
	f, err := r.Execute(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// metrics returns a run's metrics without what legitimately differs between two runs.
func metrics(t *testing.T, folder string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, run.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`"seconds":[^,}]*`).ReplaceAllString(string(data), `"seconds":0`)
}

func TestEveryIterateIsRecordedInOrder(t *testing.T) {
	f := execute(t, run.Options{Workers: 2})
	at := 0
	for n := 1; n <= 7; n++ {
		for _, seed := range []uint64{3, 4} {
			for _, want := range []struct {
				name  string
				steps int
			}{{"forward", 1}, {"tail", 0}, {"backward", n}} {
				l := f.Lines[at]
				at++
				if l.Arrangement != want.name || l.Seed != seed || l.Iterate != n || l.GradientSteps != want.steps || l.Diverged {
					t.Fatalf("line %d is %+v, want %s, seed %d, iterate %d, %d steps", at, l, want.name, seed, n, want.steps)
				}
			}
		}
	}
	if at != len(f.Lines) {
		t.Errorf("%d lines, want %d", len(f.Lines), at)
	}
	first := f.Series()
	if first[0].Lines[0].Metric("train_loss") != first[2].Lines[0].Metric("train_loss") {
		t.Error("the first forward and backward iterates differ: T_1 is T_1")
	}
	if tail, forward := first[1], first[0]; tail.Lines[2].Metric("test_loss") != forward.Lines[2].Metric("test_loss") {
		t.Error("before its start the tail average is the iterate itself")
	}
	if f.Info.Status != run.Finished || f.Info.GradientSteps != 2*(7+28) || f.Info.Arrangements[2].GradientSteps != 2*28 {
		t.Errorf("run.json says %v, %d steps, %+v", f.Info.Status, f.Info.GradientSteps, f.Info.Arrangements)
	}
	for _, a := range f.Info.Arrangements {
		if a.AverageOf == "" && (a.EvaluationSeconds <= 0 || a.Seconds <= 0) {
			t.Errorf("%s took %v seconds and %v to evaluate", a.Name, a.Seconds, a.EvaluationSeconds)
		}
	}
}

func TestWorkersDoNotChangeAByte(t *testing.T) {
	want := metrics(t, execute(t, run.Options{Workers: 1}).Path)
	for _, workers := range []int{2, 8} {
		if got := metrics(t, execute(t, run.Options{Workers: workers}).Path); got != want {
			t.Errorf("%d workers:\n%s\nwant\n%s", workers, got, want)
		}
	}
}

func TestThinningComputesTheSameIterates(t *testing.T) {
	full := execute(t, run.Options{Workers: 2})
	thin := execute(t, run.Options{Workers: 2}, "evaluate.every=3")
	if len(thin.Lines) != 2*2*3 {
		t.Fatalf("%d lines", len(thin.Lines))
	}
	for _, l := range thin.Lines {
		found := false
		for _, f := range full.Lines {
			if f.Arrangement == l.Arrangement && f.Seed == l.Seed && f.Iterate == l.Iterate {
				found = f.Metric("train_loss") == l.Metric("train_loss")
			}
		}
		if !found {
			t.Errorf("iterate %d of %s, seed %d, differs from the full run's", l.Iterate, l.Arrangement, l.Seed)
		}
	}
}

func TestAnInterruptedRunIsResumedToTheSameBytes(t *testing.T) {
	want := metrics(t, execute(t, run.Options{Workers: 2}).Path)
	for _, after := range []int64{1, 20, 45} { // gradient steps
		r, err := prepare(t, small)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(t.TempDir(), "run")
		ctx, cancel := context.WithCancel(context.Background())
		var steps atomic.Int64
		f, err := r.Execute(ctx, run.Options{Folder: folder, Workers: 2, CheckpointEvery: 1, Progress: func(n int) {
			if steps.Add(int64(n)) >= after {
				cancel()
			}
		}})
		if !errors.Is(err, context.Canceled) || f.Info.Status != run.Interrupted {
			t.Fatalf("after %d steps: %v, %+v", after, err, f)
		}
		if got := metrics(t, folder); !strings.HasPrefix(want, got) || got == want {
			t.Fatalf("after %d steps the recorded lines are not the first ones:\n%s", after, got)
		}
		if got := metrics(t, execute(t, run.Options{Folder: folder, Workers: 2, Resume: true}).Path); got != want {
			t.Errorf("interrupted after %d steps and resumed:\n%s\nwant\n%s", after, got, want)
		}
	}
}

// interrupt executes a run and cancels it after some gradient steps.
func interrupt(t *testing.T, o run.Options, after int64) {
	t.Helper()
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var steps atomic.Int64
	o.Progress = func(n int) {
		if steps.Add(int64(n)) >= after {
			cancel()
		}
	}
	if _, err := r.Execute(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestResumingGoesOnWhereTheRunWasInterrupted(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	interrupt(t, run.Options{Folder: folder, Workers: 1}, 30)
	f, err := run.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	recorded := 0
	for _, l := range f.Lines {
		recorded += l.GradientSteps
	}
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{recorded, 70} { // then the finished run, which has nothing left to do
		var reported []int
		if _, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, Resume: true,
			Progress: func(n int) { reported = append(reported, n) }}); err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, n := range reported {
			total += n
		}
		if reported[0] != want || total != 70 {
			t.Errorf("resuming started at %d gradient steps and ended at %d, want %d and 70", reported[0], total, want)
		}
	}
}

func TestResumingLosesNoRecordedLine(t *testing.T) {
	want := metrics(t, execute(t, run.Options{Workers: 2}).Path)
	folder := filepath.Join(t.TempDir(), "run")
	interrupt(t, run.Options{Folder: folder, Workers: 2}, 40)
	recorded := metrics(t, folder)
	// As if the process had been killed before it saved a checkpoint, and again right after it was resumed.
	if err := os.Remove(filepath.Join(folder, run.CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	interrupt(t, run.Options{Folder: folder, Workers: 2, Resume: true}, 0)
	if got := metrics(t, folder); !strings.HasPrefix(got, recorded) {
		t.Errorf("recorded were\n%s\nleft are\n%s", recorded, got)
	}
	if got := metrics(t, execute(t, run.Options{Folder: folder, Workers: 2, Resume: true}).Path); got != want {
		t.Errorf("in the end:\n%s\nwant\n%s", got, want)
	}
}

// What run.json says of the model and of the machine decides the bits of the rest. Whatever of it is another's, the run is not resumed.
func TestARunOfAnotherModelOrMachineIsNotResumed(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	interrupt(t, run.Options{Folder: folder, Workers: 1}, 30)
	path := filepath.Join(folder, run.InfoFile)
	info, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	resume := func() error {
		_, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, Resume: true})
		return err
	}
	recorded := metrics(t, folder)
	for want, change := range map[string]func(*run.Info){
		"model":           func(i *run.Info) { i.Model.SHA256 = strings.Repeat("0", 64) },
		"architecture":    func(i *run.Info) { i.CPU.Architecture = "pdp11" },
		"instruction set": func(i *run.Info) { i.CPU.InstructionSet = "others" },
		"kernels":         func(i *run.Info) { i.Kernels = "others" },
	} {
		var other run.Info
		if err := json.Unmarshal(info, &other); err != nil {
			t.Fatal(err)
		}
		change(&other)
		edited, err := json.MarshalIndent(other, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, edited, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := resume(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a run with another %s is resumed, or the error does not say so: %v", want, err)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, edited) || metrics(t, folder) != recorded {
			t.Errorf("another %s: the run was changed although it was refused: %v", want, err)
		}
	}
	if err := os.WriteFile(path, info, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := resume(); err != nil {
		t.Errorf("with what run.json said before, the run is not resumed: %v", err)
	}
}

// TestKilledProcess runs itself as another process, kills it, and looks at what is left.
func TestKilledProcess(t *testing.T) {
	if folder := os.Getenv("BACKSTITCH_TEST_FOLDER"); folder != "" {
		execute(t, run.Options{Folder: folder, Workers: 2, CheckpointEvery: 1}, "steps=400")
		return
	}
	folder := filepath.Join(t.TempDir(), "run")
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$")
	child.Env = append(os.Environ(), "BACKSTITCH_TEST_FOLDER="+folder)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if data, _ := os.ReadFile(filepath.Join(folder, run.MetricsFile)); bytes.Count(data, []byte("\n")) > 10 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child records nothing")
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	f, err := run.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Lines) < 10 || f.Info.Status != run.Interrupted {
		t.Errorf("%d lines, status %s", len(f.Lines), f.Info.Status)
	}
	recorded := metrics(t, folder)
	// A process may die in the middle of a line: that line does not count.
	file, err := os.OpenFile(filepath.Join(folder, run.MetricsFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	file.WriteString(`{"arrangement":"forw`)
	file.Close()
	if again, err := run.Open(folder); err != nil || len(again.Lines) != len(f.Lines) {
		t.Errorf("with half a line: %v", err)
	}
	r, err := prepare(t, small, "steps=400")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	progressed := 0
	_, err = r.Execute(ctx, run.Options{Folder: folder, Workers: 1, Resume: true, Progress: func(int) {
		if progressed++; progressed > 200 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if after := metrics(t, folder); !strings.HasPrefix(after, recorded) && !strings.HasPrefix(recorded, after) {
		t.Error("the resumed run recorded other lines")
	}
}

func TestDivergenceIsRecordedAndEndsTheChain(t *testing.T) {
	f := execute(t, run.Options{Workers: 2}, "optimizer.sgd.lr=1e30", "optimizer.sgd.momentum=0")
	steps := map[string]int{}
	for _, l := range f.Lines {
		if l.Iterate >= 3 && l.Arrangement == "forward" && (!l.Diverged || !math.IsNaN(l.Metric("train_loss"))) {
			t.Errorf("%+v is not marked as diverged", l)
		}
		if l.Seed == 3 {
			steps[l.Arrangement] += l.GradientSteps
		}
	}
	if steps["forward"] >= 7 {
		t.Errorf("the forward chain took %d steps after it diverged", steps["forward"])
	}
	if text := metrics(t, f.Path); !strings.Contains(text, `"train_loss":null`) || !strings.Contains(text, `"diverged":true`) {
		t.Errorf("metrics.jsonl does not show the divergence:\n%s", text)
	}
	if f.Info.Status != run.Finished {
		t.Errorf("status %s", f.Info.Status)
	}
}

func TestPrepareRefusesPartsThatDoNotFit(t *testing.T) {
	for name, c := range map[string]struct {
		overrides []string
		want      string
	}{
		"model and data":       {[]string{"model.onnx=zoo:mlp-5x500"}, "takes examples of shape [1 28 28], the data set digits has [1 8 8]"},
		"loss and classes":     {[]string{"loss.name=mse", `evaluate.metrics=["train_loss"]`}, "run: the loss mse"},
		"model and size":       {[]string{"data.resize=[9, 9]"}, "takes examples of shape [1 8 8], the data set digits has [1 9 9]"},
		"means and channels":   {[]string{"data.normalize={mean=[1, 2], std=[1, 1]}"}, "normalize has 2 means for images of 1 channel"},
		"classes and function": {[]string{"data.name=sin", "model.onnx=zoo:mlp-3x300"}, "needs classes"},
	} {
		if _, err := prepare(t, small, c.overrides...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestImagesArePreparedAsTheRecipeSays(t *testing.T) {
	r, err := prepare(t, small, "data.resize=[28, 28]", "data.normalize={mean=[0.5], std=[0.25]}", "model.onnx=zoo:mlp-5x500")
	if err != nil {
		t.Fatal(err)
	}
	if pixels := r.Data.Train.Inputs.F32; slices.Min(pixels) != -2 || slices.Max(pixels) != 2 || len(pixels) != 1437*28*28 {
		t.Errorf("%d pixels lie in [%v, %v], want %d in [-2, 2]", len(pixels), slices.Min(pixels), slices.Max(pixels), 1437*28*28)
	}
}

func TestExecuteRefusesForeignFolders(t *testing.T) {
	finished := execute(t, run.Options{Workers: 1})
	for name, c := range map[string]struct {
		options   run.Options
		overrides []string
		want      string
	}{
		"not empty":      {run.Options{Folder: finished.Path}, nil, "is not empty"},
		"other recipe":   {run.Options{Folder: finished.Path, Resume: true}, []string{"steps=6"}, "steps was 7 and is 6"},
		"other numbers":  {run.Options{Folder: finished.Path, Resume: true}, []string{"data.normalize={mean=[0.5], std=[1]}"}, "data.normalize.mean was [] and is [0.5]"},
		"other sizes":    {run.Options{Folder: finished.Path, Resume: true}, []string{"data.resize=[8, 8]"}, "data.resize was [] and is [8,8]"},
		"other mode":     {run.Options{Folder: finished.Path, Resume: true}, []string{"model.batchnorm=eval"}, "model.batchnorm was"},
		"other body":     {run.Options{Folder: finished.Path, Resume: true}, []string{"model.freeze=[\"fc1.*\"]"}, "model.freeze was"},
		"other layers":   {run.Options{Folder: finished.Path, Resume: true}, []string{"model.train=[\"*.weight\"]"}, "model.train was"},
		"other head":     {run.Options{Folder: finished.Path, Resume: true}, []string{"model.head={classes=10}"}, "model.head.classes was 0 and is 10"},
		"other ties":     {run.Options{Folder: finished.Path, Resume: true}, []string{"model.untie=true"}, "model.untie was false and is true"},
		"nothing there":  {run.Options{Folder: t.TempDir(), Resume: true}, nil, "not a run folder"},
		"no such folder": {run.Options{Folder: filepath.Join(t.TempDir(), "x"), Resume: true}, nil, "not a run folder"},
	} {
		r, err := prepare(t, small, c.overrides...)
		if err != nil {
			t.Fatal(err)
		}
		c.options.Workers = 1
		before := metrics(t, finished.Path)
		if _, err := r.Execute(context.Background(), c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if metrics(t, finished.Path) != before {
			t.Errorf("%s: the finished run was changed", name)
		}
	}
}

func TestADamagedCheckpointIsRefused(t *testing.T) {
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "run")
	ctx, cancel := context.WithCancel(context.Background())
	var steps atomic.Int64
	r.Execute(ctx, run.Options{Folder: folder, Workers: 1, CheckpointEvery: 1, Progress: func(n int) {
		if steps.Add(int64(n)) > 20 {
			cancel()
		}
	}})
	path := filepath.Join(folder, run.CheckpointFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"cut off": func(b []byte) []byte { return b[:len(b)/2] },
		"a bit":   func(b []byte) []byte { b[len(b)/2] ^= 1; return b },
		"empty":   func([]byte) []byte { return nil },
	} {
		if err := os.WriteFile(path, damage(bytes.Clone(whole)), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, Resume: true})
		if err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEstimateIsMadeOfStepsAndEvaluations(t *testing.T) {
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	e, err := r.Estimate(context.Background(), 20*time.Millisecond, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := (70*e.StepSeconds + (14*2+2*4)*e.EvaluationSeconds) / 2
	if e.StepSeconds <= 0 || e.EvaluationSeconds <= 0 || math.Abs(e.TotalSeconds-want) > 1e-9 {
		t.Errorf("%+v, want a total of %v", e, want)
	}
}

func TestTheMetricsOfARecipeAreThoseThatAreMeasured(t *testing.T) {
	for _, o := range plugin.Options(&recipe.Evaluate{}) {
		if o.Name == "metrics" && !slices.Equal(o.OneOf, run.Metrics) {
			t.Errorf("a recipe may ask for %v, measured are %v", o.OneOf, run.Metrics)
		}
	}
}
