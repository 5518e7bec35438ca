package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/program"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/spf13/cobra"
)

// modelCheck compares a model with what it should be: its outputs with ONNX Runtime's, its gradients with finite differences.
type modelCheck struct {
	reference, output, engine    string
	batch, directions, integers  int
	seed                         uint64
	tolerance, gradientTolerance float64
	chosen                       bool // the tolerance, by a flag

	bindings bindings
	source   *onnx.Model
	inputs   []randomInput
}

// floatBound is the largest error of outputs that are computed in float32.
const floatBound = 1e-4

func newCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check FILE|zoo:NAME",
		Short: "Compare a model's outputs with ONNX Runtime's, and its gradients with finite differences",
		Long: `Feeds random numbers to a model and compares each output with what ONNX Runtime computes from the file: the largest
difference divided by the largest number of ONNX Runtime's output. The bound is larger for a file that computes in 16 bits. A file that was exported for training is compared in
training, unless it draws noise. Without ONNX Runtime this part is left out.

Compares the gradient of a mean squared error, in float64, with central differences of that error along random directions
through all parameters: the difference divided by the gradient's norm, which is the standard deviation of the derivative.

Fails if an error is larger than its bound.`,
		Example: `  backstitch model check resnet.onnx --batch 4
  backstitch model check encoder.onnx --dim sequence=16 --range 30000
  backstitch model check zoo:mlp-5x500 --json`,
		Args: cobra.ExactArgs(1),
	}
	m := modelCheck{}
	c.Flags().IntVar(&m.batch, "batch", 0, "`N` examples (default: what the file fixes, or 2)")
	c.Flags().Uint64Var(&m.seed, "seed", 0, "seed `S` of the random numbers")
	c.Flags().StringVar(&m.output, "output", "", "the graph output that is checked, a `TENSOR` (default: all of them)")
	bindingFlags(c, &m.bindings)
	boundedFlag(c, &m.integers, "range", 10, math.MaxInt32, "integer inputs are drawn from 0 to N-1")
	positiveFlag(c, &m.directions, "directions", 5, "the gradient is checked along N directions")
	c.Flags().Float64Var(&m.tolerance, "tolerance", floatBound, "the largest `ERROR` of an output against ONNX Runtime (0.0039 in FLOAT16, 0.031 in BFLOAT16)")
	c.Flags().Float64Var(&m.gradientTolerance, "gradient-tolerance", 1e-5, "the largest `ERROR` of a gradient")
	engineFlag(c, &m.engine)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		m.reference = arguments[0]
		m.chosen = c.Flags().Changed("tolerance")
		if c.Flags().Changed("batch") && (m.batch < 1 || m.batch > 1_000_000) {
			return usageError(c, fmt.Errorf("--batch is %d: want an integer from 1 to 1000000", m.batch))
		}
		result, err := heard(c.Context(), func() (*checkResult, error) { return m.run(c.Context()) })
		if err != nil {
			return err
		}
		if *asJSON {
			err = printJSON(c, result)
		} else {
			err = result.print(c.OutOrStdout())
		}
		return errors.Join(err, result.failure())
	}
	return c
}

// checkResult is what a check found.
type checkResult struct {
	Model             string        `json:"model"`
	Batch             int           `json:"batch"`
	Seed              uint64        `json:"seed"`
	Engine            string        `json:"engine"`
	Runtime           string        `json:"onnxruntime,omitempty"` // the version
	NotCompared       string        `json:"not_compared,omitempty"`
	Tolerance         float64       `json:"tolerance"`
	Rounded           string        `json:"tolerance_of,omitempty"` // the type of 16 bits that Tolerance is for
	GradientTolerance float64       `json:"gradient_tolerance"`
	Outputs           []outputCheck `json:"outputs"`
	Passed            bool          `json:"passed"`
}

// outputCheck is what a check found about one output.
type outputCheck struct {
	Name       string          `json:"name"`
	Error      *relativeError  `json:"error,omitempty"` // against ONNX Runtime; nil if that was not compared
	Noisy      bool            `json:"noisy,omitempty"` // noise is drawn, as Dropout does in training: no two runtimes draw the same
	Directions []relativeError `json:"directions"`      // of the gradient
	Worst      relativeError   `json:"gradient_error"`
	Unchecked  string          `json:"gradient_not_checked,omitempty"` // why there are no directions
}

// relativeError is NaN or infinite where numbers were; JSON, which has neither, gets null.
type relativeError float64

// MarshalJSON writes the number.
func (e relativeError) MarshalJSON() ([]byte, error) {
	if v := float64(e); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return json.Marshal(v)
	}
	return []byte("null"), nil
}

func (e relativeError) String() string { return fmt.Sprintf("%.2g", float64(e)) }

// within is false for NaN.
func (e relativeError) within(bound float64) bool { return float64(e) <= bound }

