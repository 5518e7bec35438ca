package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// evaluateBench is what bench evaluate measures.
type evaluateBench struct {
	workbench
	Examples     int     `json:"examples"`
	Milliseconds float64 `json:"ms"`
}

func newBenchEvaluate() *cobra.Command {
	b := &evaluateBench{}
	c := &cobra.Command{
		Use:     "evaluate",
		Short:   "Measure the evaluation of many examples",
		Long:    "Measures how long it takes to evaluate a model's output and losses on some examples, in batches: the median over repetitions.",
		Example: "  backstitch bench evaluate --model zoo:mlp-5x500 --batch 1000 --examples 10000",
	}
	positiveFlag(c, &b.Examples, "examples", 10_000, "examples to evaluate, a multiple of the batch")
	return b.complete(c, 1000, b)
}

func (b *evaluateBench) print(out io.Writer) error {
	t := newTable(out)
	t.row("evaluation", fmt.Sprintf("%.4g ms", b.Milliseconds))
	t.row("examples", count(int64(b.Examples)))
	return t.flush()
}

func (b *evaluateBench) measure(ctx context.Context) error {
	b.Batch = min(b.Batch, b.Examples)
	if b.Examples%b.Batch != 0 {
		return fmt.Errorf("%d examples are no whole number of batches of %d: change --batch or --examples", b.Examples, b.Batch)
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
