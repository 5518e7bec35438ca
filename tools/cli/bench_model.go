package cli

import (
	"context"
	"fmt"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/spf13/cobra"
)

// hvpBench is what bench hvp measures.
type hvpBench struct {
	workbench
	Gradient float64 `json:"gradient_ms"`
	HVP      float64 `json:"hvp_ms"`
}

func newBenchHVP() *cobra.Command {
	c := &cobra.Command{
		Use:     "hvp",
		Short:   "Measure a gradient and a Hessian-vector product",
		Long:    "Measures, in turn, the gradient of a batch's mean loss and the product of its Hessian with a vector: medians over blocks.",
		Example: "  backstitch bench hvp --model zoo:mlp-5x500 --batch 8 --json",
		Args:    cobra.NoArgs,
	}
	b := hvpBench{}
	b.flags(c, 8)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := b.check(c); err != nil {
			return err
		}
		if err := b.measure(c.Context()); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, b)
		}
		t := newTable(c.OutOrStdout())
		t.row("gradient", fmt.Sprintf("%.4g ms", b.Gradient))
		t.row("Hessian-vector product", fmt.Sprintf("%.4g ms", b.HVP))
		t.row("ratio", fmt.Sprintf("%.4g", b.HVP/b.Gradient))
		return t.flush()
	}
	return c
}

func (b *hvpBench) measure(ctx context.Context) error {
	s, err := b.open(standstill{})
	if err != nil {
		return err
	}
	chain, err := s.chain()
	if err != nil {
		return err
	}
	defer chain.Close()
	n := s.program.Layout.Parameters()
	direction, result := array.New(s.program.Precision, n), array.New(s.program.Precision, n)
	for i := range n {
		direction.Set(i, float64(i%5-2))
	}
	next := s.batches.endless()
	gradient := func() error {
		_, err := chain.Gradient(ctx, chain.state, next(), result)
		return err
	}
	product := func() error { return chain.HVP(ctx, chain.state, next(), direction, result) }
	if err := gradient(); err != nil { // which compiles
		return err
	}
	if err := product(); err != nil {
		return err
	}
	gradients, err := measure(ctx, b.duration/2, repeated(gradient))
	if err != nil {
		return err
	}
	products, err := measure(ctx, b.duration/2, repeated(product))
	if err != nil {
		return err
	}
	b.Gradient, b.HVP = median(gradients), median(products)
	return nil
}

// evaluateBench is what bench evaluate measures.
type evaluateBench struct {
	workbench
	Examples     int     `json:"examples"`
	Milliseconds float64 `json:"ms"`
}

func newBenchEvaluate() *cobra.Command {
	c := &cobra.Command{
		Use:     "evaluate",
		Short:   "Measure the evaluation of many examples",
		Long:    "Measures how long it takes to evaluate a model's output and losses on some examples, in batches: the median over repetitions.",
		Example: "  backstitch bench evaluate --model zoo:mlp-5x500 --batch 1000 --examples 10000",
		Args:    cobra.NoArgs,
	}
	b := evaluateBench{}
	b.flags(c, 1000)
	positiveFlag(c, &b.Examples, "examples", 10_000, "examples to evaluate")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if err := b.check(c); err != nil {
			return err
		}
		if err := b.measure(c.Context()); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, b)
		}
		t := newTable(c.OutOrStdout())
		t.row("evaluation", fmt.Sprintf("%.4g ms", b.Milliseconds))
		t.row("examples", count(int64(b.Examples)))
		return t.flush()
	}
	return c
}

func (b *evaluateBench) measure(ctx context.Context) error {
	b.Batch = min(b.Batch, b.Examples)
	if b.Examples%b.Batch != 0 {
		return fmt.Errorf("%d examples are no whole number of batches of %d", b.Examples, b.Batch)
	}
	s, err := b.open(standstill{})
	if err != nil {
		return err
	}
	chain, err := s.chain()
	if err != nil {
		return err
	}
	defer chain.Close()
	next := s.batches.endless()
	evaluate := func() error {
		for range b.Examples / b.Batch {
			if _, err := chain.Evaluate(ctx, chain.state, next()); err != nil {
				return err
			}
		}
		return nil
	}
	if err := evaluate(); err != nil { // which compiles
		return err
	}
	times, err := measure(ctx, b.duration, repeated(evaluate))
	if err != nil {
		return err
	}
	b.Milliseconds = median(times)
	return nil
}

// endless returns a function that returns the batches, again and again.
func (b cyclicBatches) endless() func() engine.Batch {
	i := 0
	return func() engine.Batch {
		i++
		return b[i%len(b)]
	}
}
