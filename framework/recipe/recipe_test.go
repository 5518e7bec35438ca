package recipe

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/compose"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

const small = `
name  = "small"
steps = 10
model.onnx = "folder/net.onnx"
data  = {name = "digits", batch = 8}
loss.name = "cross_entropy"
[optimizer.sgd]
[arrangement.late]
kind  = "backward"
start = 5
[arrangement.forward]
[average.tail]
of = "forward"
`

func parseSmall(t *testing.T, set ...string) *Recipe {
	t.Helper()
	r, err := Parse("small.toml", []byte(small), Options{Models: zoo, Set: set})
	if err != nil {
		t.Fatalf("with %q:\n%v", set, err)
	}
	return r
}

func TestWhatIsNotGivenHasItsDefault(t *testing.T) {
	r := parseSmall(t)
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"seeds", r.Seeds, []uint64{0}},
		{"model.init of a file", r.Model.Init, "keep"},
		{"model", fmt.Sprintf("%+v", r.Model.Options()), fmt.Sprintf("%+v", model.Options{BatchNorm: model.AsExported})},
		{"data.sampling", r.Data.Sampling, "iid"},
		{"data.cycle", r.Data.Cycle, 0},
		{"optimizer.sgd.lr", r.Optimizer.Optimizer.(*sgd).LR, 0.01},
		{"the kind of arrangement.forward", r.Arrangements[1].Kind, "forward"},
		{"average.tail.kind", r.Averages[0].Kind, "tail"},
		{"average.tail.from", r.Averages[0].From, 0},
		{"schedule.name", r.Schedule.Name, "constant"},
		{"schedule.steps", r.Schedule.Steps, 0},
		{"schedule.follow", r.Schedule.Follow, "count"},
		{"the policy", fmt.Sprintf("%+v", r.Policy()), fmt.Sprintf("%+v", optim.Policy{})},
		{"evaluate.every", r.Evaluate.Every, 1},
		{"evaluate.train_samples", r.Evaluate.TrainSamples, 1000},
		{"evaluate.test_samples", r.Evaluate.TestSamples, 0},
		{"evaluate.metrics", r.Evaluate.Metrics, []string{"train_loss", "test_loss", "test_accuracy"}},
		{"evaluate.metrics of mse", parseSmall(t, "loss.name=mse").Evaluate.Metrics, []string{"train_loss", "test_loss"}},
		{"engine.name", r.Engine.Name, "plan"},
		{"engine.device", r.Engine.Device, "cpu"},
		{"engine.dtype", r.Engine.DType, array.Float32},
	} {
		if fmt.Sprintf("%T %[1]v", c.got) != fmt.Sprintf("%T %[1]v", c.want) {
			t.Errorf("%s is %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestWhatIsGivenReachesThePlugins(t *testing.T) {
	r := parseSmall(t, "data.name=sin", "data.points=7", "data.resize=[4, 6]", "data.normalize={mean=[0.5], std=[2]}", "loss.name=focal", "loss.gamma=0.5", "optimizer.sgd.momentum=0.5",
		"optimizer.sgd.nesterov=true", "optimizer.sgd.clip=inf", "arrangement.late.reset_every=3", "engine.dtype=float64")
	for _, c := range []struct{ got, want any }{
		{r.Data.Source, &dataset.Sin{Points: 7}},
		{r.Loss.Loss.(*focal).Gamma, 0.5},
		{r.Data.Preparation, dataset.Preparation{Resize: []int{4, 6}, Normalize: dataset.Normalization{Mean: []float64{0.5}, Std: []float64{2}}}},
		{r.Optimizer.Optimizer, &sgd{LR: 0.01, Momentum: 0.5, Nesterov: true, Clip: math.Inf(1)}},
		{r.Arrangements[0].Arrangement, &compose.Backward{Start: 5, ResetEvery: 3, ResetWhen: compose.Always}},
		{r.Engine.DType, array.Float64},
	} {
		if fmt.Sprintf("%T %+[1]v", c.got) != fmt.Sprintf("%T %+[1]v", c.want) {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
	if r.Engine.Engine == nil || string(r.Source) != small {
		t.Error("the engine or the source is missing")
	}
}

func TestAGroupHasTheOptimizersOptionsAndItsOwn(t *testing.T) {
	r := parseSmall(t, "optimizer.sgd.lr=0.5", "optimizer.sgd.momentum=0.25", `group.norms.match=["bn*"]`, "group.norms.momentum=0",
		`group.fixed={match = ["fc1.*"], frozen = true}`, `group.biases={match = ["*.bias"], lr = 2, nesterov = true}`)
	want := []optim.Group{
		{Name: "norms", Match: []string{"bn*"}, Optimizer: &sgd{LR: 0.5}},
		{Name: "fixed", Match: []string{"fc1.*"}, Frozen: true},
		{Name: "biases", Match: []string{"*.bias"}, Optimizer: &sgd{LR: 2, Momentum: 0.25, Nesterov: true}},
	}
	if got := r.Policy().Groups; !reflect.DeepEqual(got, want) {
		t.Errorf("the groups are %+v, want %+v", got, want)
	}
	if o := r.Optimizer.Optimizer.(*sgd); *o != (sgd{LR: 0.5, Momentum: 0.25}) {
		t.Errorf("groups made the optimizer %+v", o)
	}
}

func TestTheScheduleEndsWithTheRunUnlessItIsGivenAnEnd(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want *optim.Scheduling
	}{
		{nil, nil},
		{[]string{"schedule.follow=batch"}, nil},
		{[]string{"schedule.warmup=12"}, &optim.Scheduling{Schedule: optim.Constant{}, Warmup: 12, Steps: 10, Follow: "count"}},
		{[]string{"schedule.name=cosine", "steps=30"}, &optim.Scheduling{Schedule: &optim.Cosine{}, Steps: 30, Follow: "count"}},
		{[]string{"schedule.name=step", "schedule.every=3", "schedule.steps=7", "schedule.follow=batch"},
			&optim.Scheduling{Schedule: &optim.StepDecay{Every: 3, Gamma: 0.1}, Steps: 7, Follow: "batch"}},
	} {
		if got := parseSmall(t, c.set...).Policy().Schedule; !reflect.DeepEqual(got, c.want) {
			t.Errorf("with %q the schedule is %+v, want %+v", c.set, got, c.want)
		}
	}
}

func TestWhatIsImportedIsWhatTheRecipeSays(t *testing.T) {
	r := parseSmall(t, "model.output=features", "model.batchnorm=eval", "model.untie=true", `model.freeze=["conv*"]`, `model.train=["*.weight"]`, "model.head={classes = 5}")
	want := model.Options{
		Output: "features", BatchNorm: model.RunningAverages, Untie: true, Freeze: []string{"conv*"}, Train: []string{"*.weight"},
		Head: model.Head{Classes: 5}, Dims: map[string]int{}, Fix: map[string]any{},
	}
	if got := r.Model.Options(); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestArrangementsAreInTheOrderOfTheFileAndOverridesComeLast(t *testing.T) {
	r := parseSmall(t, "arrangement.again={kind = \"forward\"}", "arrangement.late.start=2", "arrangement.backward.start=1")
	var names []string
	for _, a := range r.Arrangements {
		names = append(names, a.Name+":"+a.Kind)
	}
	if got := strings.Join(names, " "); got != "late:backward forward:forward again:forward backward:backward" {
		t.Errorf("the arrangements are %s", got)
	}
}

func TestTheValueOfAnOverrideIsTOMLOrAString(t *testing.T) {
	for _, c := range []struct{ set, option, want string }{
		{"doc=two words", "doc", `"two words"`},
		{"doc = # no comment", "doc", `"# no comment"`},
		{`doc="quoted"`, "doc", `"quoted"`},
		{`doc="half`, "doc", `"\"half"`},
		{"doc=", "doc", `""`},
		{"doc=a=b", "doc", `"a=b"`},
		{"doc=1\nsteps = 3", "doc", `"1\nsteps = 3"`},
		{"seeds=[3, 1]", "seeds", "[3,1]"},
		{"steps=0x10", "steps", "16"},
		{"steps = 12 # a dozen", "steps", "12"},
		{"optimizer.sgd.lr=1e-3", "optimizer", `{"sgd":{"lr":0.001,"momentum":0,"nesterov":false,"clip":0}}`},
		{"optimizer . sgd . lr = 1", "optimizer", `{"sgd":{"lr":1,"momentum":0,"nesterov":false,"clip":0}}`},
		{"optimizer={adamw={betas=[0.5]}}", "optimizer", `{"adamw":{"lr":0.001,"betas":[0.5]}}`},
		{"model.onnx=zoo:convnet", "model", ""},
		{"engine.dtype=float64", "engine", `{"name":"plan","device":"cpu","dtype":"float64"}`},
	} {
		set := []string{c.set}
		if c.want == "" {
			c.want = `{"onnx":"zoo:convnet","init":"he","output":"","batchnorm":"as-exported","untie":false,"freeze":[],"train":[],"head":{"classes":0},"dims":{},"fix":{}}`
			set = append(set, "model.init=he")
		}
		for _, e := range parseSmall(t, set...).Resolved() {
			if e.Key != c.option {
				continue
			}
			if got, err := json.Marshal(e.Value); err != nil || string(got) != c.want {
				t.Errorf("--set %s: %s is %s (%v), want %s", c.set, e.Key, got, err, c.want)
			}
		}
	}
}

func TestTheLastOverrideOfAKeyHolds(t *testing.T) {
	if r := parseSmall(t, "steps=20", "data={name=\"sin\", batch=4}", "data.batch=5", "steps=30"); r.Steps != 30 || r.Data.Batch != 5 {
		t.Errorf("steps = %d, batch = %d", r.Steps, r.Data.Batch)
	}
}

func TestResolvedListsEveryOptionInOrder(t *testing.T) {
	r := parseSmall(t, "optimizer.sgd.clip=inf", "data.name=mixture", "data.weights=[1, nan]")
	got, err := json.MarshalIndent(r.Resolved(), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/resolved.json"
	if *update {
		if err := os.WriteFile(golden, append(got, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if string(got)+"\n" != string(want) {
		t.Errorf("resolved:\n%s\nwant:\n%s", got, want)
	}
}

func TestAResolvedRecipeMeansTheSame(t *testing.T) {
	for _, set := range [][]string{
		nil,
		{"loss.name=mse", "data.name=sin", "model.onnx=zoo:convnet", "model.init=torch", "optimizer={adamw={}}"},
		{"model.batchnorm=eval", "model.untie=true", `model.freeze=["a*", "b.?"]`, `model.train=["[a-c]*"]`, "model.head.classes=7", "model.output=features"},
		{"model.dims.time=128", `model.dims."x.2"=48`, `model.dims.'a "b"'=1`},
		{"model.fix.sr=16000", "model.fix.training=false", `model.fix."in:0"=[[1, 0.5], [3.5, 2]]`},
		{"data.resize=[16, 12]", "data.normalize={mean = [0.5, -1], std = [0.25, 2]}"},
		{"schedule.name=cosine", "schedule.final=0.1", "schedule.warmup=30", "schedule.follow=batch", "clipping.global_norm=2"},
		{`group.b={match = ["*.bias", "bn*"], lr = 0.5}`, `group.a={match = ["fc?.*"], frozen = true}`, "group.b.momentum=0.25", "schedule.steps=7"},
		{"data.sampling=cycle", "data.cycle=7", "optimizer.sgd.clip=-inf", "evaluate.metrics=[\"test_loss\"]", "seeds=[5]"},
	} {
		first := parseSmall(t, set...).Resolved()
		var text strings.Builder
		writeTOML(&text, "", first)
		r, err := Parse("resolved.toml", []byte(text.String()), Options{Models: zoo})
		if err != nil {
			t.Errorf("with %q:\n%s\n%v", set, text.String(), err)
			continue
		}
		before, _ := json.Marshal(first)
		after, _ := json.Marshal(r.Resolved())
		if string(before) != string(after) {
			t.Errorf("with %q:\n%s\nbecame\n%s", set, before, after)
		}
	}
}

// writeTOML writes the values of a table, and then its tables.
func writeTOML(b *strings.Builder, path string, t Table) {
	for _, e := range t {
		if _, isTable := e.Value.(Table); isTable {
			continue
		}
		value, _ := json.Marshal(e.Value)
		if _, isNumber := e.Value.(float64); isNumber {
			value = fmt.Append(nil, finite(e.Value))
		}
		fmt.Fprintf(b, "%s = %s\n", plugin.Key(e.Key), value)
	}
	for _, e := range t {
		if inner, isTable := e.Value.(Table); isTable {
			fmt.Fprintf(b, "[%s%s]\n", path, e.Key)
			writeTOML(b, path+e.Key+".", inner)
		}
	}
}

func TestSizesOfDimensionsAreKeptUnderTheirNames(t *testing.T) {
	for _, c := range []struct {
		set  []string
		want map[string]int
	}{
		{nil, map[string]int{}},
		{[]string{`model.dims={time = 128, "x.2" = 48, y.1.z = 3}`}, map[string]int{"time": 128, "x.2": 48, "y.1.z": 3}},
		{[]string{`model.dims={time = 128}`, "model.dims.height=64", "model.dims.time=32"}, map[string]int{"time": 32, "height": 64}},
		{[]string{`model.dims={"x.2" = 48}`, "model.dims.x.2=5"}, map[string]int{"x.2": 5}},
		{[]string{`model.dims . "input:0.2" = 7`, `model.dims.'a=b'=2`}, map[string]int{"input:0.2": 7, "a=b": 2}},
	} {
		if got := parseSmall(t, c.set...).Model.Options().Dims; !maps.Equal(got, c.want) {
			t.Errorf("%q: %v, want %v", c.set, got, c.want)
		}
	}
}

func TestValuesOfInputsAreKeptUnderTheirNames(t *testing.T) {
	got := parseSmall(t, "model.fix={training = true, size = [1, 2.5]}", "model.fix.training=false", "model.fix.x.mask=1").Model.Options().Fix
	if want := map[string]any{"training": false, "size": []any{int64(1), 2.5}, "x.mask": int64(1)}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTheChoicesAreThoseOfThePackagesThatOwnThem(t *testing.T) {
	choices := map[string][]string{}
	for _, s := range []any{&Model{}, &Data{}, &Schedule{}, &Engine{}} {
		for _, o := range plugin.Options(s) {
			choices[o.Name] = o.OneOf
		}
	}
	for option, want := range map[string][]string{
		"init":      model.Initializations,
		"batchnorm": {string(model.AsExported), string(model.BatchStatistics), string(model.RunningAverages)},
		"sampling":  {dataset.IID, dataset.Shuffle, dataset.Cycle},
		"dtype":     {string(array.Float32), string(array.Float64)},
		"follow":    {optim.FollowCount, optim.FollowBatch},
	} {
		if !slices.Equal(choices[option], want) {
			t.Errorf("%s is one of %v, want %v", option, choices[option], want)
		}
	}
}

func TestATextThatIsTooLargeIsRefused(t *testing.T) {
	_, err := Parse("large.toml", []byte(small+strings.Repeat("#", maximumSize)), Options{})
	if err == nil || err.Error() != "large.toml:1:1: this is no recipe: it is larger than 64 KiB" {
		t.Errorf("the error is %v", err)
	}
}
