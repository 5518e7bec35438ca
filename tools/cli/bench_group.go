package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/spf13/cobra"
)

// groupBench is what bench group measures.
type groupBench struct {
	workbench
	Window     int     `json:"window"`
	LargeBatch float64 `json:"large_batch_ms"`
	Corrected  float64 `json:"corrected_ms"`
}

func newBenchGroup() *cobra.Command {
	b := &groupBench{}
	c := &cobra.Command{
		Use:   "group",
		Short: "Measure an order average's regularizer: one update of several batches",
		Long: `Measures one update of a window of batches with sgd: the large batch, which has a gradient for each batch, and the regularizer of
arrangement order_average, which has a Hessian-vector product for each besides. Medians over blocks.`,
		Example: "  backstitch bench group --model zoo:mlp-5x500 --batch 8 --window 4 --json",
	}
	boundedFlag(c, &b.Window, "window", 4, 256, "batches in a window")
	return b.complete(c, 8, b)
}

func (b *groupBench) print(out io.Writer) error {
	t := newTable(out)
	t.row("large batch", fmt.Sprintf("%.4g ms", b.LargeBatch))
	t.row("with the second-order term", fmt.Sprintf("%.4g ms", b.Corrected))
	return t.flush()
}

func (b *groupBench) measure(ctx context.Context) error {
	o, err := optim.New("sgd")
	if err != nil {
		return err
	}
	s, err := b.open(o)
	if err != nil {
		return err
	}
	chain, err := s.chain()
	if err != nil {
		return err
	}
	defer chain.Close()
	for _, c := range []struct {
		correction engine.Correction
		median     *float64
	}{{engine.Correction{}, &b.LargeBatch}, {engine.Correction{Strength: 1}, &b.Corrected}} {
		first := 0
		update := func() error {
			var word []int
			for range b.Window {
				first++
				word = append(word, first)
			}
			return chain.ApplyGroup(ctx, chain.state, chain.batches, word, c.correction)
		}
		if err := update(); err != nil { // which compiles
			return err
		}
		blocks, err := measure(ctx, b.duration/2, repeated(update))
		if err != nil {
			return err
		}
		*c.median = median(blocks)
	}
	return nil
}
