package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/spf13/cobra"
)

// saved writes a model with these nodes and inputs, an initializer "w" of 3 rows and 3 columns, and the output "y".
func saved(t *testing.T, inputs []*onnx.ValueInfo, nodes ...*onnx.Node) string {
	t.Helper()
	m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name: "saved", Nodes: nodes, Inputs: inputs,
		Outputs:      []*onnx.ValueInfo{onnx.NewTensorInfo("y", onnx.Float)},
		Initializers: []*onnx.Tensor{onnx.NewFloatTensor("w", []int64{3, 3}, []float32{.5, -.1, .2, .3, .4, -.6, -.7, .8, .9})},
	}}
	file := filepath.Join(t.TempDir(), "model.onnx")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	return file
}

// command runs the command line, and returns what it printed.
func command(arguments ...string) (exit int, stdout, stderr string) {
	var out, errors bytes.Buffer
	exit = Main(arguments, &out, &errors)
	return exit, out.String(), errors.String()
}

func TestEveryCommandThatTakesAModelHasTheFlagsOfBindings(t *testing.T) {
	found := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, held := range c.Commands() {
			visit(held)
		}
		takes := strings.Contains(c.Use, "FILE|zoo:NAME") || c.Flags().Lookup("model") != nil || c.Use == "run RECIPE" || c.Use == "validate RECIPE..."
		if !takes {
			return
		}
		found++
		for _, flag := range []string{"dim", "fix"} {
			if c.Flags().Lookup(flag) == nil {
				t.Errorf("%s has no flag --%s", c.CommandPath(), flag)
			}
		}
	}
	visit(newRoot())
	if found != 9 {
		t.Errorf("%d commands take a model, want 9", found)
	}
}

func TestOpenDimensionsAreGivenOnTheCommandLine(t *testing.T) {
	dims := []onnx.Dim{onnx.SymbolicDim("batch"), onnx.SymbolicDim("time steps"), onnx.FixedDim(3)}
	file := saved(t, []*onnx.ValueInfo{onnx.NewTensorInfo("x", onnx.Float, dims...)},
		&onnx.Node{OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"h"}},
		&onnx.Node{OpType: "ReduceMean", Inputs: []string{"h"}, Outputs: []string{"y"},
			Attributes: []*onnx.Attribute{onnx.IntsAttr("axes", 1), onnx.IntAttr("keepdims", 0)}})
	recipe := filepath.Join(t.TempDir(), "mine.toml")
	text := "name = \"mine\"\nsteps = 2\nmodel = {onnx = '" + file + "'}\ndata = {name = \"digits\", batch = 2}\n" +
		"loss = {name = \"cross_entropy\"}\noptimizer = {sgd = {}}\narrangement = {forward = {}}\n"
	if err := os.WriteFile(recipe, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	const both = `write dims = {"time steps" = N} in [model], or --dim 'time steps=N'`
	for _, c := range []struct {
		arguments []string
		exit      int
		want      string
	}{
		{[]string{"model", "inspect", file}, exitSuccess, `dimension 1 of x: dims = {"time steps" = N} in [model], or --dim 'time steps=N'`},
		{[]string{"model", "inspect", file, "--dim", "time steps=4"}, exitSuccess, "This model can be imported and trained."},
		{[]string{"model", "check", file}, exitFailure, both},
		{[]string{"model", "check", file, "--dim", "time steps=4"}, exitSuccess, "gradient, worst"},
		{[]string{"model", "check", file, "--dim", "x.1=4"}, exitSuccess, "gradient, worst"},
		{[]string{"model", "check", file, "--dim", "time step=4"}, exitFailure, `did you mean "time steps"?`},
		{[]string{"model", "check", file, "--dim", "batch=4"}, exitFailure, `it is the batch, whose size is set with batch in [data], or --batch`},
		{[]string{"bench", "hvp", "--duration", "1ms", "--model", file}, exitFailure, both},
		{[]string{"bench", "hvp", "--duration", "1ms", "--model", file, "--dim", "time steps=4"}, exitSuccess, "Hessian-vector product"},
		{[]string{"validate", recipe}, exitSuccess, `mine.toml: ok; the model was not checked: the data decide how large time steps is`},
		{[]string{"validate", recipe, "--dim", "time steps=4"}, exitSuccess, "mine.toml: ok\n"},
		{[]string{"validate", recipe, "--dim", "tim=4"}, exitUsage, `no input has that dimension`},
		{[]string{"run", recipe, "--dry-run", "--dim", "time steps=4"}, exitFailure, `takes examples of shape [4 3]`},
		{[]string{"run", recipe, "--dry-run", "--set", `model.dims."time steps"=4`}, exitFailure, `takes examples of shape [4 3]`},
		{[]string{"run", recipe, "--dry-run", "--dim", "time steps"}, exitUsage, `--dim is "time steps": want NAME=SIZE`},
	} {
		exit, stdout, stderr := command(c.arguments...)
		if exit != c.exit || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%q: exit %d, want %d with %q:\n%s%s", c.arguments, exit, c.exit, c.want, stdout, stderr)
		}
	}
}

