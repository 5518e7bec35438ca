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

// gradientFlags are the flags of model gradients.
type gradientFlags struct {
	data, loss, mode, engine, precision, output, out string
	untie                                            bool
	bindings                                         bindings
}

func newGradients() *cobra.Command {
	c := &cobra.Command{
		Use:   "gradients FILE|zoo:NAME --data BATCH.npz --loss NAME --out OUT.npz",
		Short: "Compute a model's output, loss and gradients on a batch",
		Long: `Computes the output, the mean loss and its gradient with respect to every trained initializer, so that they can be
compared with any other framework. The gradients are those of a training step: BatchNormalization uses the statistics of the
batch where the file was exported for training, or everywhere with --mode train. With --mode eval it uses its running statistics.

BATCH.npz holds "input", or one array for each input under its name, and "target": class indices for cross_entropy,
numbers in the shape of the output for mse. OUT.npz gets "output", "loss", "grad:NAME" for every trained initializer and "buffer:NAME" for
what a step makes of every running statistic.`,
		Example: `  backstitch model gradients mlp.onnx --data batch.npz --loss cross_entropy --dtype float64 --out gradients.npz`,
		Args:    cobra.ExactArgs(1),
	}
	f := gradientFlags{}
	c.Flags().StringVar(&f.data, "data", "", "the batch, an .npz `FILE`")
	choiceFlag(c, &f.loss, "loss", "", program.LossNames(), "the loss")
	choiceFlag(c, &f.mode, "mode", "as-exported", []string{"as-exported", "train", "eval"}, "the model's mode")
	engineFlag(c, &f.engine)
	precisionFlag(c, &f.precision)
	outputFlag(c, &f.output)
	untieFlag(c, &f.untie)
	bindingFlags(c, &f.bindings)
	c.Flags().StringVar(&f.out, "out", "", "the results, an .npz `FILE`")
	requireFlags(c, "data", "loss", "out")
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if err := checkTarget(f.out, npzFile, f.data); err != nil {
			return err
		}
		var b engine.Batch
		p, err := heard(c.Context(), func() (p *program.Program, err error) { p, b, err = f.prepare(arguments[0]); return p, err })
		if err != nil {
			return err
		}
		return f.compute(c, p, b)
	}
	return c
}

// prepare makes the program whose gradient is wanted, and reads its batch.
func (f *gradientFlags) prepare(reference string) (*program.Program, engine.Batch, error) {
	var b engine.Batch
	loss, err := program.NewLoss(f.loss)
	if err != nil {
		return nil, b, err
	}
	arrays, err := readNPZ(f.data)
	if err != nil {
		return nil, b, err
	}
	source, err := openModel(reference)
	if err != nil {
		return nil, b, err
	}
	options := f.bindings.apply(model.Options{Output: f.output, Evaluation: f.mode == "eval", Untie: f.untie, TrainMasks: true})
	if f.mode == "train" {
		options.BatchNorm = model.BatchStatistics
	}
	inferred, err := model.Infer(source, options, inputShapes(source, arrays))
	if err != nil {
		return nil, b, fmt.Errorf("%s: %w", reference, err)
	}
	maps.Copy(options.Dims, inferred)
	m, err := model.Import(source, options)
	if err != nil {
		return nil, b, fmt.Errorf("%s: %w", reference, err)
	}
	file, err := newBatchFile(f.data, arrays, m)
	if err != nil {
		return nil, b, err
	}
	p, err := program.New(program.Spec{Model: m, Loss: loss, Optimizer: standstill{}, Precision: array.DType(f.precision)}, file.examples)
	if err != nil {
		return nil, b, fmt.Errorf("%s: %w", reference, err)
	}
	b, err = file.read(p)
	return p, b, err
}

// untouched returns the initializers that are trained through other outputs of the graph alone: the gradient with respect to them
// is zero.
func untouched(m *model.Model) (list []model.Parameter) {
	known := map[string]bool{}
	for _, p := range slices.Concat(m.Parameters, m.Buffers) {
		known[p.Name] = true
	}
	for _, out := range m.Source.Graph.Outputs {
		other, err := model.Import(m.Source, model.Options{Output: out.Name, Dims: m.Options().Dims, Fix: m.Options().Fix})
		if err != nil {
			continue // an output that nothing can be trained through
		}
		for _, p := range other.Parameters {
			if !known[p.Name] {
				known[p.Name] = true
				list = append(list, p)
			}
		}
	}
	return list
}

// standstill is the optimizer of a program that is asked for gradients only.
type standstill struct{}

// Step changes nothing.
func (standstill) Step(s *optim.Step) {
	for _, p := range s.Params() {
		p.Set(p.Value())
	}
}

func (f *gradientFlags) compute(c *cobra.Command, p *program.Program, b engine.Batch) error {
	e, err := engine.New(f.engine)
	if err != nil {
		return err
	}
	values, err := p.Model.Initialize("keep", 0)
	if err != nil {
		return err
	}
	s := p.NewState(values)
	gradient := array.New(p.Precision, p.Layout.Parameters())
	evaluation, err := heard(c.Context(), func() (engine.Evaluation, error) {
		machine, err := e.Open(p)
		if err != nil {
			return engine.Evaluation{}, err
		}
		defer machine.Close()
		return machine.Gradient(c.Context(), s, b, gradient)
	})
	if err != nil {
		return err
	}
	loss, scalar := evaluation.Loss(), array.New(p.Precision, 1)
	scalar.Set(0, loss)
	results := []namedArray{
		{"output", npyArray{evaluation.Shape, evaluation.Output}},
		{"loss", npyArray{nil, scalar}},
	}
	for _, field := range p.Layout.Fields() {
		if field.Kind == optim.Parameter {
			part := gradient.Slice(field.Offset(), field.Offset()+field.Size())
			results = append(results, namedArray{"grad:" + field.Name, npyArray{field.Shape, part}})
		}
	}
	for _, idle := range untouched(p.Model) {
		results = append(results, namedArray{"grad:" + idle.Name, npyArray{idle.Shape, array.New(p.Precision, idle.Value.Len())}})
	}
	for i, buffer := range p.Model.Buffers {
		results = append(results, namedArray{"buffer:" + buffer.Name, npyArray{buffer.Shape, evaluation.Buffers[i]}})
	}
	if err := writeNPZ(f.out, results); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "loss %v; wrote the output and %s to %s\n", loss, several(len(p.Model.Parameters), "gradient"), f.out)
	return nil
}