func (m *modelCheck) run(ctx context.Context) (*checkResult, error) {
	outputs, err := m.open()
	if err != nil {
		return nil, err
	}
	result := &checkResult{Model: m.reference, Batch: m.batch, Seed: m.seed, Engine: m.engine,
		Tolerance: m.tolerance, GradientTolerance: m.gradientTolerance}
	if !m.chosen {
		result.Tolerance, result.Rounded = precisionBound(m.source, m.tolerance)
	}
	wanted, err := m.askRuntime(outputs)
	if err != nil {
		result.NotCompared = err.Error()
	} else if result.Runtime, err = ort.Version(); err != nil {
		return nil, err
	}
	for i, name := range outputs {
		out := outputCheck{Name: name, Directions: []relativeError{}}
		if wanted != nil {
			if out.Error, err = m.compare(ctx, name, wanted[i]); err != nil {
				return nil, fmt.Errorf("%s: output %q: %w", m.reference, name, err)
			}
			out.Noisy = out.Error == nil
		}
		if err := m.differentiate(ctx, &out); err != nil {
			return nil, fmt.Errorf("%s: output %q: %w", m.reference, name, err)
		}
		result.Outputs = append(result.Outputs, out)
	}
	result.Passed = result.failure() == nil
	return result, nil
}

// open reads the model, draws its inputs, and returns the names of the outputs to check.
func (m *modelCheck) open() ([]string, error) {
	var err error
	if m.source, err = openModel(m.reference); err != nil {
		return nil, err
	}
	if m.inputs, err = m.draw(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.reference, err)
	}
	var outputs []string
	for _, out := range m.source.Graph.Outputs {
		outputs = append(outputs, out.Name)
	}
	if m.output == "" {
		return outputs, nil
	}
	if !slices.Contains(outputs, m.output) {
		return nil, fmt.Errorf("%s: the graph has no output %q: its outputs are %q", m.reference, m.output, outputs)
	}
	return []string{m.output}, nil
}

// askRuntime computes the outputs in ONNX Runtime, which reads the file itself.
func (m *modelCheck) askRuntime(outputs []string) ([]ort.Tensor, error) {
	session, err := m.openSession(ort.Options{Outputs: outputs})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var inputs []ort.Tensor
	for _, in := range m.inputs {
		t, err := ort.NewTensor(in.name, in.dtype, in.shape, in.numbers)
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, t)
	}
	return session.Run(inputs)
}

func (m *modelCheck) openSession(o ort.Options) (*ort.Session, error) {
	if !strings.HasPrefix(m.reference, recipe.ZooPrefix) {
		return ort.OpenFile(m.reference, o)
	}
	file, err := m.source.Encode()
	if err != nil {
		return nil, err
	}
	return ort.Open(file, o)
}

// compare returns the error of an output in the mode that the file says: max|got − want| / (max|want| + 1e-6). It returns nil if
// the output depends on noise.
func (m *modelCheck) compare(ctx context.Context, output string, want ort.Tensor) (*relativeError, error) {
	numbers, err := want.Float64s()
	if err != nil {
		return nil, err
	}
	got, shape, err := m.compute(ctx, output)
	if err != nil || shape == nil {
		return nil, err
	}
	if !slices.Equal(shape, want.Shape) {
		return nil, fmt.Errorf("it has the shape %v, in ONNX Runtime %v", shape, want.Shape)
	}
	e := distance(got, numbers)
	return &e, nil
}

// compute returns an output and its shape, which is nil if noise is drawn.
func (m *modelCheck) compute(ctx context.Context, output string) (array.Array, []int, error) {
	t, err := m.prepare(output, m.precision())
	if errors.Is(err, program.ErrNothingTrained) {
		return m.evaluate(output)
	}
	if err != nil {
		return array.Array{}, nil, err
	}
	defer t.machine.Close()
	if t.noisy {
		return array.Array{}, nil, nil
	}
	got, err := t.machine.Gradient(ctx, t.state, t.batch, array.New(t.state.Data.DType(), t.state.Layout.Parameters()))
	if err != nil {
		return array.Array{}, nil, m.explain(err)
	}
	return got.Output, got.Shape, nil
}

// evaluate computes an output that depends on no parameter, and so belongs to no program.
func (m *modelCheck) evaluate(output string) (array.Array, []int, error) {
	var inputs []*onnx.Tensor
	for _, in := range m.inputs {
		t, err := in.tensor()
		if err != nil {
			return array.Array{}, nil, err
		}
		inputs = append(inputs, t)
	}
	var applied *model.Applied
	err := ops.Build(func() (err error) {
		applied, err = model.Apply(m.source, output, inputs, m.precision())
		return err
	})
	if err != nil {
		return array.Array{}, nil, err
	}
	shape := slices.Clone([]int(applied.Output.Shape()))
	if numbers, known := applied.Output.Known(); known {
		return array.From64(numbers), shape, nil
	}
	e, err := conformance.NewEvaluator(m.engine)
	if err != nil {
		return array.Array{}, nil, err
	}
	got, err := e.EvaluateGraph(applied.Output)
	return got, shape, err
}

