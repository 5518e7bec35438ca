package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
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

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// walkRecipe is three steps of a model, of which whatever the walk reaches is small.
const walkRecipe = `
name  = "walk"
steps = 3

[model]
onnx = %q
%s

[data]
name  = %q
batch = 4
%s

[loss]
name = %q

[optimizer.adamw]
lr = 0.003

[arrangement.forward]
[arrangement.backward]

[evaluate]
train_samples = 8
test_samples  = 40
metrics       = [%s]
`

// journey is a model that goes the whole way.
type journey struct {
	name, model, modelKeys string
	data, dataKeys         string
	loss                   string // "" for cross_entropy
	classes                bool
}

// journeys are a model of each family of the zoo, and small networks in each of the ways people export.
func journeys(t *testing.T) []journey {
	zoo := func(model, data, dataKeys string) journey {
		return journey{name: model, model: "zoo:" + model, modelKeys: `init = "torch"`, data: data, dataKeys: dataKeys, classes: true}
	}
	const grey, colour = "resize = [28, 28]", "size = 16\nclasses = 10"
	list := []journey{
		zoo("mlp-digits", "digits", ""), zoo("convnet-digits", "digits", ""), zoo("lenet5", "digits", grey),
		zoo("resnet18-small", "shapes", colour), zoo("vgg19-bn-small", "shapes", "size = 32\nclasses = 10"),
		zoo("vit-small", "digits", grey), zoo("lstm-classifier", "digits", grey),
	}
	regression := zoo("mlp-3x300", "sin", "")
	regression.loss, regression.classes = "mse", false
	list = append(list, regression)
	files, err := filepath.Glob("testdata/exports/*.onnx")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d exports, %v", len(files), err)
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, journey{name: strings.TrimSuffix(filepath.Base(file), ".onnx"), model: path, data: "digits", classes: true})
	}
	return list
}

func (j journey) recipe() string {
	metrics := `"train_loss", "test_loss"`
	if j.classes {
		metrics += `, "test_accuracy"`
	}
	return fmt.Sprintf(walkRecipe, j.model, j.modelKeys, j.data, j.dataKeys, cmp.Or(j.loss, "cross_entropy"), metrics)
}

// Most faults lay between parts that were each right, so every model goes the whole way: from the recipe through a run that is killed and
// resumed to an exported file whose metrics ONNX Runtime confirms.
func TestTheWholeWay(t *testing.T) {
	if _, err := ort.Library(); err != nil {
		t.Skip(err)
	}
	defer func(usual time.Duration) { calibration = usual }(calibration)
	calibration = 20 * time.Millisecond
	var killed atomic.Int32
	t.Run("journeys", func(t *testing.T) {
		for i, j := range journeys(t) {
			if testing.Short() && i%4 != 1 {
				continue
			}
			t.Run(j.name, func(t *testing.T) {
				t.Parallel()
				j.walk(t, &killed)
			})
		}
	})
	if killed.Load() == 0 {
		t.Error("every run ended before it was killed: resuming was not tried")
	}
}

func (j journey) walk(t *testing.T, killed *atomic.Int32) {
	dir := t.TempDir()
	recipe, whole, broken := filepath.Join(dir, "walk.toml"), filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	if err := os.WriteFile(recipe, []byte(j.recipe()), 0o644); err != nil {
		t.Fatal(err)
	}
	commands(t, []string{"validate", recipe}, []string{"run", recipe, "--dry-run"}, []string{"run", recipe, "--out", whole})
	if killAt(t, filepath.Join(broken, run.MetricsFile), "run", recipe, "--out", broken, "--workers", "1") {
		killed.Add(1)
		commands(t, []string{"run", recipe, "--out", broken, "--resume"})
	}
	if got, want := recorded(t, broken), recorded(t, whole); got != want {
		t.Errorf("a run that was killed and resumed has\n%s\nwant\n%s", got, want)
	}
	folder, err := run.Open(whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range folder.Series() {
		file := filepath.Join(dir, s.Arrangement+".onnx")
		said := commands(t, []string{"export", whole, "--out", file, "--arrangement", s.Arrangement}, []string{"model", "inspect", file})
		if !strings.Contains(said, "in ONNX Runtime") && j.classes || strings.Contains(said, "not compared") {
			t.Errorf("exporting %s says\n%s", s.Arrangement, said)
		}
		j.confirm(t, file, s.Lines[len(s.Lines)-1])
	}
}

// commands runs commands that must succeed, and returns what they print on stdout.
func commands(t *testing.T, list ...[]string) (said string) {
	t.Helper()
	for _, arguments := range list {
		var stdout, stderr bytes.Buffer
		if code := Main(arguments, &stdout, &stderr); code != exitSuccess {
			t.Fatalf("backstitch %s exits with %d:\n%s%s", strings.Join(arguments, " "), code, &stdout, &stderr)
		}
		said += stdout.String()
	}
	return said
}

// killAt runs a command in a process of its own and kills it once the file has a line. It reports whether that came in time.
func killAt(t *testing.T, file string, arguments ...string) bool {
	c := exec.Command("backstitch", arguments...)
	var said bytes.Buffer
	c.Stdout, c.Stderr = &said, &said
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v: %s", err, &said)
			}
			return false
		default:
		}
		if content, _ := os.ReadFile(file); bytes.Contains(content, []byte("\n")) {
			c.Process.Kill()
			return <-ended != nil
		}
	}
}

