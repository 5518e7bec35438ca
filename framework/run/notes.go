package run

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
	return notes
}
