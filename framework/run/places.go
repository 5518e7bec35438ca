package run

import (
	"fmt"
	"slices"
)

// place is whose line stands at a place of metrics.jsonl.
type place struct {
	arrangement string // or average
	seed        uint64
}

// places lists the lines of one iterate, in their order.
func (r *Run) places() (list []place) {
	for job := range r.jobs {
		a, seed := r.arrangement(job)
		list = append(list, place{a.Name, seed})
		for _, average := range r.averages(a.Name) {
			list = append(list, place{average.Name, seed})
		}
	}
	return list
}

// linesAfter returns how many lines so many results of the executor are.
func (r *Run) linesAfter(results int) int {
	lines := results / len(r.jobs) * len(r.places())
	for job := range results % len(r.jobs) {
		a, _ := r.arrangement(job)
		lines += 1 + len(r.averages(a.Name))
	}
	return lines
}

// checkLines returns an error unless the lines are the first ones of this run.
func (r *Run) checkLines(path string, lines []Line) error {
	places := r.places()
	for i, l := range lines {
		if err := r.checkLine(l, places[i%len(places)], i/len(places)); err != nil {
			return fmt.Errorf("run: %s:%d: %w (cut the file before this line, and --resume computes the rest again)", path, i+1, err)
		}
	}
	return nil
}

func (r *Run) checkLine(l Line, want place, iterate int) error {
	if iterate >= len(r.iterates) {
		return fmt.Errorf("the run has no more than %d lines", len(r.iterates)*len(r.places()))
	}
	if n := r.iterates[iterate]; l.Arrangement != want.arrangement || l.Seed != want.seed || l.Iterate != n {
		return fmt.Errorf("here stands iterate %d of %q, seed %d, and iterate %d of %q, seed %d, belongs here",
			l.Iterate, l.Arrangement, l.Seed, n, want.arrangement, want.seed)
	}
	same := slices.EqualFunc(l.Metrics, r.Recipe.Evaluate.Metrics, func(m Metric, name string) bool { return m.Name == name })
	if !same {
		return fmt.Errorf("its metrics are not %v", r.Recipe.Evaluate.Metrics)
	}
	return nil
}
