package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func TestBuiltInCompositions(t *testing.T) {
	for _, c := range []struct {
		name string
		a    Arrangement
		n    int
		want string
	}{
		{"forward applies one step to the iterate before", Forward{}, 7, "6 [[7]]"},
		{"backward applies the newest batch first", Backward{}, 4, "0 [[4 3 2 1]]"},
		{"backward is forward up to its start", Backward{Start: 3}, 3, "2 [[3]]"},
		{"the first iterate after the start is forward too", Backward{Start: 3}, 4, "3 [[4]]"},
		{"after its start backward reaches back to it", Backward{Start: 3}, 6, "3 [[6 5 4]]"},
		{"the last iterate of a window has the whole window", Backward{ResetEvery: 3}, 6, "3 [[6 5 4]]"},
		{"the next one starts from it", Backward{ResetEvery: 3}, 7, "6 [[7]]"},
		{"windows are counted from the start", Backward{Start: 2, ResetEvery: 3}, 5, "2 [[5 4 3]]"},
		{"and so is the next one", Backward{Start: 2, ResetEvery: 3}, 6, "5 [[6]]"},
		{"windows do not matter before the start", Backward{Start: 9, ResetEvery: 3}, 5, "4 [[5]]"},
	} {
		composition := c.a.Compose(c.n)
		if got := fmt.Sprint(composition.Base, " ", composition.Words); got != c.want {
			t.Errorf("%s: iterate %d is %s, want %s", c.name, c.n, got, c.want)
		}
		if err := composition.Check(c.n); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckNamesWhatIsNotPossible(t *testing.T) {
	for _, c := range []struct {
		composition Composition
		want        string // for iterate 5
	}{
		{Composition{-1, [][]int{{5}}}, "iterate 5 cannot start from iterate -1"},
		{Composition{5, [][]int{{5}}}, "iterate 5 cannot start from iterate 5 (a base is one of 0 to 4)"},
		{Composition{4, nil}, "no words"},
		{Composition{3, [][]int{{5, 4}, {}}}, "empty word"},
		{Composition{3, [][]int{{5, 4}, {5}}}, "words of 2 and of 1 steps"},
		{Composition{3, [][]int{{4, 3}}}, "cannot use batch 3 (from iterate 3 it may use batches 4 to 5)"},
		{Composition{3, [][]int{{6, 4}}}, "cannot use batch 6"},
		{Composition{0, [][]int{{0}}}, "cannot use batch 0"},
	} {
		a := table{5: c.composition}
		_, cost := Cost(a, []int{5})
		_, run := Run(t.Context(), []Job{{Name: "bad", Arrangement: a, Initial: point(0, 0), Iterates: []int{5}, Maps: every(steps(tangle))}}, Options{})
		for call, err := range map[string]error{"Check": c.composition.Check(5), "Cost": cost, "Run": run} {
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s of %v: error %v, want %q", call, c.composition, err, c.want)
			}
		}
	}
}

func TestIteratesAscendFromOne(t *testing.T) {
	for _, list := range [][]int{{0}, {-1}, {2, 2}, {1, 3, 2}} {
		if _, err := Cost(Forward{}, list); err == nil || !strings.Contains(err.Error(), "ascending") {
			t.Errorf("Cost of %v: error %v", list, err)
		}
	}
}

func TestCostOfClosedForms(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		want     int64
	}{
		{"nothing costs nothing", Forward{}, nil, 0},
		{"forward: N", Forward{}, upTo(100), 100},
		{"forward thinned is still N", Forward{}, []int{30, 60, 100}, 100},
		{"backward: N(N+1)/2", Backward{}, upTo(100), 100 * 101 / 2},
		{"backward thinned: the sum of the wanted", Backward{}, []int{30, 60, 100}, 190},
		{"start s: s + (N-s)(N-s+1)/2", Backward{Start: 40}, upTo(100), 40 + 60*61/2},
		{"start s thinned shares the s forward steps", Backward{Start: 40}, []int{50, 100}, 40 + 10 + 60},
		{"start beyond the end: N", Backward{Start: 1000}, upTo(100), 100},
		{"windows of w: N(w+1)/2", Backward{ResetEvery: 20}, upTo(100), 100 * 21 / 2},
		{"windows of 1: N", Backward{ResetEvery: 1}, upTo(100), 100},
		{"windows thinned add the unwanted bases once", Backward{ResetEvery: 1000}, []int{300, 600, 900, 1200, 1500}, 300 + 600 + 900 + 1000 + 200 + 500},
		{"start and windows", Backward{Start: 40, ResetEvery: 20}, upTo(100), 40 + 60*21/2},
		{"the paper's largest run: 2000 iterates", Backward{}, upTo(2000), 2_001_000},
	} {
		if got, err := Cost(c.a, c.iterates); got != c.want || err != nil {
			t.Errorf("%s: cost %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}

func TestRegistryHoldsTheBuiltIn(t *testing.T) {
	for _, name := range []string{"backward", "forward"} {
		if !slices.Contains(Names(), name) || Doc(name) == "" {
			t.Errorf("%s is not listed with a line of its own: %v, %q", name, Names(), Doc(name))
		}
	}
	_, err := New("bakward")
	var unknown *plugin.UnknownError
	if !errors.As(err, &unknown) || unknown.Suggestion != "backward" {
		t.Errorf("New(bakward): %v", err)
	}
	a, err := New("backward")
	if err != nil {
		t.Fatal(err)
	}
	options := plugin.Options(a)
	for i, want := range []string{"start", "reset_every"} {
		if options[i].Name != want || options[i].Set(int64(-1)) == nil {
			t.Errorf("option %d is %q and takes -1: %v", i, options[i].Name, options[i].Set(int64(-1)) == nil)
		}
		if err := options[i].Set(int64(3)); err != nil {
			t.Error(err)
		}
	}
	if got := a.Compose(7).Base; got != 6 {
		t.Errorf("the options do not reach the arrangement: base of 7 is %d, want 6", got)
	}
}
