package run

// Notes says in sentences what the recipe gives up of what a reader expects of its arrangements.
func (r *Run) Notes() []string {
	var notes []string
	if r.Program.DependsOnIndex() {
		notes = append(notes, "The schedule follows the batch index, so the steps differ in law: forward and backward iterates need not have the "+
			"same distribution, and batches that repeat do not make steps that repeat.")
	}
	return notes
}
