package run_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program/programtest"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// The states of words are averaged as a whole: parameters, AdamW's slots, and the running statistics of BatchNormalization.
func TestAverageOfAllOrdersAveragesSlotsAndBuffers(t *testing.T) {
	r, err := prepareNetwork(t, noisy(), "optimizer={adamw={lr=0.01}}", "arrangement={exact={kind=\"order_average\",window=3}}", "average={}", "steps=6")
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range r.Recipe.Seeds {
		h := newByHand(t, r, seed)
		for base := 0; base < 6; base += 3 {
			var ends []*optim.State
			for _, word := range (compose.OrderAverage{Window: 3, Method: compose.Exact}).Compose(base + 3).Words {
				ends = append(ends, h.after(t, word...))
			}
			h.state = mean(ends)
			got, err := r.State(t.Context(), run.Wanted{Arrangement: "exact", Seed: seed, Iterate: base + 3}, 2, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !got.Equal(h.state) || got.Count != int64(base+3) {
				t.Errorf("seed %d: iterate %d, of count %d, is not the mean of its six words", seed, base+3, got.Count)
			}
			kinds := map[optim.Kind]bool{}
			for _, f := range got.Layout.Fields() {
				kinds[f.Kind] = kinds[f.Kind] || !got.Field(f).Equal(ends[0].Field(f))
			}
			if !kinds[optim.Parameter] || !kinds[optim.Slot] || !kinds[optim.Buffer] {
				t.Errorf("seed %d: iterate %d: parameters, slots and buffers differ between the words: %v", seed, base+3, kinds)
			}
		}
	}
}

// Law 1 and law 12 for an optimizer with memory, on a model with buffers and noise.
func TestTheFirstIterateAndWindowsOfOneAreForward(t *testing.T) {
	r, err := prepareNetwork(t, noisy(), "optimizer={adamw={lr=0.01}}", "average={}", `arrangement={forward={},backward={},reset={kind="backward",reset_every=1},`+
		`orders={kind="order_average",window=1},regularizer={kind="order_average",window=1,method="regularizer"},words={words=[[1]]}}`)
	if err != nil {
		t.Fatal(err)
	}
	state := func(arrangement string, n int) *optim.State {
		s, err := r.State(t.Context(), run.Wanted{Arrangement: arrangement, Seed: 3, Iterate: n}, 1, nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if !state("backward", 1).Equal(state("forward", 1)) {
		t.Error("the first iterates of forward and backward differ")
	}
	for _, name := range []string{"reset", "orders", "regularizer", "words"} {
		if !state(name, 5).Equal(state("forward", 5)) {
			t.Errorf("%s with a window of one is not forward", name)
		}
	}
}

func TestAThinnedRunMeasuresTheSameIterates(t *testing.T) {
	set := `arrangement={forward={},backward={start=1,reset_every=3},exact={kind="order_average",window=2},lie={}}`
	lines := func(overrides ...string) map[string]string {
		found := map[string]string{}
		for _, l := range execute(t, run.Options{Workers: 2}, append(overrides, set, "average={}", "optimizer.sgd.momentum=0")...).Lines {
			found[fmt.Sprint(l.Arrangement, l.Seed, l.Iterate)] = fmt.Sprint(l.Metrics)
		}
		return found
	}
	whole := lines()
	for _, thinned := range []string{"evaluate.every=3", "evaluate.at=[2, 7]"} {
		for name, got := range lines(thinned) {
			if strings.HasPrefix(name, "lie") {
				continue // whose sums are added in another order
			}
			if got != whole[name] {
				t.Errorf("%s: %s measures %s, the whole run %s", thinned, name, got, whole[name])
			}
		}
	}
}

func TestDiagnosticsMeasureHowIteratesMove(t *testing.T) {
	const overrides = `evaluate.metrics=["train_loss","displacement","contraction","loss_contraction"]`
	f := execute(t, run.Options{Workers: 2}, overrides, "optimizer.sgd.momentum=0", "optimizer.sgd.lr=0.01")
	r, err := prepare(t, small, overrides, "optimizer.sgd.momentum=0", "optimizer.sgd.lr=0.01")
	if err != nil {
		t.Fatal(err)
	}
	h := newByHand(t, r, 3)
	before := h.state
	for _, l := range f.Series()[0].Lines { // forward, seed 3
		after := before.Clone()
		h.apply(t, after, l.Iterate)
		moved := 0.0
		for i := range after.Parameters().Len() {
			d := after.Parameters().At(i) - before.Parameters().At(i)
			moved += d * d
		}
		if got := l.Metric("displacement"); math.Abs(got-math.Sqrt(moved)) > 1e-12 {
			t.Errorf("iterate %d moved by %v, by hand %v", l.Iterate, got, math.Sqrt(moved))
		}
		before = after
	}
	for _, s := range f.Series() {
		for _, l := range s.Lines {
			distance, losses := l.Metric("contraction"), l.Metric("loss_contraction")
			if s.Arrangement == "tail" {
				if !math.IsNaN(distance) || !math.IsNaN(losses) || !math.IsNaN(l.Metric("displacement")) || l.Diverged {
					t.Errorf("an average has diagnostics, or diverged for lack of them: %+v", l)
				}
				continue
			}
			// Small steps change little: the factors are near 1.
			if math.Abs(distance-1) > 0.2 || math.Abs(losses-1) > 0.2 || distance == 1 || losses == 1 {
				t.Errorf("%s, iterate %d: steps contract by %v and %v", s.Arrangement, l.Iterate, distance, losses)
			}
		}
	}
	// With a strong L2 penalty every step contracts by 1 − h·decay at least, in every direction (softmax regression is convex).
	convex := execute(t, run.Options{Workers: 2}, overrides, "model.onnx=zoo:softmax-regression", "optimizer.sgd.momentum=0",
		"optimizer.sgd.lr=0.05", "optimizer.sgd.weight_decay=2.0", `data={name="digits",batch=4,resize=[28,28]}`)
	for _, s := range convex.Series() {
		if q := s.Typical("contraction"); s.Arrangement != "tail" && !(q > 0.5 && q <= 0.9+1e-3) {
			t.Errorf("%s: steps contract by %v, want at most 0.9", s.Arrangement, q)
		}
	}
}

// A step on one number contracts by |1 − lr·h| whatever the direction, where h = 2·mean(x²) is the curvature of its batch: so it shows which
// batch a diagnostic reads.
func TestContractionIsThatOfTheNextBatch(t *testing.T) {
	const rate = 0.2
	line := programtest.NewNetwork(1).Mul("slope")
	overrides := []string{"data.name=sin", "loss.name=mse", "engine.dtype=float64", "optimizer.sgd.momentum=0", "optimizer.sgd.lr=0.2",
		`evaluate.metrics=["train_loss","contraction"]`}
	r, err := prepareNetwork(t, line, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Execute(t.Context(), run.Options{Workers: 2, Folder: filepath.Join(t.TempDir(), "run")})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Series() {
		if s.Arrangement == "tail" {
			continue
		}
		h := newByHand(t, r, s.Seed)
		for _, l := range s.Lines {
			curvature := 0.0
			for _, i := range h.sampler.Indices(l.Iterate+1, nil) {
				x := r.Data.Train.Inputs.At(i)
				curvature += 2 * x * x / float64(r.Recipe.Data.Batch)
			}
			want := math.Abs(1 - rate*curvature)
			if got := l.Metric("contraction"); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s, seed %d: the step after iterate %d contracts by %v, its batch by %v", s.Arrangement, s.Seed, l.Iterate, got, want)
			}
		}
	}
}
