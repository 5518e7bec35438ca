// Package recipe reads recipes: TOML files that name the model, the data, the loss, the optimizer, the arrangements and the engine
// of a run.
//
// Reading is strict. A key that means nothing, a value of the wrong type or out of range, a name that nobody registered: all are
// problems, and all problems of a recipe are reported at once, each with its place and with what was probably meant. Tables
// name plugins, and a plugin's own struct says which options its table has, as package plugin describes.
//
// The package opens neither models nor data, and runs nothing.
package recipe

import (
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// Recipe is what a run does, with every plugin made and configured.
type Recipe struct {
	Name  string   `toml:"name" doc:"names the run: letters, digits, - and _"`
	Doc   string   `toml:"doc" doc:"one line for listings and reports"`
	Seeds []uint64 `toml:"seeds" doc:"each seed is a run of its own: first values, batches, noise"`
	Steps int      `toml:"steps" doc:"the last iterate of every arrangement" range:"[1,1000000]"`

	Model        Model
	Data         Data
	Loss         Loss
	Optimizer    Optimizer
	Schedule     Schedule
	Clipping     optim.Clipping
	Groups       []Group       // in the order of the file, which decides
	Arrangements []Arrangement // one or more, in the order of the file
	Averages     []Average     // in the order of the file
	Evaluate     Evaluate
	Weights      Weights
	Engine       Engine

	Source []byte   // the file, verbatim and without overrides
	Set    []string // the overrides, as Options.Set

	Folder, SetFolder string // what relative paths in the file and in the overrides were relative to, as in Options
}

// ZooPrefix marks a model that is built, not read from a file.
const ZooPrefix = "zoo:"

// Model says what is trained. What replaces its last layer stands in the table [model.head], and how large the dimensions are that the
// file leaves open in [model.dims], and the values of inputs that are not fed in [model.fix], as model.Options has them.
type Model struct {
	ONNX   string `toml:"onnx" path:"true" doc:"zoo:NAME, or the path of a .onnx file, relative to the recipe"`
	Init   string `toml:"init" doc:"first values of the parameters (default for files: keep theirs)" oneof:"keep he lecun glorot torch"`
	Output string `toml:"output" doc:"the tensor that is the model's output (default: the graph's first output)"`

	BatchNorm model.BatchNorm `toml:"batchnorm" doc:"the statistics that BatchNormalization trains with: train: the batch's; eval: the running ones" oneof:"as-exported train eval"`
	Untie     bool            `toml:"untie" doc:"give each use of an initializer that the exporter merged with equal ones values of its own"`
	Freeze    []string        `toml:"freeze" doc:"patterns such as layer1.* of the parameters that stay as they are"`
	Train     []string        `toml:"train" doc:"patterns of the only parameters that are trained (default: all)"`
	Head      Head
	Dims      map[string]int // sizes of the model's open dimensions
	Fix       map[string]any // values of its inputs that are not fed
}

// Head replaces a classifier's last layer.
type Head struct {
	Classes int `toml:"classes" doc:"outputs of the new last layer (0: the model keeps its own)" range:"[0,65536]"`
}

// Options says what of the file is imported, and how.
func (m *Model) Options() model.Options {
	o := model.Options{
		Output: m.Output, BatchNorm: m.BatchNorm, Untie: m.Untie, Freeze: m.Freeze, Head: model.Head{Classes: m.Head.Classes},
		Dims: m.Dims, Fix: m.Fix,
	}
	if len(m.Train) > 0 {
		o.Train = m.Train
	}
	return o
}

// Data says what is trained on, and what each batch holds. The options of the source stand in the same table, and how images are
// normalized in the table [data.normalize].
type Data struct {
	Name     string `toml:"name" doc:"the data set"`
	Batch    int    `toml:"batch" doc:"examples in a batch" range:"[1,1000000]"`
	Sampling string `toml:"sampling" doc:"iid: with replacement; shuffle: by epochs; cycle: the same batches over and over" oneof:"iid shuffle cycle"`
	Cycle    int    `toml:"cycle" doc:"for sampling = \"cycle\": the period in batches" range:"[0,inf)"`
	dataset.Preparation
	Source dataset.Source
}

// Loss says what is minimized. The options of the loss stand in the same table.
type Loss struct {
	Name string `toml:"name" doc:"the loss"`
	Loss program.Loss
}

// Optimizer is the one table [optimizer.NAME].
type Optimizer struct {
	Name      string
	Optimizer optim.Optimizer
}

// Arrangement is a table [arrangement.NAME]. The name is the kind too, unless the table has a key for that.
type Arrangement struct {
	Name        string
	Kind        string `toml:"kind" doc:"the arrangement's kind (default: its name)"`
	Arrangement compose.Arrangement
}

// Average is a table [average.NAME]: an average of an arrangement's iterates From+1 to n, evaluated next to iterate n. In a chain,
// such as forward, these are all iterates, elsewhere those that are evaluated.
type Average struct {
	Name   string
	Kind   string  `toml:"kind" doc:"tail: the mean of all; ema: the exponential moving average; latest: the mean of the newest ones" oneof:"tail ema latest"`
	Of     string  `toml:"of" doc:"the arrangement"`
	From   int     `toml:"from" doc:"the last iterate that is left out" range:"[0,inf)"`
	Decay  float64 `toml:"decay" doc:"for ema: share of the average that is kept when an iterate is taken in" range:"[0,1)"`
	Window int     `toml:"window" doc:"for latest: how many" range:"[1,1000000]"`
}

// Compose returns the average as package compose has it.
func (a Average) Compose() compose.Average {
	kinds := map[string]compose.AverageKind{"tail": compose.Tail, "ema": compose.Exponential, "latest": compose.Latest}
	return compose.Average{Kind: kinds[a.Kind], From: a.From, Decay: a.Decay, Window: a.Window}
}

// Evaluate says what is measured, and when.
type Evaluate struct {
	Every        int      `toml:"every" doc:"every how many iterates (0: only those in at)" range:"[0,inf)"`
	At           []int    `toml:"at" doc:"single iterates, beside those of every, which is 0 then if it is not given" range:"[1,inf)"`
	TrainSamples int      `toml:"train_samples" doc:"training examples that the training loss is measured on" range:"[1,inf)"`
	TestSamples  int      `toml:"test_samples" doc:"test examples that are measured on (0: all)" range:"[0,inf)"`
	Metrics      []string `toml:"metrics" doc:"what is measured (default: losses and accuracy); displacement: the distance to the iterate that was evaluated before; contraction: by how much the next step brings two near states together, and loss_contraction: by how much the sum of their losses" oneof:"train_loss test_loss test_accuracy displacement contraction loss_contraction"`
}

// TrialMetric is what adaptive arrangements compare.
const TrialMetric = "train_loss"

// Iterates lists the evaluated iterates of a run of that many steps.
func (e Evaluate) Iterates(steps int) []int {
	iterates := slices.DeleteFunc(slices.Clone(e.At), func(n int) bool { return n > steps })
	for n := e.Every; n > 0 && n <= steps; n += e.Every {
		iterates = append(iterates, n)
	}
	slices.Sort(iterates)
	return slices.Compact(iterates)
}

// Weights says which states of a run stay in its folder.
type Weights struct {
	Keep  string `toml:"keep" doc:"last: the state of the last evaluated iterate of each arrangement, average and seed; none: nothing is kept" oneof:"last none"`
	Every int    `toml:"every" doc:"also the states of every so many iterates, of those that are evaluated (0: only the last)" range:"[0,inf)"`
}

// The values of Weights.Keep.
const (
	KeepLast = "last"
	KeepNone = "none"
)

// Keeps reports whether the state of an evaluated iterate stays beside the last one.
func (w Weights) Keeps(iterate int) bool { return w.Every > 0 && iterate%w.Every == 0 }

// Engine says what computes. The options of the engine stand in the same table.
type Engine struct {
	Name   string      `toml:"name" doc:"the engine"`
	Device string      `toml:"device" doc:"where it computes" oneof:"cpu"`
	DType  array.DType `toml:"dtype" doc:"the precision of parameters and batches" oneof:"float32 float64"`
	Engine engine.Engine
}

// Options are what a recipe is read with.
type Options struct {
	Models []string // the names behind zoo:

	// Set holds overrides of the form key=value, such as arrangement.backward.reset_every=500, which are put in the file's place
	// before anything is checked. A value is written as in TOML; what TOML does not know is a string.
	Set []string

	// Folder is what relative paths in the file are relative to, usually the file's own folder, and SetFolder what those in overrides are;
	// "" for the working folder.
	Folder, SetFolder string
}

// Parse reads a recipe. An error is of type [Errors]. The file's name is used in messages only.
func Parse(file string, source []byte, o Options) (*Recipe, error) {
	root, problem := parse(&document{name: file, text: string(source)})
	if problem != nil {
		return nil, Errors{*problem}
	}
	c := &checker{models: o.Models, folder: o.Folder, setFolder: o.SetFolder}
	for _, assignment := range o.Set {
		if problem := root.override(assignment); problem != nil {
			c.problems = append(c.problems, *problem)
		}
	}
	r := c.recipe(root)
	if len(c.problems) > 0 {
		c.problems.sort()
		return nil, c.problems
	}
	r.Source, r.Set, r.Folder, r.SetFolder = source, o.Set, o.Folder, o.SetFolder
	return r, nil
}
