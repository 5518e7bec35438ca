package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/spf13/cobra"
)

func newModel() *cobra.Command {
	c := &cobra.Command{Use: "model", Short: "Look into ONNX models, export those of the zoo, compute gradients"}
	c.AddCommand(newInspect(), newExport(), newGradients())
	return c
}

// openModel reads zoo:NAME, built with the seed, or a file.
func openModel(reference string, seed uint64) (*onnx.Model, error) {
	if name, zoo := strings.CutPrefix(reference, "zoo:"); zoo {
		return modelzoo.Build(name, seed)
	}
	return onnx.Load(reference)
}

func newInspect() *cobra.Command {
	c := &cobra.Command{
		Use:   "inspect FILE|zoo:NAME",
		Short: "Describe a model: what it holds, what would train, and what cannot be imported",
		Example: `  backstitch model inspect resnet.onnx
  backstitch model inspect zoo:mlp-5x500 --json`,
		Args: cobra.ExactArgs(1),
	}
	output := c.Flags().String("output", "", "the tensor to train on (default: the first graph output)")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		source, err := openModel(arguments[0], 0)
		if err != nil {
			return err
		}
		r := model.Inspect(source, model.Options{Output: *output})
		if *asJSON {
			return printJSON(c, r)
		}
		return printReport(c.OutOrStdout(), r)
	}
	return c
}

func printReport(w io.Writer, r *model.Report) error {
	t := newTable(w)
	t.row("producer", r.Producer)
	for domain, version := range r.Opsets {
		if domain == "" {
			domain = "ai.onnx"
		}
		t.row("opset", fmt.Sprintf("%s %d", domain, version))
	}
	for _, in := range r.Inputs {
		t.row("input", fmt.Sprintf("%s %s (%s)", in.Name, in.Type, strings.Join(in.Shape, ", ")))
	}
	for _, out := range r.Outputs {
		t.row("output", fmt.Sprintf("%s %s (%s)", out.Name, out.Type, strings.Join(out.Shape, ", ")))
	}
	var operators []string
	for _, o := range r.Operators {
		text := fmt.Sprintf("%s×%d", o.Name, o.Count)
		if !o.Supported {
			text += " (not supported)"
		}
		operators = append(operators, text)
	}
	t.row("operators", strings.Join(operators, ", "))
	t.row("parameters", count(int64(r.Size)))
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = newTable(w, "initializer", "shape", "trains")
	for _, p := range r.Parameters {
		trains := "no"
		if p.Trainable {
			trains = "yes"
		}
		t.row(p.Name, fmt.Sprint(p.Shape), trains)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(r.Problems) == 0 {
		fmt.Fprintln(w, "\nThis model can be imported and trained.")
		return nil
	}
	fmt.Fprintln(w, "\nThis model cannot be trained as it stands:")
	for _, p := range r.Problems {
		if p.Node != "" {
			fmt.Fprintf(w, "  %s: %s\n", p.Node, p.Reason)
		} else {
			fmt.Fprintf(w, "  %s\n", p.Reason)
		}
	}
	return nil
}

func newExport() *cobra.Command {
	c := &cobra.Command{
		Use:     "export zoo:NAME FILE",
		Short:   "Write a model of the zoo as an .onnx file",
		Example: `  backstitch model export zoo:mlp-2x128 mlp.onnx --seed 3`,
		Args:    cobra.ExactArgs(2),
	}
	seed := c.Flags().Uint64("seed", 0, "seed of the weights")
	c.RunE = func(c *cobra.Command, arguments []string) error {
		name, zoo := strings.CutPrefix(arguments[0], "zoo:")
		if !zoo {
			return usageError(c, fmt.Errorf("%q is not a model of the zoo: want zoo:NAME", arguments[0]))
		}
		m, err := modelzoo.Build(name, *seed)
		if err != nil {
			return err
		}
		if err := m.Save(arguments[1]); err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "wrote %s\n", arguments[1])
		return nil
	}
	return c
}
