package run

import "fmt"

// goesOn returns an error unless a run with these changes goes on with what was recorded.
func (r *Run) goesOn(folder string, then Info, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	return fmt.Errorf("run: the run in %s cannot be resumed: %s", folder, inWords(changes))
}
