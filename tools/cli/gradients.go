package cli

import (
	"fmt"
	"maps"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/spf13/cobra"
)

func newGradients() *cobra.Command {
	c := &cobra.Command{
		Use:   "gradients FILE|zoo:NAME --data BATCH.npz --loss NAME --out OUT.npz",
		Short: "Compute a model's output, loss and gradients on a batch",
		Long: `Computes the output, the mean loss and its gradient with respect to every trained initializer, so that they can be
compared with any other framework.

BATCH.npz holds "target" and "input", or one array for each input under its name. OUT.npz gets "output", "loss" and
"grad:NAME" for every trained initializer.`,
		Example: `  backstitch model gradients mlp.onnx --data batch.npz --loss cross_entropy --dtype float64 --out gradients.npz`,
		Args:    cobra.ExactArgs(1),
	}
	data := c.Flags().String("data", "", "the batch, an .npz file")
	lossName := c.Flags().String("loss", "", "the loss: cross_entropy (targets are class indices) or mse")
	mode := c.Flags().String("mode", "train", "train or eval; no operator that is supported yet tells them apart")
	engineName := c.Flags().String("engine", "tape", "the engine")
	precision := c.Flags().String("dtype", "float32", "float32 or float64")
	out := c.Flags().String("out", "", "the results, an .npz file")
	output := c.Flags().String("output", "", "the tensor to train on (default: the first graph output)")
	for _, name := range []string{"data", "loss", "out"} {
		if err := c.MarkFlagRequired(name); err != nil {
			panic(err)
		}
	}
	c.RunE = func(c *cobra.Command, arguments []string) error {
		d, err := array.ParseDType(*precision)
		if err != nil {
			return usageError(c, err)
		}
		if *mode != "train" && *mode != "eval" {
			return usageError(c, fmt.Errorf("--mode is %q, want train or eval", *mode))
		}
		loss, err := program.NewLoss(*lossName)
		if err != nil {
			return usageError(c, err)
		}
		source, err := openModel(arguments[0], 0)
		if err != nil {
			return err
		}
		m, err := model.Import(source, model.Options{Output: *output})
		if err != nil {
			return err
		}
		b, err := readBatch(*data, m)
		if err != nil {
			return err
		}
		p, err := program.New(program.Spec{Model: m, Loss: loss, Optimizer: standstill{}, Precision: d}, b.Size)
		if err != nil {
			return err
		}
		return writeGradients(c, p, *engineName, b, *out)
	}
	return c
}

// standstill is the optimizer of a program that is asked for gradients only.
type standstill struct{}

// Step changes nothing.
func (standstill) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

// readBatch reads the arrays that the model's inputs and the targets are named after.
func readBatch(path string, m *model.Model) (engine.Batch, error) {
	arrays, err := readNPZ(path)
	if err != nil {
		return engine.Batch{}, err
	}
	take := func(names ...string) (npyArray, error) {
		for _, name := range names {
			if a, ok := arrays[name]; ok {
				return a, nil
			}
		}
		return npyArray{}, fmt.Errorf("%s: no array %q (there are %q)", path, names[0], slices.Sorted(maps.Keys(arrays)))
	}
	var b engine.Batch
	for _, in := range m.Inputs {
		names := []string{in.Name}
		if len(m.Inputs) == 1 {
			names = append(names, "input")
		}
		a, err := take(names...)
		if err != nil {
			return b, err
		}
		if len(a.shape) == 0 || (b.Size != 0 && a.shape[0] != b.Size) {
			return b, fmt.Errorf("%s: input %q has the shape %v; the first dimension of all inputs is the batch", path, in.Name, a.shape)
		}
		if len(a.shape) != len(in.Dims) {
			return b, fmt.Errorf("%s: input %q has the shape %v, the model's has %d dimensions", path, in.Name, a.shape, len(in.Dims))
		}
		b.Size = a.shape[0]
		b.Inputs = append(b.Inputs, a.data)
	}
	targets, err := take("target", "targets")
	b.Targets = targets.data
	return b, err
}

func writeGradients(c *cobra.Command, p *program.Program, engineName string, b engine.Batch, path string) error {
	e, err := engine.New(engineName)
	if err != nil {
		return usageError(c, err)
	}
	machine, err := e.Open(p)
	if err != nil {
		return err
	}
	defer machine.Close()
	values, err := p.Model.Initialize("keep", 0)
	if err != nil {
		return err
	}
	s := p.NewState(values)
	gradient := array.New(p.Precision, p.Layout.Parameters())
	loss, err := machine.Gradient(c.Context(), s, b, gradient)
	if err != nil {
		return err
	}
	evaluation, err := machine.Evaluate(c.Context(), s, b)
	if err != nil {
		return err
	}
	lossArray := array.New(p.Precision, 1)
	lossArray.Set(0, loss)
	results := []namedArray{
		{"output", npyArray{evaluation.Shape, evaluation.Output}},
		{"loss", npyArray{[]int{}, lossArray}},
	}
	for _, f := range p.Layout.Fields() {
		results = append(results, namedArray{"grad:" + f.Name, npyArray{f.Shape, gradient.Slice(f.Offset(), f.Offset()+f.Size())}})
	}
	if err := writeNPZ(path, results); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "loss %v; wrote the output and %d gradients to %s\n", loss, len(p.Layout.Fields()), path)
	return nil
}
