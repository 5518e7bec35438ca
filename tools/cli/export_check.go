package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/engine/ort"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/optim"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// exportedExamples is how many test examples an exported file is tried on.
const exportedExamples = 500

// The largest differences of outputs, divided by the largest output, at which an exported file computes what the run did: single
// precision, and weights that were rounded to half of that.
const (
	exportTolerance     = 1e-3
	exportHalfTolerance = 5e-2
)

// exportCheck compares an exported file in ONNX Runtime with the state that it was written from.
type exportCheck struct {
	run     *run.Run
	state   *optim.State
	session *ort.Session
	inputs  []model.Input // of the file

	examples, here, there int  // all, and those that are classified rightly
	classes               bool // there are any
	difference, largest   float64
}

// checkExported prints how a file fares in ONNX Runtime, or why that is not known. It fails if the file computes something else.
func checkExported(ctx context.Context, w io.Writer, r *run.Run, state *optim.State, file string, then record) error {
	c := &exportCheck{run: r, state: state}
	if reason := c.open(ctx, file); reason != nil {
		fmt.Fprintf(w, "  not compared with ONNX Runtime: %s\n", printable(reason.Error()))
		return ctx.Err()
	}
	defer c.session.Close()
	if err := r.EachEvaluated(ctx, state, exportedExamples, c.batch); err != nil {
		var unknown notComparable
		if errors.As(err, &unknown) {
			fmt.Fprintf(w, "  not compared with ONNX Runtime: %s\n", printable(err.Error()))
			return nil
		}
		return err
	}
	version, err := ort.Version()
	if err != nil {
		return err
	}
	difference := c.difference / (c.largest + 1e-6)
	fmt.Fprintf(w, "  on %s: ", several(c.examples, "test example"))
	if c.classes {
		n := float64(c.examples)
		fmt.Fprintf(w, "accuracy %s here, %s in ONNX Runtime %s; ", number(float64(c.here)/n), number(float64(c.there)/n), version)
	}
	fmt.Fprintf(w, "its outputs differ by %.2g\n", difference)
	if bound := c.tolerance(); !(difference <= bound) {
		return fmt.Errorf("%s computes something else in ONNX Runtime: outputs differ by %.2g of the largest, the bound is %g", file, difference, bound)
	}
	return then.compare(w, c)
}

// open loads what the comparison needs. Its error is no failure of the export.
func (c *exportCheck) open(ctx context.Context, file string) error {
	if _, err := ort.Library(); err != nil {
		return fmt.Errorf("%w (backstitch doctor looks for it)", err)
	}
	if err := c.run.LoadData(ctx); err != nil {
		return fmt.Errorf("the data are not at hand: %w", err)
	}
	var err error
	if c.inputs, err = model.Feed(c.run.Program.Model.Source, c.run.Recipe.Model.Options()); err != nil {
		return err
	}
	c.session, err = ort.OpenFile(file, ort.Options{Outputs: []string{c.run.Program.Model.Output}})
	return err
}

// notComparable is the error of what ONNX Runtime cannot be asked.
type notComparable struct{ error }

// batch compares the outputs of a batch.
func (c *exportCheck) batch(e run.Evaluated) error {
	numbers, err := c.outputs(e)
	if err != nil {
		return err
	}
	if len(numbers) != e.Outputs.Len() {
		return fmt.Errorf("ONNX Runtime computes %d outputs for a batch, here there are %d", len(numbers), e.Outputs.Len())
	}
	here, classes := e.Correct(e.Outputs)
	there, _ := e.Correct(array.From64(numbers))
	c.examples, c.here, c.there, c.classes = c.examples+e.Examples, c.here+here, c.there+there, classes
	for i := range numbers[:len(numbers)/e.Size*e.Examples] {
		c.difference = math.Max(c.difference, math.Abs(numbers[i]-e.Outputs.At(i))) // NaN stays
		c.largest = math.Max(c.largest, math.Abs(numbers[i]))
	}
	return nil
}

// outputs runs a batch through the file: in pieces of the size that the file fixes, of which the last is filled up with its last example.
func (c *exportCheck) outputs(e run.Evaluated) (numbers []float64, err error) {
	given := e.Inputs.As(array.Float64).F64
	width, size := len(given)/e.Size, cmp.Or(c.fixedBatch(), e.Size)
	for start := 0; start < e.Size; start += size {
		end := min(start+size, e.Size)
		piece := slices.Concat(given[start*width:end*width], slices.Repeat(given[(end-1)*width:end*width], size-(end-start)))
		computed, err := c.compute(piece, size)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, computed[:len(computed)/size*(end-start)]...)
	}
	return numbers, nil
}

// fixedBatch returns the number of examples that the file takes at once, or 0 if it takes any.
func (c *exportCheck) fixedBatch() int {
	for _, in := range c.session.Inputs() {
		if in.Name == c.run.Program.Model.Inputs[0].Name && len(in.Dims) > 0 {
			return int(max(0, in.Dims[0].Value))
		}
	}
	return 0
}

// compute runs some examples through the file.
func (c *exportCheck) compute(given []float64, size int) ([]float64, error) {
	var inputs []ort.Tensor
	for _, in := range c.inputs {
		shape, numbers := in.Shape(size), given
		if in.IsFixed() {
			var err error
			if numbers, err = in.Fixed(size); err != nil {
				return nil, err
			}
		} else {
			shape = c.run.Program.Model.Inputs[0].Shape(size)
		}
		t, err := ort.NewTensor(in.Name, in.DType, shape, numbers)
		if err != nil {
			return nil, notComparable{err}
		}
		inputs = append(inputs, t)
	}
	outputs, err := c.session.Run(inputs)
	if err != nil {
		return nil, notComparable{err}
	}
	numbers, err := outputs[0].Float64s()
	if err != nil {
		return nil, notComparable{err}
	}
	return numbers, nil
}

func (c *exportCheck) tolerance() float64 {
	half := func(t *onnx.Tensor) bool { return t.DType == onnx.Float16 || t.DType == onnx.BFloat16 }
	if slices.ContainsFunc(c.run.Program.Model.Source.Graph.Initializers, half) {
		return exportHalfTolerance
	}
	return exportTolerance
}
