package compose

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// The state is one number that step k moves by moves[k]; less is better.
func moving(moves ...float64) steps {
	return func(k int, x []float64) { x[0] += moves[k-1] }
}

func TestTrialsThatImproveBecomeBases(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Backward
		moves    []float64
		accepted []int
		cost     []int64 // steps of iterates 1 to 6
	}{
		{"all", Backward{ResetEvery: 2}, []float64{-1, -1, -1, -1, -1, -1}, []int{2, 4, 6}, []int64{1, 2, 1, 2, 1, 2}},
		{"none", Backward{ResetEvery: 2}, []float64{1, 1, 1, 1, 1, 1}, nil, []int64{1, 2, 3, 4, 5, 6}},
		{"the last is compared with the base, not with the trial before", Backward{ResetEvery: 2}, []float64{1, 1, -1, 0, -2, 0}, []int{6}, []int64{1, 2, 3, 4, 5, 6}},
		{"one", Backward{ResetEvery: 2}, []float64{1, 1, -3, 0, 1, 1}, []int{4}, []int64{1, 2, 3, 4, 1, 2}},
		{"equal is not better", Backward{ResetEvery: 2}, []float64{0, 0, 0, 0, 0, 0}, nil, []int64{1, 2, 3, 4, 5, 6}},
		{"from the start on", Backward{Start: 3, ResetEvery: 1}, []float64{9, 9, 9, -1, 5, -9}, []int{4, 6}, []int64{1, 1, 1, 1, 1, 2}},
	} {
		c.a.ResetWhen = Improves
		job := Job{Arrangement: c.a, Initial: point(0), Iterates: upTo(6), Maps: every(moving(c.moves...))}
		for _, workers := range []int{1, 4} {
			var accepted []int
			var cost []int64
			for _, r := range emitted(t, []Job{job}, Options{Workers: workers}) {
				if cost = append(cost, r.Work.Steps); r.Accepted {
					accepted = append(accepted, r.Iterate)
				}
			}
			if !slices.Equal(accepted, c.accepted) || !slices.Equal(cost, c.cost) {
				t.Errorf("%s: accepted %v after %v steps, want %v after %v", c.name, accepted, cost, c.accepted, c.cost)
			}
		}
	}
}

func TestTrialsNeedScores(t *testing.T) {
	job := Job{Name: "mine", Arrangement: Backward{ResetEvery: 2, ResetWhen: Improves}, Initial: point(0), Iterates: upTo(6), Maps: every(moving())}
	_, err := Run(t.Context(), []Job{job}, Options{})
	if want := "compose: mine: an adaptive arrangement needs evaluations that can be compared"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

// wandering starts iterates behind its trial from what nobody keeps.
type wandering struct{ Forward }

func (wandering) Trial(n int) bool             { return n == 3 }
func (a wandering) Accepted([]int) Arrangement { return a }

func TestAnIterateBehindATrialStartsFromATrial(t *testing.T) {
	job := Job{Name: "mine", Arrangement: wandering{}, Initial: point(0), Iterates: []int{6}, Maps: every(moving(1, 1, 1, 1, 1, 1))}
	_, err := Run(context.Background(), []Job{job}, Options{Visit: copies, Score: scoreOfCopy})
	if want := "compose: mine: iterate 6 starts from iterate 5, which is no trial"; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}
