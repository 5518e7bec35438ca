package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func init() {
	Register("npz", "arrays of your own, in one or two files that numpy.savez wrote", func() Source { return &NPZ{Classes: fromTargets} })
}

// NPZ is a data set in NumPy's .npz format. The first axis of each array runs over the examples; images have the further axes
// [channels height width]. Numbers are taken as they are: nothing is scaled.
type NPZ struct {
	Path    string `toml:"path" path:"true" doc:"file of the arrays train_inputs, train_targets, test_inputs, test_targets"`
	Train   string `toml:"train" path:"true" doc:"instead of path: file of the arrays inputs and targets for training"`
	Test    string `toml:"test" path:"true" doc:"with train: file of the arrays inputs and targets for test"`
	Classes int    `toml:"classes" doc:"number of classes; 0: regression; -1: one integer per example is its class, from 0 to the largest" range:"[-1,1048576]"`
}

var _ Source = (*NPZ)(nil)

const (
	fromTargets = -1      // the targets tell the number of classes
	maxClasses  = 1 << 20 // what is more is a number, not a class
)

// Validate requires the one file or the two.
func (n *NPZ) Validate() error {
	one, two := n.Path != "", n.Train != "" && n.Test != ""
	switch {
	case one && (n.Train != "" || n.Test != ""):
		return errors.New("the data are in path, or in train and test: remove one or the other")
	case !one && !two:
		return unset("npz needs path, the file that numpy.savez(file, train_inputs=…, train_targets=…, test_inputs=…, test_targets=…) writes, " +
			"or train and test, files of inputs=… and targets=…")
	}
	return nil
}

// unset says that an option is missing, without which there is nothing to read.
type unset string

func (u unset) Error() string { return string(u) }

// Is makes it an fs.ErrNotExist, like data that are not found.
func (u unset) Is(target error) bool { return target == fs.ErrNotExist }

// Load reads the arrays.
func (n *NPZ) Load(ctx context.Context) (*Dataset, error) {
	d := &Dataset{Name: "npz"}
	var err error
	if err = n.Validate(); err == nil {
		d.Train, d.Test, err = n.splits(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("data set npz: %w", err)
	}
	return d, nil
}

func (n *NPZ) splits(ctx context.Context) (train, test *Split, err error) {
	trainPath, testPath, prefixes := n.Path, n.Path, []string{"train_", "test_"}
	if n.Path == "" {
		trainPath, testPath, prefixes = n.Train, n.Test, []string{"", ""}
	}
	forTrain, err := openPair(trainPath, prefixes[0])
	if err != nil {
		return nil, nil, err
	}
	defer forTrain.close()
	forTest, err := openPair(testPath, prefixes[1])
	if err != nil {
		return nil, nil, err
	}
	defer forTest.close()
	if err := affordable("all of it", forTrain.bytes()+forTest.bytes(), 1); err != nil {
		return nil, nil, err
	}
	first, err := forTrain.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	second, err := forTest.read(ctx)
	if err != nil {
		return nil, nil, err
	}
	classes := n.Classes
	if classes == fromTargets {
		classes = max(first.classes(), second.classes())
	}
	if train, err = first.split(classes); err == nil {
		test, err = second.split(classes)
	}
	return train, test, err
}

// openedPair are the two arrays of a split before their elements are read.
type openedPair struct {
	*npzArchive
	inputs, targets string
}

// openPair requires that both arrays hold the same examples, as their headers say.
func openPair(path, prefix string) (*openedPair, error) {
	p := &openedPair{inputs: prefix + "inputs", targets: prefix + "targets"}
	var err error
	if p.npzArchive, err = openNPZ(path, p.inputs, p.targets); err != nil {
		return nil, err
	}
	if err := p.check(); err != nil {
		p.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func (p *openedPair) check() error {
	for _, name := range p.names {
		if shape := p.array[name].shape; len(shape) == 0 || slices.Contains(shape, 0) {
			return fmt.Errorf("%s of shape %v holds no examples: its first axis must run over them", name, shape)
		}
	}
	if n, m := p.array[p.inputs].shape[0], p.array[p.targets].shape[0]; n != m {
		return fmt.Errorf("%s has %d examples, but %s has %d: the first axis of both must run over the same ones", p.inputs, n, p.targets, m)
	}
	return nil
}

func (p *openedPair) bytes() int64 { return p.array[p.inputs].bytes() + p.array[p.targets].bytes() }

func (p *openedPair) read(ctx context.Context) (pair, error) {
	inputs, err := p.npzArchive.read(ctx, p.inputs)
	if err != nil {
		return pair{}, err
	}
	targets, err := p.npzArchive.read(ctx, p.targets)
	return pair{p.path, p.targets, inputs, targets}, err
}

// pair are the two arrays of a split.
type pair struct {
	path, name      string // of the targets, for errors
	inputs, targets NPYArray
}

// classes returns how many classes the targets tell: 0 if they are not classes.
func (p pair) classes() int {
	if !p.targets.Integers || p.targets.Data.Len() != p.targets.Shape[0] {
		return 0
	}
	_, largest := bounds(p.targets.Data)
	return int(min(max(largest, 0), maxClasses)) + 1
}

func (p pair) split(classes int) (*Split, error) {
	if classes > 0 {
		if err := p.checkClasses(classes); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", p.path, p.name, err)
		}
	}
	shape := p.inputs.Shape[1:]
	if len(shape) == 0 {
		shape = []int{1}
	}
	s := &Split{Inputs: p.inputs.Data, Shape: shape, Targets: p.targets.Data, Classes: classes}
	if classes == 0 && len(p.targets.Shape) > 1 {
		s.TargetShape = p.targets.Shape[1:]
	}
	return s, nil
}

// checkClasses knows more than Dataset.Check does of what may be meant.
func (p pair) checkClasses(classes int) error {
	if p.targets.Data.Len() != p.targets.Shape[0] {
		return fmt.Errorf("its shape is %v, but a class is one number per example: save numpy.argmax(targets, axis=1), or set classes = 0 for a regression",
			p.targets.Shape)
	}
	smallest, largest := bounds(p.targets.Data)
	switch {
	case smallest < 0:
		return fmt.Errorf("%v is no class: classes are numbered from 0; set classes = 0 for a regression", smallest)
	case largest >= maxClasses:
		return fmt.Errorf("%v is no class: there are %d at most; set classes = 0 for a regression", largest, maxClasses)
	case largest >= float64(classes):
		return fmt.Errorf("%v is no class from 0 to %d: set classes = %v", largest, classes-1, largest+1)
	}
	return nil
}

func bounds(a array.Array) (smallest, largest float64) {
	smallest, largest = a.At(0), a.At(0)
	for i := range a.Len() {
		smallest, largest = min(smallest, a.At(i)), max(largest, a.At(i))
	}
	return smallest, largest
}
