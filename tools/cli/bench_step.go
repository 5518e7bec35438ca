package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/spf13/cobra"
)

// stepBench is what bench step measures.
type stepBench struct {
	workbench
	Optimizer    string       `json:"optimizer"`
	Chains       int          `json:"chains"`
	Steps        int          `json:"steps"`
	Milliseconds float64      `json:"ms_per_step"`         // of one chain: the median over blocks of steps
	Overall      float64      `json:"ms_per_step_overall"` // elapsed time divided by the steps of all chains
	Allocations  float64      `json:"allocs_per_step"`
	First        float64      `json:"ms_first_step"` // with the compilation
	Profile      *stepProfile `json:"profile,omitempty"`
	profiled     bool
}

func newBenchStep() *cobra.Command {
	b := &stepBench{}
	c := &cobra.Command{
		Use:   "step",
		Short: "Measure gradient steps per second of independent chains",
		Long: `Measures gradient steps of independent chains on random batches. The time of a step is the median over blocks of steps of
one chain; overall it is the elapsed time divided by the steps of all chains. With --profile it also prints the step's instructions, in
their order, with the time of each.`,
		Example: `  backstitch bench step --model zoo:mlp-5x500 --batch 8 --optimizer adamw --chains 2 --json
  backstitch bench step --model zoo:resnet18-cifar --profile`,
	}
	choiceFlag(c, &b.Optimizer, "optimizer", "sgd", optim.Names(), "the optimizer, with its default options")
	workersFlag(c, &b.Chains, "chains", 1, "independent chains that run at the same time")
	c.Flags().BoolVar(&b.profiled, "profile", false, "print what a step is made of, and the time that each part takes")
	return b.complete(c, 8, b)
}

func (b *stepBench) print(out io.Writer) error {
	t := newTable(out)
	t.row("per step of a chain", fmt.Sprintf("%.4g ms", b.Milliseconds))
	t.row("per step overall", fmt.Sprintf("%.4g ms", b.Overall))
	t.row("first step, compiled", fmt.Sprintf("%.4g ms", b.First))
	t.row("allocations per step", fmt.Sprintf("%.4g", b.Allocations))
	t.row("steps", count(int64(b.Steps)))
	if err := t.flush(); err != nil || b.Profile == nil {
		return err
	}
	return b.Profile.print(out)
}

func (b *stepBench) measure(ctx context.Context) error {
	o, err := optim.New(b.Optimizer)
	if err != nil {
		return err
	}
	s, err := b.open(o)
	if err != nil {
		return err
	}
	chains := make([]*steps, b.Chains)
	for i := range chains {
		c, err := s.chain()
		if err != nil {
			return err
		}
		defer c.Close()
		chains[i] = &steps{chain: c, given: c.batches}
		start := time.Now()
		if err := chains[i].take(ctx, 1); err != nil {
			return err
		}
		b.First = time.Since(start).Seconds() * 1e3
	}
	profiler, can := chains[0].Machine.(engine.Profiler)
	if b.profiled && !can {
		return fmt.Errorf("the %s engine does not tell what a step is made of: leave out --profile", b.Engine)
	}
	if err := b.race(ctx, chains); err != nil {
		return err
	}
	if err := b.countAllocations(ctx, chains[0]); err != nil || !b.profiled {
		return err
	}
	b.Profile, err = newStepProfile(ctx, profiler, chains[0].chain, b.Milliseconds)
	return err
}

// race runs the chains side by side.
func (b *stepBench) race(ctx context.Context, chains []*steps) error {
	start := time.Now()
	var group sync.WaitGroup
	for _, c := range chains {
		c.taken = 0
		group.Go(func() {
			c.err = defect.Guard(func() (err error) {
				c.blocks, err = measure(ctx, b.duration, func(n int) error { return c.take(ctx, n) })
				return err
			})
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	var blocks []float64
	for _, c := range chains {
		if c.err != nil {
			return c.err
		}
		b.Steps += c.taken
		blocks = append(blocks, c.blocks...)
	}
	slices.Sort(blocks)
	b.Milliseconds = median(blocks)
	b.Overall = elapsed.Seconds() * 1e3 / float64(b.Steps)
	return nil
}

// countAllocations counts those of some steps, apart from the race, whose bookkeeping allocates.
func (b *stepBench) countAllocations(ctx context.Context, s *steps) error {
	word := slices.Repeat([]int{0}, 4)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := s.Apply(ctx, s.state, s.given, word)
	runtime.ReadMemStats(&after)
	b.Allocations = float64(after.Mallocs-before.Mallocs) / float64(len(word))
	return err
}

// steps is a chain that takes steps.
type steps struct {
	*chain
	given  engine.Batches // the chain's: converting them allocates
	word   []int
	taken  int
	blocks []float64
	err    error
}

// take takes the next n steps.
func (s *steps) take(ctx context.Context, n int) error {
	s.word = s.word[:0]
	for range n {
		s.word = append(s.word, s.taken)
		s.taken++
	}
	return s.Apply(ctx, s.state, s.given, s.word)
}