// recorded returns a run's metrics without the time they took.
func recorded(t *testing.T, folder string) string {
	content, err := os.ReadFile(filepath.Join(folder, run.MetricsFile))
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`"seconds":[^,}]*`).ReplaceAllString(string(content), `"seconds":0`)
}

// confirm compares the metrics of an iterate with those of its exported file in ONNX Runtime, on the same examples.
func (j journey) confirm(t *testing.T, file string, line run.Line) {
	t.Helper()
	loss, accuracy := j.measure(t, file)
	if want := line.Metric("test_loss"); !(math.Abs(loss-want) <= 1e-4*(1+math.Abs(want))) {
		t.Errorf("%s: iterate %d has a test loss of %v, its file %v in ONNX Runtime", line.Arrangement, line.Iterate, want, loss)
	}
	if want := line.Metric("test_accuracy"); j.classes && !(math.Abs(accuracy-want) <= 1.0/40+1e-9) { // one example may stand between two classes
		t.Errorf("%s: iterate %d has a test accuracy of %v, its file %v in ONNX Runtime", line.Arrangement, line.Iterate, want, accuracy)
	}
}

// measure returns the test loss and accuracy of a file in ONNX Runtime.
func (j journey) measure(t *testing.T, file string) (loss, accuracy float64) {
	t.Helper()
	session, err := ort.OpenFile(file, ort.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	split, examples := j.examples(t)
	var b dataset.Batch
	in := session.Inputs()[0]
	size := max(1, int(in.Dims[0].Value)) // one by one, or as often as the file wants
	for _, example := range examples {
		split.Gather(slices.Repeat([]int{example}, size), array.Float64, &b)
		shape := []int{size}
		for _, d := range in.Dims[1:] {
			shape = append(shape, int(d.Value))
		}
		x, err := ort.NewTensor(in.Name, onnx.Float, shape, b.Inputs.F64)
		if err != nil {
			t.Fatal(err)
		}
		outputs, err := session.Run([]ort.Tensor{x})
		if err != nil {
			t.Fatal(err)
		}
		output := outputs[0].Data.([]float32)
		l, right := j.judge(output[:len(output)/size], b.Targets.F64[:len(b.Targets.F64)/size])
		loss += l / float64(len(examples))
		if right {
			accuracy += 1 / float64(len(examples))
		}
	}
	return loss, accuracy
}

// examples are those that a run evaluates.
func (j journey) examples(t *testing.T) (*dataset.Split, []int) {
	t.Helper()
	folder := t.TempDir()
	file := filepath.Join(folder, "walk.toml")
	if err := os.WriteFile(file, []byte(j.recipe()), 0o644); err != nil {
		t.Fatal(err)
	}
	rc, err := loadRecipe(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := dataset.Load(context.Background(), rc.Data.Source, rc.Data.Preparation)
	if err != nil {
		t.Fatal(err)
	}
	return data.Test, data.Test.Sample(rc.Evaluate.TestSamples, 0)
}

// judge returns the loss of one example, and whether its largest output is at the target.
func (j journey) judge(output []float32, target []float64) (loss float64, right bool) {
	if !j.classes {
		for i, y := range output {
			loss += (float64(y) - target[i]) * (float64(y) - target[i]) / float64(len(output))
		}
		return loss, false
	}
	sum, best := 0.0, 0
	for i, y := range output {
		sum += math.Exp(float64(y))
		if y > output[best] {
			best = i
		}
	}
	class := int(target[0])
	return math.Log(sum) - float64(output[class]), best == class
}
