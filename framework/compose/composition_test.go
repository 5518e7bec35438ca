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
		{"a window that must improve is not reset by itself", Backward{ResetEvery: 2, ResetWhen: Improves}, 4, "0 [[4 3 2 1]]"},
		{"all orders, the usual first", OrderAverage{Window: 3, Method: Exact}, 3, "0 [[1 2 3] [1 3 2] [2 1 3] [2 3 1] [3 1 2] [3 2 1]]"},
		{"within a window, of the part that is there", OrderAverage{Window: 3, Method: Exact}, 5, "3 [[4 5] [5 4]]"},
		{"an order of one", OrderAverage{Window: 3, Method: Exact}, 4, "3 [[4]]"},
		{"the next window starts from the mean", OrderAverage{Window: 2, Method: Exact}, 4, "2 [[3 4] [4 3]]"},
		{"small batches", OrderAverage{Window: 3, Method: Sequential}, 6, "3 [[4 5 6]]"},
		{"a group", OrderAverage{Window: 3, Method: Regularizer}, 6, "3 [[4 5 6]]"},
		{"a sampled order of one has no reverse", OrderAverage{Window: 3, Method: Sampled, Orders: 5}, 4, "3 [[4]]"},
		{"words count from the window's start", Words{Words: [][]int{{2, 1, 1}, {1, 2, 2}}}, 4, "2 [[4 3 3] [3 4 4]]"},
		{"a longer window may leave batches out", Words{Window: 3, Words: [][]int{{1}}}, 4, "3 [[4]]"},
		{"within a window, without what is not there yet", Words{Words: [][]int{{3, 2, 1}}}, 2, "0 [[2 1]]"},
		{"approximate backward goes forward", Lie{}, 3, "0 [[1 2 3]]"},
		{"and starts and resets as backward", Lie{Start: 2, ResetEvery: 2}, 6, "4 [[5 6]]"},
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
		{Composition{Base: -1, Words: [][]int{{5}}}, "iterate 5 cannot start from iterate -1"},
		{Composition{Base: 5, Words: [][]int{{5}}}, "iterate 5 cannot start from iterate 5 (a base is one of 0 to 4)"},
		{Composition{Base: 4}, "no words"},
		{Composition{Base: 3, Words: [][]int{{5, 4}, {}}}, "empty word"},
		{Composition{Base: 3, Words: [][]int{{5, 4}, {5}}}, "words of 2 and of 1 steps"},
		{Composition{Base: 3, Words: [][]int{{4, 3}}}, "cannot use batch 3 (from iterate 3 it may use batches 4 to 5)"},
		{Composition{Base: 3, Words: [][]int{{6, 4}}}, "cannot use batch 6"},
		{Composition{Base: 0, Words: [][]int{{0}}}, "cannot use batch 0"},
		{Composition{Base: 3, Words: [][]int{{4}, {5}}, Group: &Group{}}, "has 2 words and a group or a bracket"},
		{Composition{Base: 3, Words: [][]int{{4, 5}}, Group: &Group{}, Bracket: &Bracket{}}, "not of each other"},
	} {
		a := table{5: c.composition}
		_, cost := Cost(t.Context(), Job{Arrangement: a, Iterates: []int{5}})
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
		if _, err := Cost(t.Context(), Job{Arrangement: Forward{}, Iterates: list}); err == nil || !strings.Contains(err.Error(), "ascending") {
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
		{"all orders of four: 96 steps a window", OrderAverage{Window: 4, Method: Exact}, []int{4, 8, 12}, 3 * 96},
		{"wanted parts of windows cost their own", OrderAverage{Window: 4, Method: Exact}, []int{4, 6, 8}, 2*96 + 4},
		{"pairs of orders", OrderAverage{Window: 4, Method: Sampled, Orders: 3}, []int{4, 8}, 2 * 6 * 4},
		{"small batches are forward", OrderAverage{Window: 4, Method: Sequential}, []int{4, 8}, 8},
		{"a large batch has the gradients of its parts", OrderAverage{Window: 4, Method: Regularizer}, []int{4, 8}, 8},
	} {
		if got, err := Cost(t.Context(), Job{Arrangement: c.a, Iterates: c.iterates}); got != (Work{Steps: c.want}) || err != nil {
			t.Errorf("%s: cost %v, %v, want %d", c.name, got, err, c.want)
		}
	}
}

