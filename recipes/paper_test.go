package recipes

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/seed5b471a7e/backstitch/plugins/adamw"
	"github.com/seed5b471a7e/backstitch/plugins/sgd"
)

// experiment is one of the paper's figures, with what the paper says of it and what is our choice where it does not (see the recipes).
type experiment struct {
	figures     string
	recipe      string // another with -small at its end is for a laptop
	model, data string
	optimizer   string
	lr          float64
	batch       int
	steps       int
	every       int
	backward    compose.Backward
}

var experiments = []experiment{
	{"2, 13", "fig02-resnet18", "zoo:resnet18-cifar", "cifar-10", "sgd", 0.025, 8, 2000, 1, compose.Backward{}},
	{"3, 14", "fig03-mlp-reset", "zoo:mlp-5x500", "fashion-mnist", "sgd", 0.001, 8, 2000, 1, compose.Backward{ResetEvery: 1000}},
	{"4 to 6", "fig04-sin", "zoo:mlp-3x300", "sin", "sgd", 0.03, 8, 2000, 1, compose.Backward{}},
	{"4 to 6", "fig05-sines", "zoo:mlp-3x300", "sines", "sgd", 0.03, 8, 2000, 1, compose.Backward{}},
	{"4 to 6", "fig06-step", "zoo:mlp-3x300", "step", "sgd", 0.03, 8, 2000, 1, compose.Backward{}},
	{"7", "fashion-mlp-backward", "zoo:mlp-5x500", "fashion-mnist", "sgd", 0.001, 8, 2000, 1, compose.Backward{}},
	{"8", "fig08-vgg19", "zoo:vgg19-bn-cifar", "cifar-10", "sgd", 0.001, 8, 2000, 1, compose.Backward{}},
	{"9", "fig09-resnet50", "zoo:resnet50-cifar100", "cifar-100", "sgd", 0.001, 16, 2000, 1, compose.Backward{}},
	{"10", "fig10-resnet18-adamw", "zoo:resnet18-cifar", "cifar-10", "adamw", 0.00025, 8, 2000, 1, compose.Backward{}},
	{"11", "fig11-mlp-start", "zoo:mlp-5x500", "fashion-mnist", "sgd", 0.001, 8, 2000, 1, compose.Backward{Start: 1000}},
	{"12", "fig12-resnet18-long", "zoo:resnet18-cifar", "cifar-10", "sgd", 0.025, 8, 25000, 100, compose.Backward{}},
}

