package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/spf13/cobra"
)

// hvpBench is what bench hvp measures.
type hvpBench struct {
	workbench
	Gradient float64 `json:"gradient_ms"`
	HVP      float64 `json:"hvp_ms"`
}

func newBenchHVP() *cobra.Command {
	b := &hvpBench{}
	return b.complete(&cobra.Command{
		Use:     "hvp",
		Short:   "Measure a gradient and a Hessian-vector product",
		Long:    "Measures the gradient of a batch's mean loss, then the product of its Hessian with a vector: medians over blocks.",
		Example: "  backstitch bench hvp --model zoo:mlp-5x500 --batch 8 --json",
	}, 8, b)
}

func (b *hvpBench) print(out io.Writer) error {
	t := newTable(out)
	t.row("gradient", fmt.Sprintf("%.4g ms", b.Gradient))
	t.row("Hessian-vector product", fmt.Sprintf("%.4g ms", b.HVP))
	t.row("ratio", fmt.Sprintf("%.4g", b.HVP/b.Gradient))
	return t.flush()
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