func TestCostOfSecondOrderTerms(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		want     Work
	}{
		{"regularizer: a gradient and a product for each batch", OrderAverage{Window: 4, Method: Regularizer, Strength: 1}, []int{4, 8}, Work{Steps: 8, HVPs: 8}},
		{"a window of one is a step", OrderAverage{Window: 1, Method: Regularizer, Strength: 1}, upTo(3), Work{Steps: 3}},
		{"bracket: n products for iterate n, but none for the first", Lie{}, upTo(5), Work{Steps: 10, HVPs: 2 + 3 + 4 + 5}},
		{"one iterate alone: the double sum", Lie{}, []int{5}, Work{Steps: 5 + 5 + 4, HVPs: 5}},
		{"thinned: n products for each wanted", Lie{}, []int{5, 9}, Work{Steps: 14 + 4 + 4 + 3, HVPs: 5 + 9}},
		{"windows begin anew", Lie{ResetEvery: 2}, upTo(4), Work{Steps: 8, HVPs: 2 + 2}},
		{"trials that nobody wants to see are evaluated, and what the first starts from", Backward{ResetEvery: 3, ResetWhen: Improves}, []int{4, 8},
			Work{Steps: 3 + 4 + 6 + 8, Extra: 3}},
		{"trials that are wanted anyway", Backward{Start: 1, ResetEvery: 1, ResetWhen: Improves}, upTo(4), Work{Steps: 1 + 1 + 2 + 3}},
	} {
		job := Job{Arrangement: c.a, Iterates: c.iterates, Initial: point(0)}
		if got, err := Cost(t.Context(), job); got != c.want || err != nil {
			t.Errorf("%s: cost %+v, %v, want %+v", c.name, got, err, c.want)
		}
	}
}

// Law 10: with a period of m, one kept state for each residue is enough.
func TestRepeatedBatchesCostWhatTheLargestIterateOfEachResidueDoes(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		period   int
		want     int64
	}{
		{"2000 iterates of period 50", Backward{}, upTo(2000), 50, 98_775},
		{"thinned to one residue", Backward{}, []int{50, 100, 150}, 50, 150},
		{"thinned to three", Backward{}, []int{30, 60, 90, 120}, 45, 120 + 60 + 90},
		{"one iterate", Backward{}, []int{777}, 50, 777},
		{"a period that is longer than the run", Backward{}, upTo(20), 50, 210},
		{"in windows, from their starts", Backward{Start: 3, ResetEvery: 10}, upTo(23), 4, 3 + 2*(7+8+9+10)},
		{"forward has nothing to share", Forward{}, upTo(100), 7, 100},
	} {
		if got, err := Cost(t.Context(), Job{Arrangement: c.a, Iterates: c.iterates, Period: c.period}); got != (Work{Steps: c.want}) || err != nil {
			t.Errorf("%s: cost %v, %v, want %d", c.name, got, err, c.want)
		}
	}
}

func TestDepthIsTheLongestChain(t *testing.T) {
	for _, c := range []struct {
		name     string
		a        Arrangement
		iterates []int
		want     int64
	}{
		{"forward", Forward{}, []int{10, 40}, 40},
		{"backward", Backward{}, []int{10, 40}, 40},
		{"windows, through their bases", Backward{ResetEvery: 10}, []int{5, 38}, 38},
		{"words of one iterate are side by side", OrderAverage{Window: 3, Method: Sequential}, []int{3, 6}, 6},
	} {
		if got, err := Depth(t.Context(), Job{Arrangement: c.a, Iterates: c.iterates}); got != c.want || err != nil {
			t.Errorf("%s: %d, %v, want %d", c.name, got, err, c.want)
		}
	}
}

