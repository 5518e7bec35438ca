// Package dataset holds examples in memory and says which of them each batch reads.
//
// It owns the data sets that are built in, the registry that others join, the reader of the IDX format, and the samplers. It
// downloads nothing: a data set that is not found is an error that says how to get it. Images are resized and normalized where
// that is asked for, once, after loading; nothing is augmented. It knows nothing of models and losses.
//
// All that is random here is a pure function of a seed and of the number of a batch or an epoch, the same on every platform.
package dataset

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// Dataset is a named pair of splits, whose examples have one shape and one kind of target. Neither split is nil or changed once
// loaded; they may be the same one.
type Dataset struct {
	Name        string
	Train, Test *Split
}

// Split is a sequence of examples.
type Split struct {
	Inputs  array.Array // Len × product of Shape numbers, example after example, each in row-major order
	Shape   []int       // of one example: [1 28 28] for a grey image, [1] for a scalar
	Targets array.Array // a class index per example; for regression, the same count of numbers per example
	Classes int         // number of classes, or 0 for regression

	// TargetShape is that of the target of one example, where it has one; nil for a class or a list of numbers.
	TargetShape []int
}

// Len returns the number of examples.
func (s *Split) Len() int { return s.Inputs.Len() / s.InputSize() }

// InputSize returns the count of numbers in the input of one example.
func (s *Split) InputSize() int {
	return product(s.Shape)
}

func product(shape []int) int {
	size := 1
	for _, d := range shape {
		size *= d
	}
	return size
}

// TargetSize returns the count of numbers in the target of one example: 1 for a class index.
func (s *Split) TargetSize() int { return s.Targets.Len() / s.Len() }

// Check returns an error if the data set is not what Dataset and Split promise: a split that is missing or empty, lengths that
// do not match, numbers that are not finite, class indices outside [0, Classes), splits of different kinds.
func (d *Dataset) Check() error {
	if d.Train == nil || d.Test == nil {
		return fmt.Errorf("data set %s: the training or the test split is missing", d.Name)
	}
	if err := d.Train.check(); err != nil {
		return fmt.Errorf("data set %s: training split: %w", d.Name, err)
	}
	if err := d.Test.check(); err != nil {
		return fmt.Errorf("data set %s: test split: %w", d.Name, err)
	}
	if !slices.Equal(d.Train.Shape, d.Test.Shape) {
		return fmt.Errorf("data set %s: training examples have shape %v, test examples %v", d.Name, d.Train.Shape, d.Test.Shape)
	}
	if d.Train.targetKind() != d.Test.targetKind() {
		return fmt.Errorf("data set %s: training targets are %s, test targets %s", d.Name, d.Train.targetKind(), d.Test.targetKind())
	}
	return nil
}

func (s *Split) check() error {
	for _, d := range s.Shape {
		if d < 1 {
			return fmt.Errorf("examples cannot have shape %v", s.Shape)
		}
	}
	if s.Inputs.Len() == 0 {
		return errors.New("it holds no examples")
	}
	if size := s.InputSize(); s.Inputs.Len()%size != 0 {
		return fmt.Errorf("%d input numbers are not a whole number of examples of shape %v", s.Inputs.Len(), s.Shape)
	}
	if !s.Inputs.Finite() || !s.Targets.Finite() {
		return errors.New("an input or a target is not a finite number")
	}
	return s.checkTargets()
}

func (s *Split) checkTargets() error {
	n := s.Len()
	switch {
	case s.Classes < 0:
		return fmt.Errorf("it has %d classes", s.Classes)
	case s.Classes == 0 && (s.Targets.Len() == 0 || s.Targets.Len()%n != 0):
		return fmt.Errorf("%d target numbers do not divide among %d examples", s.Targets.Len(), n)
	case s.TargetShape != nil && product(s.TargetShape) != s.TargetSize():
		return fmt.Errorf("targets of %d numbers cannot have shape %v", s.TargetSize(), s.TargetShape)
	case s.Classes == 0:
		return nil
	case s.Targets.Len() != n:
		return fmt.Errorf("%d class indices for %d examples", s.Targets.Len(), n)
	}
	for i := range n {
		if c := s.Targets.At(i); c < 0 || c >= float64(s.Classes) || c != math.Trunc(c) {
			return fmt.Errorf("target of example %d is %v, not a class index from 0 to %d", i, c, s.Classes-1)
		}
	}
	return nil
}

func (s *Split) targetKind() string {
	switch {
	case s.Classes == 0 && s.TargetShape != nil:
		return fmt.Sprintf("numbers of shape %v", s.TargetShape)
	case s.Classes == 0:
		return fmt.Sprintf("%d numbers", s.TargetSize())
	}
	return fmt.Sprintf("one of %d classes", s.Classes)
}
