package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/spf13/cobra"
)

func newInspect() *cobra.Command {
	c := &cobra.Command{
		Use:   "inspect FILE|zoo:NAME",
		Short: "Describe a model: what it holds, what would train, and what cannot be imported",
		Example: `  backstitch model inspect resnet.onnx
  backstitch model inspect resnet.onnx --head 10 --train 'fc.*'
  backstitch model inspect zoo:mlp-5x500 --json`,
		Args: cobra.ExactArgs(1),
	}
	o := model.Options{}
	outputFlag(c, &o.Output)
	bound := bindings{}
	bindingFlags(c, &bound)
	untieFlag(c, &o.Untie)
	c.Flags().StringArrayVar(&o.Freeze, "freeze", nil, "do not train the initializers whose names match `PATTERN`; may be repeated")
	c.Flags().StringArrayVar(&o.Train, "train", nil, "train only the initializers whose names match `PATTERN`; may be repeated")
	c.Flags().IntVar(&o.Head.Classes, "head", 0, "replace the last layer by one for `N` classes")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if most := recipe.MaxClasses; o.Head.Classes < 0 || o.Head.Classes > most {
			return usageError(c, fmt.Errorf("--head is %d: want an integer from 0 to %d", o.Head.Classes, most))
		}
		source, err := heard(c.Context(), func() (*onnx.Model, error) { return openModel(arguments[0]) })
		if err != nil {
			return err
		}
		r, err := heard(c.Context(), func() (*model.Report, error) { return model.Inspect(source, bound.apply(o)), nil })
		if err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, r)
		}
		return printReport(c.OutOrStdout(), r)
	}
	return c
}

// untieFlag adds --untie.
func untieFlag(c *cobra.Command, untie *bool) {
	c.Flags().BoolVar(untie, "untie", false, "make initializers that the exporter merged parameters of their own again")
}

// outputFlag adds --output.
func outputFlag(c *cobra.Command, tensor *string) {
	c.Flags().StringVar(tensor, "output", "", "the `TENSOR` that is the model's output (default: the first graph output)")
}

func printReport(w io.Writer, r *model.Report) error {
	t := newTable(w)
	t.row("producer", r.Producer)
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		name := domain
		if domain == "" {
			name = "ai.onnx"
		}
		t.row("opset", fmt.Sprintf("%s %d", name, r.Opsets[domain]))
	}
	for _, in := range r.Inputs {
		text := tensor(in)
		if in.Fixed {
			text += ", fixed"
		}
		t.row("input", text)
	}
	for _, out := range r.Outputs {
		t.row("output", tensor(out))
	}
	t.row("parameters", several(r.Size, "number"))
	if err := t.flush(); err != nil {
		return err
	}
	if err := printOperators(w, r.Operators); err != nil {
		return err
	}
	if err := printInitializers(w, r); err != nil {
		return err
	}
	printHalves(w, r.Halves)
	printTies(w, r.Tied)
	printOpen(w, r.Open)
	printEdits(w, r.Edits)
	printHints(w, r.Hints)
	printProblems(w, r)
	return nil
}

func tensor(t model.TensorReport) string {
	return fmt.Sprintf("%s %s (%s)", t.Name, t.Type, strings.Join(t.Shape, ", "))
}

func printOperators(w io.Writer, operators []model.OperatorCount) error {
	fmt.Fprintln(w)
	t := newTable(w, "operator", "nodes", "supported")
	for _, o := range operators {
		t.row(o.Name, fmt.Sprint(o.Count), yes(o.Supported))
	}
	return t.flush()
}

func printInitializers(w io.Writer, r *model.Report) error {
	if len(r.Parameters)+len(r.Buffers)+len(r.Constants) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := newTable(w, "initializer", "shape", "trains")
	for _, p := range r.Parameters {
		t.row(p.Name, fmt.Sprint(p.Shape), yes(p.Trainable))
	}
	for _, b := range r.Buffers {
		t.row(b.Name, fmt.Sprint(b.Shape), "no: a buffer")
	}
	numbers := 0
	for _, c := range r.Constants {
		if c.Reason == model.NoWeights {
			numbers++
			continue
		}
		t.row(c.Name, fmt.Sprint(c.Shape), "no: "+c.Reason)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if numbers > 0 {
		fmt.Fprintf(w, "%s more: %s (--json lists them)\n", several(numbers, "constant"), model.NoWeights)
	}
	return nil
}

// printHalves says in what precision a file of half precision is computed.
func printHalves(w io.Writer, names []string) {
	if len(names) == 0 {
		return
	}
	list := names[0]
	if len(names) > 1 {
		list += fmt.Sprintf(" and %d more", len(names)-1)
	}
	fmt.Fprintf(w, "\nHalf precision: %s are stored in 16 bits, and computed in the precision of a run (float32 or float64); only a Cast rounds.\n",
		printable(list))
}

// printTies says which initializers stand for several, as PyTorch's exporter leaves those that start out equal.
func printTies(w io.Writer, ties []model.Tie) {
	if len(ties) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTied: the exporter merged equal initializers, which are trained as one (--untie separates them):")
	for _, t := range ties {
		fmt.Fprintf(w, "  %s is also %s\n", printable(t.Initializer), printable(strings.Join(t.Copies, ", ")))
	}
}

// printOpen says which dimensions need a size, and how they get one.
func printOpen(w io.Writer, list []model.OpenDimension) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintln(w, "\nOpen: dimensions that need a size. A run takes it from its data where it can; else write it down:")
	for _, d := range list {
		fmt.Fprintln(w, printable(fmt.Sprintf("  dimension %d of %s: dims = %s in [model], or %s", d.Axis, d.Input, d.Recipe(), d.Flag())))
	}
}

// printEdits says what an export changes besides numbers.
func printEdits(w io.Writer, edits []string) {
	if len(edits) == 0 {
		return
	}
	fmt.Fprintln(w, "\nAn exported file differs from this one in more than numbers:")
	for _, e := range edits {
		fmt.Fprintln(w, "  "+printable(e))
	}
}

// printHints says what a user may want to know before training.
func printHints(w io.Writer, hints []string) {
	for _, h := range hints {
		fmt.Fprintln(w, "\nhint: "+printable(h))
	}
}

func printProblems(w io.Writer, r *model.Report) {
	fmt.Fprintln(w)
	switch {
	case len(r.Problems) > 0:
		fmt.Fprintln(w, "This model cannot be trained as it stands:")
	case r.Size == 0:
		fmt.Fprintln(w, "This model can be imported, but nothing would be trained: its output is differentiable in no initializer.")
	default:
		fmt.Fprintln(w, "This model can be imported and trained.")
	}
	for _, c := range r.Cuts {
		fmt.Fprintln(w, printable(fmt.Sprintf("  %s cuts the gradient: choose a tensor before it (--output %s)", c.Node, c.Before)))
	}
	for _, p := range r.Problems {
		text := p.Reason
		if p.Node != "" {
			text = p.Node + ": " + p.Reason
		}
		fmt.Fprintln(w, "  "+printable(text))
	}
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