func TestSampledOrdersFollowFromTheSeedAndComeWithTheirReverses(t *testing.T) {
	a := OrderAverage{Window: 5, Method: Sampled, Orders: 4, Seed: 7}
	words := a.Compose(10).Words
	if len(words) != 8 || !slices.EqualFunc(words, a.Compose(10).Words, slices.Equal) {
		t.Fatalf("words %v, then %v", words, a.Compose(10).Words)
	}
	for i := 0; i < len(words); i += 2 {
		reverse := slices.Clone(words[i+1])
		slices.Reverse(reverse)
		if !slices.Equal(words[i], reverse) {
			t.Errorf("%v is not followed by its reverse but by %v", words[i], words[i+1])
		}
	}
	a.Seed++
	if slices.EqualFunc(words, a.Compose(10).Words, slices.Equal) {
		t.Error("another seed samples the same orders")
	}
	a.Seed--
	earlier := a.Compose(5).Words
	for _, word := range earlier { // the places of its letters in the window
		for i := range word {
			word[i] += 5
		}
	}
	if slices.EqualFunc(earlier, words, slices.Equal) {
		t.Error("another window has the same orders of its batches")
	}
	distinct := map[string]bool{}
	for _, word := range append(earlier, words...) {
		distinct[fmt.Sprint(word)] = true
	}
	if len(distinct) < 12 {
		t.Errorf("two windows have %d different orders of 16, too few to be drawn independently", len(distinct))
	}
}

func TestArrangementsRefuseOptionsThatDoNotFitTogether(t *testing.T) {
	for _, c := range []struct {
		a    plugin.Validator
		want string
	}{
		{&Backward{ResetWhen: Improves}, "needs reset_every"},
		{&OrderAverage{Window: 7, Method: Exact}, "at most 6 (or sample them"},
		{&Words{}, "words is missing"},
		{&Words{Words: [][]int{{1, 2}, {1}}}, "in every window, iterate 2 has words of 2 and of 1 steps"},
		{&Words{Words: [][]int{{2}}}, "in every window, iterate 1 has an empty word"},
		{&Words{Window: 2, Words: [][]int{{1, 3}}}, "in every window, iterate 1 cannot use batch 3"},
		{&Words{Window: 1_000_000, Words: [][]int{{1, 3, 5}, {1, 3, 4}}}, "in every window, iterate 4 has words of 2 and of 3 steps"},
		{&Words{Words: [][]int{{1, 1_000_000}, {1}}}, "in every window, iterate 1000000 has words of 2 and of 1 steps"},
		{&OrderAverage{Window: 100, Method: Sampled, Orders: 1_000_000}, "orders is at most 5242"},
		{&OrderAverage{Window: 1000, Method: Regularizer}, "at most 256 batches"},
	} {
		if err := c.a.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want %q", c.a, err, c.want)
		}
	}
	for _, a := range []plugin.Validator{
		&Backward{ResetWhen: Improves, ResetEvery: 3}, &OrderAverage{Window: 7, Method: Sampled, Orders: 1}, &OrderAverage{Window: 6, Method: Exact},
		&Words{Words: [][]int{{1, 2, 1}, {1, 1, 2}}},
	} {
		if err := a.Validate(); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
	}
}

func TestRegistryHoldsTheBuiltIn(t *testing.T) {
	for _, name := range []string{"backward", "forward", "lie", "order_average", "words"} {
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

func TestACostIsExactButForTrialsAndMerging(t *testing.T) {
	for _, c := range []struct {
		a       Arrangement
		bounded bool
	}{
		{Forward{}, false}, {Backward{}, false}, {Lie{}, false}, {OrderAverage{Window: 3, Method: Exact}, false},
		{Backward{ResetEvery: 3, ResetWhen: Always}, false}, {Backward{ResetEvery: 3, ResetWhen: Improves}, true}, {Backward{Merge: 1e-9}, true},
	} {
		if got := Bounded(Job{Arrangement: c.a, Iterates: upTo(9)}); got != c.bounded {
			t.Errorf("%+v: an upper bound: %v, want %v", c.a, got, c.bounded)
		}
		if Bounded(Job{Arrangement: c.a}) {
			t.Errorf("%+v: the cost of nothing is an upper bound", c.a)
		}
	}
}
