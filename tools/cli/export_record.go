package cli

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

const (
	oldModelHint  = "put the model back as the run had it: its weights are of that one, and --recompute needs it too"
	recomputeHint = "--recompute trains again up to an iterate; in a recipe, [weights] every = N keeps more of them"
)

// hintAtRecompute says what to do where kept weights cannot be read.
func hintAtRecompute(err error) error {
	var missing *run.NotKeptError
	var unusable *run.UnusableError
	var changed *run.ChangedModelError
	switch {
	case errors.As(err, &missing), errors.As(err, &unusable):
		return exitError{err, exitFailure, recomputeHint}
	case errors.As(err, &changed):
		return exitError{err, exitFailure, oldModelHint}
	}
	return err
}

// hintAtKept says what to do where weights cannot be computed again: unread is why the kept ones cannot be read either.
func hintAtKept(err, unread error) error {
	var changed *run.ChangedModelError
	switch {
	case unread == nil:
		return exitError{err, exitFailure, "without --recompute the weights that the run kept are exported"}
	case errors.As(unread, &changed):
		return exitError{err, exitFailure, oldModelHint}
	}
	return exitError{err, exitFailure, "put back what has changed: the run has no kept weights that could be exported instead"}
}

// record is what a run recorded of a state whose kept weights are exported. The zero value is nothing.
type record struct {
	info run.Info
	line run.Line
	is   bool
}

// record finds what to compare with. Weights that were computed again were compared already.
func (f *exportFlags) record(folder *run.Folder, wanted run.Wanted) record {
	line, is := folder.Line(wanted)
	return record{folder.Info, line, is && !f.recompute}
}

// compare fails if a state has another accuracy than was recorded, on the same examples of the same data, where the same computes. It says
// so where that cannot be told.
func (then record) compare(w io.Writer, c *exportCheck) error {
	if !then.is {
		return nil
	}
	if !c.run.SameData(then.info) {
		fmt.Fprintf(w, "  the data set %s was changed since the run: what was recorded cannot be compared\n", c.run.Data.Name)
		return nil
	}
	was, is := then.line.Metric("test_accuracy"), float64(c.here)/float64(c.examples)
	if !c.classes || c.examples != c.run.EvaluatedExamples() || math.IsNaN(was) || was == is {
		return nil
	}
	changes, err := c.run.Changes(then.info)
	if err != nil {
		return err
	}
	different := fmt.Sprintf("test_accuracy was recorded as %s, and is %s with the kept weights", number(was), number(is))
	if len(changes) > 0 { // other instructions round otherwise
		fmt.Fprintf(w, "  %s: %s\n", different, printable(changes[0].String()))
		return nil
	}
	return errors.New(different + ", on the same examples")
}