// distance is NaN if a number is.
func distance(got array.Array, want []float64) relativeError {
	difference, largest := 0.0, 0.0
	for i, w := range want {
		difference = math.Max(difference, math.Abs(got.At(i)-w))
		largest = math.Max(largest, math.Abs(w))
	}
	return relativeError(difference / (largest + 1e-6))
}

// precision is that of the model's inputs.
func (m *modelCheck) precision() array.DType {
	for _, in := range m.inputs {
		if in.dtype == onnx.Double {
			return array.Float64
		}
	}
	return array.Float32
}

// trial is one output's program on a machine, with the file's parameters and a batch of random numbers.
type trial struct {
	state   *optim.State
	machine engine.Machine
	batch   engine.Batch
	noisy   bool
	rounds  bool // to numbers of 16 bits
}

func (m *modelCheck) prepare(output string, d array.DType) (*trial, error) {
	imported, err := model.Import(m.source, m.bindings.apply(model.Options{Output: output}))
	if err != nil {
		return nil, err
	}
	batch := m.drawn(imported.Inputs[0].Name).shape[0] // an output may depend on other inputs than the first
	p, err := program.New(program.Spec{Model: imported, Loss: program.MeanSquaredError{}, Optimizer: standstill{}, Precision: d}, batch)
	if err != nil {
		return nil, err
	}
	values, err := imported.Initialize("keep", 0)
	if err != nil {
		return nil, err
	}
	t := &trial{state: p.NewState(values), batch: engine.Batch{Size: batch}}
	for _, in := range imported.Inputs {
		t.batch.Inputs = append(t.batch.Inputs, array.From64(m.drawn(in.Name).numbers))
	}
	graph, err := p.Gradient(batch)
	if err != nil {
		return nil, err
	}
	for _, in := range graph.Inputs {
		switch in.Source {
		case program.FromTargets:
			t.batch.Targets = array.From64(normal(m.random("targets"), in.Node.Shape().TotalSize()))
		case program.FromNoise:
			t.noisy = true
		}
	}
	for _, n := range graph.Expr.AllNodes() {
		if _, rounds := ops.Of(n).(ops.ShortFloat); rounds {
			t.rounds = true
		}
	}
	e, err := engine.New(m.engine)
	if err != nil {
		return nil, err
	}
	t.machine, err = e.Open(p)
	return t, err
}

func worst(errors []relativeError) relativeError {
	largest := 0.0
	for _, e := range errors {
		largest = math.Max(largest, float64(e)) // NaN if one is
	}
	return relativeError(largest)
}

// failure names the errors that are larger than their bounds.
func (r *checkResult) failure() error {
	var found []error
	for _, out := range r.Outputs {
		if out.Error != nil && !out.Error.within(r.Tolerance) {
			found = append(found, fmt.Errorf("%s: output %q differs from ONNX Runtime's by %v, more than %s", r.Model, out.Name, *out.Error, r.bound()))
		}
		if !out.Worst.within(r.GradientTolerance) {
			found = append(found, fmt.Errorf("%s: the gradient of output %q differs from finite differences by %v, more than %v",
				r.Model, out.Name, out.Worst, r.GradientTolerance))
		}
	}
	return errors.Join(found...)
}

// bound is that of the outputs.
func (r *checkResult) bound() string {
	if r.Rounded == "" {
		return fmt.Sprint(r.Tolerance)
	}
	return fmt.Sprintf("%.2g of %s", r.Tolerance, r.Rounded)
}

func (r *checkResult) print(w io.Writer) error {
	t := newTable(w)
	t.row("model", fmt.Sprintf("%s, batch %d, seed %d", r.Model, r.Batch, r.Seed))
	if r.NotCompared == "" {
		t.row("ONNX Runtime", r.Runtime)
	} else {
		t.row("ONNX Runtime", "not compared: "+r.NotCompared)
	}
	for _, out := range r.Outputs {
		t.row("output", out.Name)
		switch {
		case out.Noisy:
			t.row("  against ONNX Runtime", "not compared: the file draws noise, as Dropout does in training")
		case out.Error != nil:
			t.row("  against ONNX Runtime", fmt.Sprintf("error %v, bound %s", *out.Error, r.bound()))
		}
		for i, e := range out.Directions {
			t.row(fmt.Sprintf("  gradient, direction %d", i+1), fmt.Sprintf("error %v", e))
		}
		if out.Unchecked != "" {
			t.row("  gradient", "not checked: "+out.Unchecked)
			continue
		}
		t.row("  gradient, worst", fmt.Sprintf("error %v, bound %v", out.Worst, r.GradientTolerance))
	}
	return t.flush()
}