func TestInputsAreFixedOnTheCommandLine(t *testing.T) {
	branch := func(name, operator string) *onnx.Attribute {
		return onnx.GraphAttr(name, &onnx.Graph{Name: name, Nodes: []*onnx.Node{{OpType: operator, Inputs: []string{"h"}, Outputs: []string{name}}},
			Outputs: []*onnx.ValueInfo{onnx.NewTensorInfo(name, onnx.Float)}})
	}
	file := saved(t, []*onnx.ValueInfo{
		onnx.NewTensorInfo("x", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(3)),
		onnx.NewTensorInfo("mask", onnx.Float, onnx.SymbolicDim("batch"), onnx.FixedDim(3)),
		onnx.NewTensorInfo("training", onnx.Bool),
	},
		&onnx.Node{OpType: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"g"}},
		&onnx.Node{OpType: "Mul", Inputs: []string{"g", "mask"}, Outputs: []string{"h"}},
		&onnx.Node{OpType: "If", Inputs: []string{"training"}, Outputs: []string{"y"},
			Attributes: []*onnx.Attribute{branch("then_branch", "Tanh"), branch("else_branch", "Sigmoid")}})
	const both = `to fix the input "training", write fix = {training = true} in [model], or --fix training=true`
	for _, c := range []struct {
		arguments []string
		exit      int
		want      string
	}{
		{[]string{"model", "inspect", file}, exitSuccess, both},
		{[]string{"model", "inspect", file, "--fix", "training=false"}, exitSuccess, "training BOOL (), fixed"},
		{[]string{"model", "check", file}, exitFailure, both},
		{[]string{"model", "check", file, "--fix", "training=false"}, exitSuccess, "gradient, worst"},
		{[]string{"model", "check", file, "--fix", "training=true", "--fix", "mask=[1, 0.5, 0]"}, exitSuccess, "gradient, worst"},
		{[]string{"model", "check", file, "--fix", "mask=[1, 2]", "--fix", "training=true"}, exitFailure, "a value of shape [2] does not fill the shape [2 3]"},
		{[]string{"model", "check", file, "--fix", "training=maybe"}, exitUsage, "want a number, true or false, or a list of these, not maybe"},
		{[]string{"model", "check", file, "--fix", "training"}, exitUsage, "want INPUT=VALUE"},
		{[]string{"bench", "hvp", "--duration", "1ms", "--model", file}, exitFailure, both},
		{[]string{"bench", "hvp", "--duration", "1ms", "--model", file, "--fix", "training=1", "--fix", "mask=1"}, exitSuccess, "Hessian-vector product"},
	} {
		exit, stdout, stderr := command(c.arguments...)
		if exit != c.exit || !strings.Contains(stdout+stderr, c.want) {
			t.Errorf("%q: exit %d, want %d with %q:\n%s%s", c.arguments, exit, c.exit, c.want, stdout, stderr)
		}
	}
}
