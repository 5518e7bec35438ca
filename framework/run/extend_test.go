package run_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// longer executes a run and then a longer one in its folder. It returns how many steps the second took, and its error.
func longer(t *testing.T, folder, source string, first, second []string) (steps int, err error) {
	t.Helper()
	r, err := prepare(t, source, first...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 2}); err != nil {
		t.Fatal(err)
	}
	if r, err = prepare(t, source, second...); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex // any worker reports
	known := -1
	_, err = r.Execute(context.Background(), run.Options{Folder: folder, Workers: 2, Resume: true, Progress: func(n int) {
		mu.Lock()
		defer mu.Unlock()
		if known < 0 {
			known = n
			return
		}
		steps += n
	}})
	return steps, err
}

const many = small + `
[arrangement.windows]
kind = "backward"
reset_every = 3
[arrangement.careful]
kind = "backward"
reset_every = 2
reset_when = "improves"
[arrangement.orders]
kind = "order_average"
window = 3
[arrangement.mine]
kind = "words"
words = [[1, 1, 2], [2, 1, 1]]
[average.latest]
of = "windows"
kind = "latest"
window = 3
[average.ema]
of = "forward"
kind = "ema"
`

func TestALongerRunHasTheBytesOfOneThatWasLongFromTheStart(t *testing.T) {
	for rule, set := range map[string][]string{
		"every iterate":          nil,
		"some":                   {"evaluate.every=3"},
		"with the one before":    {`evaluate.metrics=["train_loss", "displacement"]`},
		"batches that repeat":    {"data.sampling=cycle", "data.cycle=3"},
		"a schedule without end": {"schedule.name=inverse_sqrt", "schedule.warmup=2", "arrangement.mine.words=[[2, 1]]"},
		"a schedule with an end": {"schedule.name=cosine", "schedule.steps=7"},
		"rates by the batch":     {"schedule.name=step", "schedule.every=4", "schedule.follow=batch"},
	} {
		whole, err := prepare(t, many, append([]string{"steps=13"}, set...)...)
		if err != nil {
			t.Fatal(err)
		}
		fresh := filepath.Join(t.TempDir(), "run")
		if _, err := whole.Execute(context.Background(), run.Options{Folder: fresh, Workers: 1}); err != nil {
			t.Fatal(err)
		}
		folder := filepath.Join(t.TempDir(), "run")
		taken, err := longer(t, folder, many, append([]string{"steps=7"}, set...), append([]string{"steps=13"}, set...))
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		want := metrics(t, fresh)
		if got := metrics(t, folder); got != want {
			t.Errorf("%s: the longer run recorded\n%s\nwant\n%s", rule, got, want)
		}
		f, err := run.Open(folder)
		if err != nil {
			t.Fatal(err)
		}
		if f.Info.Status != run.Finished || f.Info.Steps != 13 {
			t.Errorf("%s: run.json says %s, %d steps", rule, f.Info.Status, f.Info.Steps)
		}
		if changes, err := whole.Changes(f.Info); err != nil || len(changes) > 0 {
			t.Errorf("%s: run.json is not that of the longer run: %v, %v", rule, changes, err)
		}
		total := 0
		for _, l := range f.Lines {
			total += l.GradientSteps
		}
		if taken >= total*9/10 {
			t.Errorf("%s: going on took %d steps of %d: nothing was kept", rule, taken, total)
		}
	}
}

func TestARunIsNotMadeLongerWhereThatChangesWhatIsRecorded(t *testing.T) {
	for _, c := range []struct {
		rule          string
		first, second []string
		want          string
	}{
		{"shorter", []string{"steps=8"}, []string{"steps=7"}, "steps was 8 and is 7: a run can be made longer, but not shorter"},
		{"a schedule that ends with the run", []string{"schedule.name=cosine"}, []string{"schedule.name=cosine", "steps=14"},
			"the schedule ended after 7 steps and would end after 14"},
		{"another end", []string{"schedule.name=cosine", "schedule.steps=9"}, []string{"schedule.name=cosine"}, "ended after 9 steps and would end after 7"},
		{"batches that come twice", []string{"schedule.name=step", "schedule.every=1", `arrangement.words={words=[[1, 1]]}`},
			[]string{"schedule.name=step", "schedule.every=1", `arrangement.words={words=[[1, 1]]}`, "steps=14"}, "the schedule ended after 7 steps"},
		{"other seeds", nil, []string{"seeds=[3, 4, 5]", "steps=14"}, "seeds was [3,4] and is [3,4,5]"},
		{"merging", []string{"arrangement.backward.merge=0.1"}, []string{"arrangement.backward.merge=0.1", "steps=14"}, "arrangement.backward.merge lets"},
		{"a chain no longer", []string{"arrangement.backward.start=7", "average.tail.of=backward", "evaluate.every=2"},
			[]string{"arrangement.backward.start=7", "average.tail.of=backward", "evaluate.every=2", "steps=14"}, "average.tail takes in all iterates of backward"},
	} {
		folder := filepath.Join(t.TempDir(), "run")
		if _, err := longer(t, folder, small, c.first, c.second); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.rule, err, c.want)
		}
		f, err := run.Open(folder)
		if err != nil || f.Info.Status != run.Finished {
			t.Errorf("%s: the finished run is %s, %v", c.rule, f.Info.Status, err)
		}
	}
}

func TestAnInterruptedRunIsMadeLonger(t *testing.T) {
	r, err := prepare(t, small, "steps=14")
	if err != nil {
		t.Fatal(err)
	}
	want, err := r.Execute(context.Background(), run.Options{Folder: filepath.Join(t.TempDir(), "run"), Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int64{0, 20, 60} {
		folder := filepath.Join(t.TempDir(), "run")
		interrupt(t, run.Options{Folder: folder, Workers: 2, CheckpointEvery: 1}, after)
		if _, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 2, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if metrics(t, folder) != metrics(t, want.Path) {
			t.Errorf("interrupted after %d steps, the longer run recorded other lines", after)
		}
	}
}
