package recipe

import (
	"math"
	"path"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// MaxSeeds is how many seeds a run has at most.
const MaxSeeds = 1000

// MaxClasses is how many classes a new head has at most.
const MaxClasses = 1 << 16

// maxLines is how many lines of metrics a run is planned for.
const maxLines = 1_000_000

var tables = []string{"model", "data", "loss", "optimizer", "schedule", "clipping", "group", "arrangement", "average", "evaluate", "weights",
	"engine"}

func (c *checker) recipe(root *node) *Recipe {
	r := &Recipe{Seeds: []uint64{0}}
	c.read("", root, schema{targets: []any{r}, required: []string{"name", "steps"}, tables: tables})
	if _, isText := root.text("name"); isText {
		if err := plugin.CheckName(r.Name); err != nil {
			c.report(root.where("name"), "name: %v", err)
		}
	}
	if len(r.Seeds) == 0 {
		c.report(root.where("seeds"), "seeds is empty")
	}
	if len(r.Seeds) > MaxSeeds {
		c.report(root.where("seeds"), "seeds has %d seeds: a run has at most %d", len(r.Seeds), MaxSeeds)
	}
	if twice, is := repeated(r.Seeds); is {
		c.report(root.where("seeds"), "seeds has %d twice", twice)
	}
	c.model(root, &r.Model)
	c.data(root, &r.Data)
	c.loss(root, &r.Loss)
	c.optimizer(root, &r.Optimizer)
	c.schedule(root, r)
	c.clipping(root, &r.Clipping)
	r.Groups = c.groups(root, r.Optimizer)
	r.Arrangements = c.arrangements(root)
	r.Averages = c.averages(root, r)
	c.evaluate(root, &r.Evaluate, r.Steps, r.Loss.Loss)
	c.size(root, r)
	c.weights(root, r)
	c.trials(root, r)
	c.engine(root, &r.Engine)
	return r
}

func (c *checker) model(root *node, m *Model) {
	table := c.table(root, "model", "the table [model] is missing")
	if table == nil {
		return
	}
	required := []string{"onnx"}
	file, isText := table.text("onnx")
	zoo, isZoo := strings.CutPrefix(file, ZooPrefix)
	if isZoo {
		required = append(required, "init") // it decides whether a model learns at all: nobody else should choose
	} else {
		m.Init = "keep"
	}
	m.BatchNorm, m.Freeze, m.Train = model.AsExported, []string{}, []string{}
	c.read("model", table, schema{targets: []any{m}, required: required, tables: []string{"head", "dims", "fix"}})
	c.head(table.find("head"), &m.Head)
	m.Dims = c.dims(table.find("dims"))
	m.Fix = c.fix(table.find("fix"))
	c.patterns(table.find("freeze"))
	c.patterns(table.find("train"))
	switch at := table.where("onnx"); {
	case isZoo && !slices.Contains(c.models, zoo):
		if suggestion := plugin.Suggest(zoo, c.models); suggestion != "" {
			c.report(at, "unknown model %q (did you mean %q?)", file, ZooPrefix+suggestion)
		} else {
			c.report(at, "unknown model %q%s", file, oneOf(prefixed(ZooPrefix, c.models)))
		}
	case isText && file == "":
		c.report(at, "onnx names no model")
	case slices.Contains(c.models, file):
		c.report(at, "onnx = %q is the path of a file (did you mean %q?)", file, ZooPrefix+file)
	}
}

func (c *checker) head(table *node, h *Head) {
	switch {
	case table == nil:
	case !table.isTable():
		c.report(table.at, "head must be a table: write head = {classes = 10}")
	default:
		c.read("model.head", table, schema{targets: []any{h}, required: []string{"classes"}})
	}
}

// dims reads sizes of dimensions.
func (c *checker) dims(table *node) map[string]int {
	dims := map[string]int{}
	for _, entry := range c.named(table, "write dims = {time = 128}, or by an input's name and an axis: dims = {\"x.2\" = 48}") {
		size, isInteger := entry.value.(int64)
		if !isInteger || size < 0 || size > math.MaxInt32 {
			c.report(entry.at, "dims: the size of %s must be an integer from 0 on", entry.name)
			continue
		}
		dims[entry.name] = int(size)
	}
	return dims
}

// fix reads values of inputs.
func (c *checker) fix(table *node) map[string]any {
	values := map[string]any{}
	for _, entry := range c.named(table, "write fix = {training = false, sr = 16000}, by the names of the model's inputs") {
		if err := model.CheckFixed(entry.value); err != nil {
			c.report(entry.at, "fix: the input %s: %v", entry.name, err)
			continue
		}
		values[entry.name] = entry.value
	}
	return values
}

// named returns the entries of a table whose keys are names of a model. A name with dots in it may be written with or without quotes.
func (c *checker) named(table *node, how string) (entries []*node) {
	switch {
	case table == nil:
		return nil
	case !table.isTable():
		c.report(table.at, "%s must be a table: %s", table.name, how)
		return nil
	}
	seen := map[string]int{}
	for _, entry := range table.flat("") {
		if at, twice := seen[entry.name]; !twice {
			seen[entry.name] = len(entries)
			entries = append(entries, entry)
		} else if entry.at.in.override {
			entries[at] = entry
		} else {
			c.report(entry.at, "%s has %q twice", table.name, entry.name)
		}
	}
	return entries
}

// patterns reports the strings of a list that cannot match any name.
func (c *checker) patterns(list *node) {
	if list == nil {
		return
	}
	values, _ := list.value.([]any) // that it is another value was reported when the table was read
	for i, value := range values {
		pattern, isText := value.(string)
		_, err := path.Match(pattern, "")
		switch at := list.children[i].at; {
		case !isText:
		case pattern == "":
			c.report(at, "%s has an empty pattern, which matches no parameter", list.name)
		case err != nil:
			c.report(at, "%s has %q, which is no pattern: * stands for any letters, ? for one, [a-z] for one of these, \\ takes the next letter as it is",
				list.name, pattern)
		}
	}
}

func (c *checker) data(root *node, d *Data) {
	table := c.table(root, "data", "the table [data] is missing")
	if table == nil {
		return
	}
	source, known := plugNamed(c, table, dataset.New, dataset.Names())
	d.Sampling, d.Source = dataset.IID, source
	d.Preparation = dataset.Preparation{Resize: []int{}, Normalize: dataset.Normalization{Mean: []float64{}, Std: []float64{}}}
	c.normalize(table, &d.Normalize)
	required, tables := []string{"name", "batch"}, []string{"normalize"}
	if !c.read("data", table, schema{targets: []any{d, source}, required: required, tables: tables, partial: !known}) {
		return
	}
	if _, err := dataset.NewSampler(d.Batch, d.Batch, d.Sampling, d.Cycle, 0); err != nil {
		c.report(table.where("cycle", "sampling"), "%v", err)
	}
	if err := (dataset.Preparation{Resize: d.Resize}).Validate(); err != nil {
		c.report(table.where("resize"), "%v", err)
	}
	c.validate(table.at, source)
}

func (c *checker) normalize(data *node, n *dataset.Normalization) {
	table := data.find("normalize")
	switch {
	case table == nil:
	case !table.isTable():
		c.report(table.at, "normalize must be a table: write normalize = {mean = [0.5], std = [0.25]}, with a number for each channel or one for all")
	case c.read("data.normalize", table, schema{targets: []any{n}, required: []string{"mean", "std"}}):
		c.validate(table.at, n)
	}
}

func (c *checker) loss(root *node, l *Loss) {
	table := c.table(root, "loss", "the table [loss] is missing")
	if table == nil {
		return
	}
	loss, known := plugNamed(c, table, program.NewLoss, program.LossNames())
	l.Loss = loss
	if c.read("loss", table, schema{targets: []any{l, loss}, required: []string{"name"}, partial: !known}) {
		c.validate(table.at, loss)
	}
}

func (c *checker) optimizer(root *node, o *Optimizer) {
	table := c.choice(root, "optimizer", optim.Names())
	if table == nil {
		return
	}
	entries := c.entries(table, "optimizer", optim.Names())
	for i, entry := range entries {
		if i > 0 {
			c.report(entry.at, "there are two optimizers, %s and %s: a recipe has one", entries[0].name, entry.name)
		}
		optimizer, known := plug(c, entry.at, entry.name, optim.New, optim.Names())
		if !known {
			continue
		}
		if c.read("optimizer."+entry.name, entry, schema{targets: []any{optimizer}}) {
			c.validate(entry.at, optimizer)
		}
		o.Name, o.Optimizer = entry.name, optimizer
	}
}

func (c *checker) arrangements(root *node) (list []Arrangement) {
	table := c.choice(root, "arrangement", compose.Names())
	if table == nil {
		return nil
	}
	for _, entry := range c.entries(table, "arrangement", compose.Names()) {
		a, known := Arrangement{Name: entry.name, Kind: entry.name}, false
		kind, isText := entry.text("kind")
		if isText {
			a.Kind = kind
		}
		if isText || entry.find("kind") == nil {
			a.Arrangement, known = plug(c, entry.where("kind"), a.Kind, compose.New, compose.Names())
		}
		if c.read("arrangement."+a.Name, entry, schema{targets: []any{&a, a.Arrangement}, partial: !known}) {
			c.validate(entry.at, a.Arrangement)
		}
		list = append(list, a)
	}
	return list
}

func (c *checker) averages(root *node, r *Recipe) (list []Average) {
	table := c.table(root, "average", "")
	if table == nil {
		return nil
	}
	var names []string
	for _, a := range r.Arrangements {
		names = append(names, a.Name)
	}
	for _, entry := range c.entries(table, "average", nil) {
		a := Average{Name: entry.name, Kind: "tail", Decay: 0.99, Window: 10}
		c.read("average."+a.Name, entry, schema{targets: []any{&a}, required: []string{"of"}})
		if _, isText := entry.text("of"); isText && !slices.Contains(names, a.Of) {
			if suggestion := plugin.Suggest(a.Of, names); suggestion != "" {
				c.report(entry.where("of"), "the recipe has no arrangement %q (did you mean %q?)", a.Of, suggestion)
			} else {
				c.report(entry.where("of"), "the recipe has no arrangement %q%s", a.Of, oneOf(names))
			}
		}
		if like := sameFile(a.Name, names); like != "" {
			c.report(entry.at, "%s: an arrangement has the name %s too: their results could not be told apart", a.Name, like)
		}
		list = append(list, a)
	}
	return list
}

func (c *checker) evaluate(root *node, e *Evaluate, steps int, loss program.Loss) {
	table := c.table(root, "evaluate", "")
	if table == nil {
		return
	}
	classes := loss == nil || ofClasses(loss)
	*e = Evaluate{Every: 1, At: []int{}, TrainSamples: 1000, Metrics: []string{"train_loss", "test_loss"}}
	if table.find("at") != nil {
		e.Every = 0
	}
	if classes {
		e.Metrics = append(e.Metrics, "test_accuracy")
	}
	c.read("evaluate", table, schema{targets: []any{e}})
	switch {
	case steps <= 0 || len(e.Iterates(steps)) > 0:
	case len(e.At) > 0:
		c.report(table.where("at"), "at = %v has no iterate of the %d steps: nothing would be recorded", e.At[:min(len(e.At), 5)], steps)
	case e.Every == 0:
		c.report(table.where("every"), "every = 0 without at: nothing would be recorded")
	default:
		c.report(table.where("every"), "every = %d is more than the %d steps: nothing would be recorded", e.Every, steps)
	}
	at := table.where("metrics")
	if len(e.Metrics) == 0 {
		c.report(at, "metrics is empty: nothing would be recorded")
	}
	if twice, is := repeated(e.Metrics); is {
		c.report(at, "metrics has %s twice", twice)
	}
	if !classes && slices.Contains(e.Metrics, "test_accuracy") {
		c.report(at, "metrics has test_accuracy, but the targets of the loss are not classes")
	}
}

func (c *checker) weights(root *node, r *Recipe) {
	table := c.table(root, "weights", "")
	if table == nil {
		return
	}
	w := &r.Weights
	*w = Weights{Keep: KeepLast}
	if !c.read("weights", table, schema{targets: []any{w}}) {
		return
	}
	switch {
	case w.Every > 0 && w.Keep == KeepNone:
		c.report(table.where("every"), "every = %d keeps weights, but keep = %q", w.Every, w.Keep)
	case w.Every > 0 && len(c.problems) == 0 && !slices.ContainsFunc(r.Evaluate.Iterates(r.Steps), w.Keeps):
		c.report(table.where("every"), "every = %d meets none of the evaluated iterates: only their weights can be kept", w.Every)
	}
}

// trials reports arrangements that decide by a metric that is not measured.
func (c *checker) trials(root *node, r *Recipe) {
	for _, a := range r.Arrangements {
		if a.Arrangement == nil || slices.Contains(r.Evaluate.Metrics, TrialMetric) {
			continue
		}
		if _, is := compose.IsAdaptive(a.Arrangement, r.Steps); is {
			c.report(root.find("arrangement").where(a.Name), "arrangement %s decides by %s, which metrics lacks", a.Name, TrialMetric)
		}
	}
}

// ofClasses reports whether the targets of a loss are class indices: one number where the output has several.
func ofClasses(loss program.Loss) bool {
	shape, err := loss.TargetShape([]int{2})
	return err == nil && len(shape) == 0
}

func (c *checker) engine(root *node, e *Engine) {
	table := c.table(root, "engine", "")
	if table == nil {
		return
	}
	*e = Engine{Name: "plan", Device: "cpu", DType: array.Float32}
	name := e.Name
	if text, isText := table.text("name"); isText {
		name = text
	}
	made, known := plug(c, table.where("name"), name, engine.New, engine.Names())
	e.Engine = made
	if c.read("engine", table, schema{targets: []any{e, made}, partial: !known}) {
		c.validate(table.at, made)
	}
}

// size reports a run that would record more than can be planned, if nothing else is wrong with it.
func (c *checker) size(root *node, r *Recipe) {
	if len(c.problems) > 0 {
		return
	}
	recorded := len(r.Arrangements) + len(r.Averages)
	lines := len(r.Evaluate.Iterates(r.Steps)) * recorded * len(r.Seeds)
	if lines <= maxLines {
		return
	}
	at := root.where("steps")
	if table := root.find("evaluate"); table != nil {
		at = table.where("every", "at")
	}
	c.report(at, "the run would record %d lines, for each evaluated iterate of %d arrangements and averages with %d seeds: at most %d are planned "+
		"(evaluate fewer iterates: every = %d)", lines, recorded, len(r.Seeds), maxLines, (r.Steps*recorded*len(r.Seeds)+maxLines-1)/maxLines)
}

func repeated[T comparable](list []T) (twice T, is bool) {
	seen := make(map[T]bool, len(list))
	for _, v := range list {
		if seen[v] {
			return v, true
		}
		seen[v] = true
	}
	return twice, false
}

func prefixed(prefix string, names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = prefix + name
	}
	return list
}
