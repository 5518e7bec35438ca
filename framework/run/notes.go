package run

import "fmt"

// Notes says in sentences what a reader of the recipe would not expect: what it gives up of its arrangements, and what the data decided.
func (r *Run) Notes() []string {
	var notes []string
	if len(r.inferred) > 0 {
		notes = append(notes, r.inferredNote())
	}
	if r.Program.DependsOnIndex() {
		notes = append(notes, "The schedule follows the batch index, so the steps differ in law: forward and backward iterates need not have the "+
			"same distribution, and batches that repeat do not make steps that repeat.")
	}
	last := 0
	if n := len(r.iterates); n > 0 {
		last = r.iterates[n-1]
	}
	if last < r.Recipe.Steps {
		notes = append(notes, fmt.Sprintf("The last iterate that is evaluated is %d of %d: no steps are taken behind it (evaluate.every or evaluate.at can name %d).",
			last, r.Recipe.Steps, r.Recipe.Steps))
	}
	for _, a := range r.Recipe.Averages {
		if a.From >= last {
			notes = append(notes, fmt.Sprintf("The average %q begins after iterate %d, which this run does not pass: until then it is the iterate itself.",
				a.Name, a.From))
		}
	}
	return notes
}
