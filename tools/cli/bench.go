package cli

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/spf13/cobra"
)

func newBench() *cobra.Command {
	return newGroup(&cobra.Command{
		Use:     "bench",
		Short:   "Measure speed",
		Example: "  backstitch bench step --model zoo:mlp-5x500 --batch 8",
	}, newBenchStep())
}

// stepBench is what bench step measures.
type stepBench struct {
	Model        string  `json:"model"`
	Optimizer    string  `json:"optimizer"`
	Batch        int     `json:"batch"`
	Engine       string  `json:"engine"`
	Precision    string  `json:"dtype"`
	Chains       int     `json:"chains"`
	Steps        int     `json:"steps"`
	Milliseconds float64 `json:"ms_per_step"`         // of one chain: the median over blocks of steps
	Overall      float64 `json:"ms_per_step_overall"` // elapsed time divided by the steps of all chains
	Allocations  float64 `json:"allocs_per_step"`
}

func newBenchStep() *cobra.Command {
	c := &cobra.Command{
		Use:     "step",
		Short:   "Measure gradient steps per second of independent chains",
		Example: "  backstitch bench step --model zoo:mlp-5x500 --batch 8 --optimizer adamw --chains 2 --json",
		Args:    cobra.NoArgs,
	}
	b := stepBench{}
	c.Flags().StringVar(&b.Model, "model", "zoo:mlp-5x500", "the `MODEL`: zoo:NAME or an .onnx file")
	choiceFlag(c, &b.Optimizer, "optimizer", "sgd", optim.Names(), "the optimizer, with its default options")
	positiveFlag(c, &b.Batch, "batch", 8, "examples in a batch")
	engineFlag(c, &b.Engine)
	precisionFlag(c, &b.Precision)
	positiveFlag(c, &b.Chains, "chains", 1, "independent chains that run at the same time")
	duration := c.Flags().Duration("duration", 5*time.Second, "how long to measure")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *duration <= 0 {
			return usageError(c, fmt.Errorf("--duration is %v: want more than nothing", *duration))
		}
		if err := b.measure(c.Context(), *duration); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, b)
		}
		t := newTable(c.OutOrStdout())
		t.row("per step of a chain", fmt.Sprintf("%.4g ms", b.Milliseconds))
		t.row("per step overall", fmt.Sprintf("%.4g ms", b.Overall))
		t.row("allocations per step", fmt.Sprintf("%.4g", b.Allocations))
		t.row("steps", count(int64(b.Steps)))
		return t.flush()
	}
	return c
}

// measure runs the chains side by side for the duration.
func (b *stepBench) measure(ctx context.Context, duration time.Duration) error {
	p, err := b.program()
	if err != nil {
		return err
	}
	e, err := engine.New(b.Engine)
	if err != nil {
		return err
	}
	values, err := p.Model.Initialize("keep", 0)
	if err != nil {
		return err
	}
	chains := make([]*chain, b.Chains)
	for i := range chains {
		if chains[i], err = newChain(ctx, e, p, p.NewState(values), b.Batch); err != nil {
			return err
		}
		defer chains[i].machine.Close()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	var group sync.WaitGroup
	for _, chain := range chains {
		group.Go(func() { chain.run(ctx, duration) })
	}
	group.Wait()
	elapsed := time.Since(start)
	runtime.ReadMemStats(&after)
	var blocks []float64
	for _, chain := range chains {
		if chain.err != nil {
			return chain.err
		}
		b.Steps += chain.steps
		blocks = append(blocks, chain.blocks...)
	}
	slices.Sort(blocks)
	b.Milliseconds = blocks[len(blocks)/2]
	b.Overall = elapsed.Seconds() * 1e3 / float64(b.Steps)
	b.Allocations = float64(after.Mallocs-before.Mallocs) / float64(b.Steps)
	return nil
}

func (b *stepBench) program() (*program.Program, error) {
	m, err := importModel(b.Model)
	if err != nil {
		return nil, err
	}
	o, err := optim.New(b.Optimizer)
	if err != nil {
		return nil, err
	}
	return program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: o, Precision: array.DType(b.Precision)}, b.Batch)
}

// chain is one sequence of steps on a machine of its own.
type chain struct {
	machine engine.Machine
	state   *optim.State
	batch   engine.Batch
	steps   int
	blocks  []float64 // milliseconds per step
	err     error
}

// Batch is the same for every k.
func (c *chain) Batch(int) (engine.Batch, error) { return c.batch, nil }

// newChain makes a chain and takes its first step, which compiles.
func newChain(ctx context.Context, e engine.Engine, p *program.Program, s *optim.State, batch int) (*chain, error) {
	machine, err := e.Open(p)
	if err != nil {
		return nil, err
	}
	graph, err := p.Step(batch)
	if err != nil {
		return nil, err
	}
	c := &chain{machine: machine, state: s, batch: engine.Batch{Size: batch}}
	for _, in := range graph.Inputs {
		numbers := array.New(p.Precision, in.Node.Shape().TotalSize())
		switch in.Source {
		case program.FromBatch:
			for i := range numbers.Len() {
				numbers.Set(i, float64(i%17)/17)
			}
			c.batch.Inputs = append(c.batch.Inputs, numbers)
		case program.FromTargets:
			c.batch.Targets = numbers
		}
	}
	return c, machine.Apply(ctx, s, c, []int{1})
}

// run takes blocks of steps until the time is over.
func (c *chain) run(ctx context.Context, duration time.Duration) {
	word := []int{1}
	for start := time.Now(); c.err == nil && (time.Since(start) < duration || len(c.blocks) == 0); {
		began := time.Now()
		c.err = c.machine.Apply(ctx, c.state, c, word)
		c.blocks = append(c.blocks, time.Since(began).Seconds()*1e3/float64(len(word)))
		c.steps += len(word)
		if time.Since(began) < 50*time.Millisecond {
			word = append(word, word...)
			c.blocks = c.blocks[:0] // longer blocks are measured better
		}
	}
}
