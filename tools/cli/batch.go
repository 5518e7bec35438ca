package cli

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/engine"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/program"
)

// batchFile is an .npz file that holds a batch: arrays named after the model's inputs, and "target".
type batchFile struct {
	path     string
	arrays   map[string]npyArray
	inputs   []string // the names of the arrays, in the model's order
	examples int
}

// soleInput is the name of the array of a model's only input, whatever the model calls it.
const soleInput = "input"

// inputShapes returns the shapes of a model's inputs, by name, that have as many dimensions as the model declares.
func inputShapes(source *onnx.Model, arrays map[string]npyArray) map[string][]int {
	shapes := map[string][]int{}
	for _, in := range source.Graph.Inputs {
		a, named := arrays[in.Name]
		if !named {
			a = arrays[soleInput]
		}
		if len(a.shape) == len(in.Dims) {
			shapes[in.Name] = a.shape
		}
	}
	return shapes
}

// newBatchFile finds a model's inputs among the arrays of a file, and how many examples the batch has.
func newBatchFile(path string, arrays map[string]npyArray, m *model.Model) (*batchFile, error) {
	f := &batchFile{path: path, arrays: arrays}
	for _, in := range m.Inputs {
		f.inputs = append(f.inputs, in.Name)
	}
	if _, named := arrays[f.inputs[0]]; !named && len(f.inputs) == 1 {
		f.inputs[0] = soleInput
	}
	first, err := f.find(f.inputs[0])
	if err != nil {
		return nil, err
	}
	if len(first.shape) == 0 || first.shape[0] < 1 {
		return nil, fmt.Errorf("%s: %q has the shape %v: its first dimension is the batch, of one example at least", path, f.inputs[0], first.shape)
	}
	f.examples = first.shape[0]
	return f, nil
}

// read returns the batch that a program can compute on.
func (f *batchFile) read(p *program.Program) (engine.Batch, error) {
	b := engine.Batch{Size: f.examples}
	graph, err := p.Evaluation(f.examples)
	if err != nil {
		return b, err
	}
	for _, in := range graph.Inputs {
		switch in.Source {
		case program.FromBatch:
			a, err := f.shaped(f.inputs[in.Index], in.Node.Shape())
			if err != nil {
				return b, err
			}
			b.Inputs = append(b.Inputs, a.data)
		case program.FromTargets:
			a, err := f.shaped("target", in.Node.Shape())
			if err != nil {
				return b, err
			}
			b.Targets = a.data
		}
	}
	if _, classifies := p.Loss.(program.CrossEntropy); classifies {
		return b, f.checkClasses(b, graph)
	}
	return b, nil
}

func (f *batchFile) find(name string) (npyArray, error) {
	a, found := f.arrays[name]
	if !found {
		return a, fmt.Errorf("%s: there is no array %q, but %q", f.path, name, slices.Sorted(maps.Keys(f.arrays)))
	}
	return a, nil
}

func (f *batchFile) shaped(name string, shape []int) (npyArray, error) {
	a, err := f.find(name)
	if err == nil && !slices.Equal(a.shape, shape) {
		err = fmt.Errorf("%s: %q has the shape %v, want %v for a batch of %d", f.path, name, a.shape, shape, f.examples)
	}
	return a, err
}

// checkClasses refuses targets that are no classes: the loss would count them as zero.
func (f *batchFile) checkClasses(b engine.Batch, evaluation *program.Graph) error {
	for _, out := range evaluation.Outputs {
		if out.Destination != program.ToOutput {
			continue
		}
		classes := out.Node.Shape()[1]
		for i := range b.Targets.Len() {
			if v := b.Targets.At(i); v != math.Trunc(v) || v < 0 || v >= float64(classes) {
				return fmt.Errorf("%s: target %d is %v: want a class from 0 to %d", f.path, i, v, classes-1)
			}
		}
	}
	return nil
}
