package cli

import (
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/spf13/cobra"
)

// gradientFlags are the flags of model gradients.
type gradientFlags struct {
	data, loss, mode, engine, precision, output, out string
}

func newGradients() *cobra.Command {
	c := &cobra.Command{
		Use:   "gradients FILE|zoo:NAME --data BATCH.npz --loss NAME --out OUT.npz",
		Short: "Compute a model's output, loss and gradients on a batch",
		Long: `Computes the output, the mean loss and its gradient with respect to every trained initializer, so that they can be
compared with any other framework.

BATCH.npz holds "input", or one array for each input under its name, and "target": class indices for cross_entropy,
numbers in the shape of the output for mse. OUT.npz gets "output", "loss" and "grad:NAME" for every trained initializer.`,
		Example: `  backstitch model gradients mlp.onnx --data batch.npz --loss cross_entropy --dtype float64 --out gradients.npz`,
		Args:    cobra.ExactArgs(1),
	}
	f := gradientFlags{}
	c.Flags().StringVar(&f.data, "data", "", "the batch, an .npz `FILE`")
	choiceFlag(c, &f.loss, "loss", "", program.LossNames(), "the loss")
	choiceFlag(c, &f.mode, "mode", "train", []string{"train", "eval"}, "the model's mode, which no operator that is supported yet depends on")
	engineFlag(c, &f.engine)
	precisionFlag(c, &f.precision)
	outputFlag(c, &f.output)
	c.Flags().StringVar(&f.out, "out", "", "the results, an .npz `FILE`")
	requireFlags(c, "data", "loss", "out")
	c.RunE = func(c *cobra.Command, arguments []string) error {
		p, b, err := f.prepare(arguments[0])
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
	m, err := importModel(reference, f.output)
	if err != nil {
		return nil, b, err
	}
	file, err := openBatch(f.data, m)
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

// sameBatch is a batch under every number.
type sameBatch struct{ batch engine.Batch }

// Batch returns the batch.
func (b sameBatch) Batch(int) (engine.Batch, error) { return b.batch, nil }

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
	evaluation, err := machine.Gradient(c.Context(), s, b, gradient)
	if err != nil {
		return err
	}
	loss, scalar := evaluation.Loss(), array.New(p.Precision, 1)
	scalar.Set(0, loss)
	results := []namedArray{
		{"output", npyArray{evaluation.Shape, evaluation.Output}},
		{"loss", npyArray{nil, scalar}},
	}
	if err := machine.Apply(c.Context(), s, sameBatch{b}, []int{1}); err != nil { // for the buffers alone: nothing is trained
		return err
	}
	for _, field := range p.Layout.Fields() {
		switch field.Kind {
		case optim.Parameter:
			part := gradient.Slice(field.Offset(), field.Offset()+field.Size())
			results = append(results, namedArray{"grad:" + field.Name, npyArray{field.Shape, part}})
		case optim.Buffer:
			results = append(results, namedArray{"buffer:" + field.Name, npyArray{field.Shape, s.Field(field)}})
		}
	}
	if err := writeNPZ(f.out, results); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "loss %v; wrote the output and %s to %s\n", loss, several(len(p.Model.Parameters), "gradient"), f.out)
	return nil
}