func parse(t *testing.T, name string, set ...string) *recipe.Recipe {
	t.Helper()
	source, err := Source(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := recipe.Parse(name+".toml", source, recipe.Options{Models: modelzoo.Names(), Set: set})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryFigureHasARecipeAtThePapersSettings(t *testing.T) {
	for _, e := range experiments {
		r := parse(t, e.recipe)
		got := experiment{
			e.figures, r.Name, r.Model.ONNX, r.Data.Name, r.Optimizer.Name, rate(t, r), r.Data.Batch, r.Steps, r.Evaluate.Every, backward(t, r),
		}
		if got != e {
			t.Errorf("%+v, want %+v", got, e)
		}
		if kind, _, _ := strings.Cut(e.figures, ","); !strings.HasPrefix(r.Doc, "Fig. "+kind) {
			t.Errorf("%s: its doc does not begin with Fig. %s: %s", e.recipe, kind, r.Doc)
		}
		checkExperiment(t, r)
	}
}

func TestEveryFigureHasARecipeForALaptop(t *testing.T) {
	for _, e := range experiments {
		full, small := parse(t, e.recipe), parse(t, e.recipe+"-small")
		checkExperiment(t, small)
		switch {
		case small.Optimizer.Name != full.Optimizer.Name:
			t.Errorf("%s: its optimizer is %s", small.Name, small.Optimizer.Name)
		case small.Data.Batch != full.Data.Batch || small.Data.Sampling != full.Data.Sampling:
			t.Errorf("%s: its batches are others", small.Name)
		case small.Steps >= full.Steps:
			t.Errorf("%s: it has %d steps", small.Name, small.Steps)
		case small.Steps/small.Evaluate.Every < 12:
			t.Errorf("%s: %d recorded iterates make no curve", small.Name, small.Steps/small.Evaluate.Every)
		}
		// What was switched on or reset halfway in the paper is so here.
		f, s := backward(t, full), backward(t, small)
		if f.Start*small.Steps != s.Start*full.Steps || f.ResetEvery*small.Steps != s.ResetEvery*full.Steps {
			t.Errorf("%s: backward is %+v of %d steps, %+v of %d there", small.Name, s, small.Steps, f, full.Steps)
		}
		if normalized(t, full) != normalized(t, small) {
			t.Errorf("%s: only one of the two models has batch normalization", small.Name)
		}
	}
}

// Appendix C and D have arrangements of their own.
func TestTheAppendicesHaveRecipes(t *testing.T) {
	for _, name := range []string{"appc-lie", "appc-lie-relu", "appc-lie-small"} {
		r := parse(t, name)
		checkSeedsAndBaseline(t, r)
		if fmt.Sprint(kinds(r)) != "[forward backward lie]" || rate(t, r) != 0.001 {
			t.Errorf("%s compares %v at the rate %v", name, kinds(r), rate(t, r))
		}
	}
	for name, k := range map[string]int{
		"appd-regularizer-k2": 2, "appd-regularizer-k4": 4, "appd-regularizer-k8": 8, "appd-regularizer-small": 4,
	} {
		r := parse(t, name)
		checkSeedsAndBaseline(t, r)
		if r.Data.Batch*k != 32 || math.Abs(rate(t, r)*float64(k)-0.004) > 1e-15 || r.Model.ONNX != "zoo:mlp-5x500" || r.Evaluate.Every%k != 0 {
			t.Errorf("%s: batches of %d at the rate %v, measured every %d, with k = %d", name, r.Data.Batch, rate(t, r), r.Evaluate.Every, k)
		}
		var strengths []float64
		for i, a := range r.Arrangements {
			o, is := a.Arrangement.(*compose.OrderAverage)
			if !is || o.Window != k || (o.Method == compose.Sequential) != (i == 0) || i > 0 && o.Method != compose.Regularizer {
				t.Errorf("%s: arrangement %s is %+v", name, a.Name, a.Arrangement)
				continue
			}
			if i > 0 {
				strengths = append(strengths, o.Strength)
			}
		}
		if !slices.Equal(strengths, []float64{0, 0.5, 1, 2}) {
			t.Errorf("%s: strengths %v", name, strengths)
		}
	}
}

func kinds(r *recipe.Recipe) (list []string) {
	for _, a := range r.Arrangements {
		list = append(list, a.Kind)
	}
	return list
}

// checkExperiment checks what holds for all figures: what does for all experiments, and forward beside backward.
func checkExperiment(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	checkSeedsAndBaseline(t, r)
	if fmt.Sprint(kinds(r)) != "[forward backward]" || r.Averages[0].Of != "forward" {
		t.Errorf("%s: its arrangements are %v, and the average is of %s", r.Name, kinds(r), r.Averages[0].Of)
	}
}

// checkSeedsAndBaseline checks what holds for all experiments: five seeds, the cheap baseline, and batches for which forward and
// backward have the same distribution.
func checkSeedsAndBaseline(t *testing.T, r *recipe.Recipe) {
	t.Helper()
	if !slices.Equal(r.Seeds, []uint64{0, 1, 2, 3, 4}) {
		t.Errorf("%s: its seeds are %v", r.Name, r.Seeds)
	}
	if r.Data.Sampling != dataset.IID {
		t.Errorf("%s: sampling is %s", r.Name, r.Data.Sampling)
	}
	if len(r.Averages) != 1 || math.Abs(float64(r.Averages[0].From)/float64(r.Steps)-0.5) > 0.05 {
		t.Errorf("%s: there is no average of the second half: %+v", r.Name, r.Averages)
	}
	for _, a := range r.Averages {
		if a.From%r.Evaluate.Every != 0 || r.Steps%r.Evaluate.Every != 0 {
			t.Errorf("%s: every %d iterates misses the last or the first of the average", r.Name, r.Evaluate.Every)
		}
	}
}

func rate(t *testing.T, r *recipe.Recipe) float64 {
	t.Helper()
	switch o := r.Optimizer.Optimizer.(type) {
	case *sgd.SGD:
		if *o != (sgd.SGD{LR: o.LR}) {
			t.Errorf("%s: SGD is not plain: %+v", r.Name, o)
		}
		return o.LR
	case *adamw.AdamW:
		return o.LR
	}
	t.Fatalf("%s: optimizer %s", r.Name, r.Optimizer.Name)
	return 0
}

func backward(t *testing.T, r *recipe.Recipe) compose.Backward {
	t.Helper()
	for _, a := range r.Arrangements {
		if b, is := a.Arrangement.(*compose.Backward); is {
			settings := *b
			if settings.ResetWhen == compose.Always {
				settings.ResetWhen = "" // as the table leaves it
			}
			return settings
		}
	}
	t.Fatalf("%s: nothing goes backward", r.Name)
	return compose.Backward{}
}

// zoo are the models that were built so far, by name: the shape that they read, with the number of their outputs, and whether they
// normalize batches.
var zoo = map[string]struct {
	signature  string
	normalized bool
}{}

func normalized(t *testing.T, r *recipe.Recipe) bool {
	t.Helper()
	signature(t, r)
	return zoo[r.Model.ONNX].normalized
}

// signature returns the shape of an example and the number of outputs of a recipe's model.
func signature(t *testing.T, r *recipe.Recipe) string {
	t.Helper()
	if known, is := zoo[r.Model.ONNX]; is {
		return known.signature
	}
	m, err := modelzoo.Build(strings.TrimPrefix(r.Model.ONNX, recipe.ZooPrefix), 0)
	if err != nil {
		t.Fatal(err)
	}
	known := zoo[r.Model.ONNX]
	known.signature = fmt.Sprint(m.Graph.Inputs[0].Dims[1:], m.Graph.Outputs[0].Dims[1:])
	for _, n := range m.Graph.Nodes {
		known.normalized = known.normalized || n.OpType == "BatchNormalization"
	}
	zoo[r.Model.ONNX] = known
	return known.signature
}

func TestModelsReadTheExamplesOfTheirRecipes(t *testing.T) {
	examples := map[string]struct {
		shape   []int
		outputs int
	}{
		"cifar-10": {[]int{3, 32, 32}, 10}, "cifar-100": {[]int{3, 32, 32}, 100}, "digits": {[]int{1, 8, 8}, 10},
		"fashion-mnist": {[]int{1, 28, 28}, 10}, "sin": {[]int{1}, 1}, "sines": {[]int{1}, 1}, "step": {[]int{1}, 1},
	}
	check := func(name string, set ...string) {
		r := parse(t, name, set...)
		example := examples[r.Data.Name]
		if s, is := r.Data.Source.(*dataset.Shapes); is {
			example.shape, example.outputs = []int{3, s.Size, s.Size}, s.Classes
		}
		if len(r.Data.Resize) > 0 {
			example.shape = append(slices.Clone(example.shape[:1]), r.Data.Resize...)
		}
		if got, want := signature(t, r), fmt.Sprint(example.shape, []int{example.outputs}); got != want {
			t.Errorf("%s: the model reads and writes %s, the examples of %s are %s", name, got, r.Data.Name, want)
		}
	}
	for _, name := range Names() {
		check(name)
	}
	// As the recipes' comments say.
	check("fig02-resnet18-small", `data={name="cifar-10",batch=8,resize=[16,16]}`)
	check("fig08-vgg19-small", `data={name="cifar-10",batch=8}`)
	check("fig08-vgg19", "model.onnx=zoo:vgg19-cifar")
}
