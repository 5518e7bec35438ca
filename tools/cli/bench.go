package cli

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/spf13/cobra"
)

func newBench() *cobra.Command {
	return newGroup(&cobra.Command{
		Use:     "bench",
		Short:   "Measure speed",
		Example: "  backstitch bench step --model zoo:mlp-5x500 --batch 8",
	}, newBenchStep(), newBenchHVP(), newBenchGroup(), newBenchEvaluate())
}

// workbench is what all benchmarks ask for: whose graphs run, and where.
type workbench struct {
	Model     string `json:"model"`
	Batch     int    `json:"batch"`
	Engine    string `json:"engine"`
	Precision string `json:"dtype"`
	duration  time.Duration
	bindings  bindings
}

// result is what a benchmark measures: it is what --json prints.
type result interface {
	measure(ctx context.Context) error
	print(out io.Writer) error
}

// complete gives a benchmark's command the flags of its workbench and --json, and what it does.
func (w *workbench) complete(c *cobra.Command, batch int, r result) *cobra.Command {
	c.Args = cobra.NoArgs
	c.Flags().StringVar(&w.Model, "model", "zoo:mlp-5x500", "the `MODEL`: zoo:NAME or an .onnx file")
	positiveFlag(c, &w.Batch, "batch", batch, "examples in a batch")
	engineFlag(c, &w.Engine)
	precisionFlag(c, &w.Precision)
	bindingFlags(c, &w.bindings)
	c.Flags().DurationVar(&w.duration, "duration", 5*time.Second, "how long to measure")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if w.duration <= 0 {
			return usageError(c, fmt.Errorf("--duration is %v: want more than nothing", w.duration))
		}
		warnOfKernels(c.ErrOrStderr(), w.Engine)
		if err := r.measure(c.Context()); err != nil {
			return err
		}
		if *asJSON {
			return printJSON(c, r)
		}
		return r.print(c.OutOrStdout())
	}
	return c
}

// open makes what is measured, with that optimizer.
func (w *workbench) open(o optim.Optimizer) (*subject, error) {
	m, err := importModel(w.Model, w.bindings.apply(model.Options{}))
	if err != nil {
		return nil, err
	}
	p, err := program.New(program.Spec{Model: m, Loss: program.CrossEntropy{}, Optimizer: o, Precision: array.DType(w.Precision)}, w.Batch)
	if err != nil {
		return nil, err
	}
	e, err := engine.New(w.Engine)
	if err != nil {
		return nil, err
	}
	s := &subject{program: p, engine: e}
	if s.batches, err = randomBatches(p, w.Batch); err != nil {
		return nil, err
	}
	s.parameters, err = m.Initialize("keep", 0)
	return s, err
}

// subject is what a benchmark measures.
type subject struct {
	program    *program.Program
	engine     engine.Engine
	parameters []array.Array
	batches    cyclicBatches
}

// chain returns a chain on a machine of its own, which the caller closes.
func (s *subject) chain() (*chain, error) {
	machine, err := s.engine.Open(s.program)
	return &chain{Machine: machine, state: s.program.NewState(s.parameters), batches: s.batches}, err
}

// chain is a machine with a state.
type chain struct {
	engine.Machine
	state   *optim.State
	batches cyclicBatches
}

// cyclicBatches are taken in turn. With one batch alone the loss would soon be zero, and zeros and denormal numbers have another
// speed than those that are met in training.
type cyclicBatches []engine.Batch

// Batch returns the batch of T_k.
func (b cyclicBatches) Batch(k int) (engine.Batch, error) { return b[k%len(b)], nil }

// randomBatches returns batches of uniform random numbers and classes.
func randomBatches(p *program.Program, size int) (cyclicBatches, error) {
	graph, err := p.Evaluation(size)
	if err != nil {
		return nil, err
	}
	classes := 1
	for _, out := range graph.Outputs {
		if out.Destination == program.ToOutput {
			classes = out.Node.Shape()[1]
		}
	}
	random := rand.New(rand.NewPCG(0, 0))
	list := make(cyclicBatches, 16)
	for i := range list {
		list[i].Size = size
		for _, in := range graph.Inputs {
			numbers := array.New(p.Precision, in.Node.Shape().TotalSize())
			switch in.Source {
			case program.FromBatch:
				for j := range numbers.Len() {
					numbers.Set(j, random.Float64())
				}
				list[i].Inputs = append(list[i].Inputs, numbers)
			case program.FromTargets:
				for j := range numbers.Len() {
					numbers.Set(j, float64(random.IntN(classes)))
				}
				list[i].Targets = numbers
			}
		}
	}
	return list, nil
}

// measure repeats work, n times for each n that it is given, in blocks of 50 ms or more until the time is over. It returns the
// milliseconds of one repetition in every block, sorted.
func measure(ctx context.Context, duration time.Duration, work func(n int) error) ([]float64, error) {
	const block = 50 * time.Millisecond
	var blocks []float64
	n := 1
	for start := time.Now(); time.Since(start) < duration || len(blocks) == 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		began := time.Now()
		if err := work(n); err != nil {
			return nil, err
		}
		took := time.Since(began)
		if took < block {
			n *= 2
			blocks = blocks[:0] // longer blocks are measured better
		}
		blocks = append(blocks, took.Seconds()*1e3/float64(n))
	}
	slices.Sort(blocks)
	return blocks, nil
}

// repeated is work that is done once, n times.
func repeated(work func() error) func(n int) error {
	return func(n int) error {
		for range n {
			if err := work(); err != nil {
				return err
			}
		}
		return nil
	}
}

// endless returns a function that returns the batches, again and again.
func (b cyclicBatches) endless() func() engine.Batch {
	i := 0
	return func() engine.Batch {
		i++
		return b[i%len(b)]
	}
}

func median(sorted []float64) float64 { return sorted[len(sorted)/2] }
