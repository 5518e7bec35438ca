package run_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// kept returns the files of weights in a run's folder.
func kept(t *testing.T, folder string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(folder, run.WeightsFolder))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(folder, run.WeightsFolder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[entry.Name()] = string(data)
	}
	return files
}

// opened returns a prepared run and the folder of its execution.
func opened(t *testing.T, o run.Options, overrides ...string) (*run.Run, *run.Folder) {
	t.Helper()
	f := execute(t, o, overrides...)
	r, err := prepare(t, small, overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return r, f
}

func TestKeptWeightsAreThoseComputedAgain(t *testing.T) {
	adaptive := []string{"arrangement.backward.reset_every=2", "arrangement.backward.reset_when=improves"}
	for _, more := range [][]string{nil, {"engine.dtype=float64"}, {"optimizer={adam={}}"}, adaptive} {
		set := append([]string{"weights.every=2"}, more...)
		r, f := opened(t, run.Options{Workers: 2}, set...)
		for _, w := range []run.Wanted{
			{"forward", 3, 2}, {"forward", 4, 7}, {"backward", 3, 4}, {"backward", 4, 6}, {"backward", 3, 7}, {"tail", 3, 4}, {"tail", 4, 7},
		} {
			is, which, err := r.Kept(f, w)
			if err != nil {
				t.Fatal(err)
			}
			again, err := r.State(context.Background(), w, 2, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !is.Equal(again) || which != w {
				t.Errorf("%v: %v, kept as %v, is not what is computed again (counts %d and %d)", set, w, which, is.Count, again.Count)
			}
			line, _ := f.Line(w)
			if differs, err := r.Reproduces(context.Background(), line, is); err != nil || len(differs) > 0 {
				t.Errorf("%v: %v measures otherwise: %v, %v", set, w, differs, err)
			}
			if w.Iterate < 7 {
				continue
			}
			w.Iterate = 0
			if newest, which, err := r.Kept(f, w); err != nil || !newest.Equal(again) || which.Iterate != 7 {
				t.Errorf("%v: the newest of %v is %v, %v", set, w, which, err)
			}
		}
	}
}

func TestARunKeepsTheLastStatesAndThoseAskedFor(t *testing.T) {
	var last, every []string
	for _, name := range []string{"backward", "forward", "tail"} {
		for _, seed := range []int{3, 4} {
			last = append(last, fmt.Sprintf("%s-seed%d.safetensors", name, seed))
			for _, n := range []int{3, 6} {
				if name != "tail" || n > 3 { // before, it is the iterate itself
					every = append(every, fmt.Sprintf("%s-seed%d-iterate%d.safetensors", name, seed, n))
				}
			}
		}
	}
	for _, c := range []struct {
		set  []string
		want []string
	}{
		{nil, last},
		{[]string{"weights.every=3"}, append(slices.Clone(last), every...)},
		{[]string{"weights.every=3", "evaluate={at=[2, 6], test_samples=10}"}, append(slices.Clone(last), slices.DeleteFunc(slices.Clone(every), func(name string) bool {
			return strings.Contains(name, "iterate3")
		})...)},
	} {
		r, f := opened(t, run.Options{Workers: 2}, c.set...)
		slices.Sort(c.want)
		if got := slices.Sorted(maps.Keys(kept(t, f.Path))); !slices.Equal(got, c.want) {
			t.Errorf("%v: kept are\n%v\nwant\n%v", c.set, got, c.want)
		}
		if _, files := r.WeightsBytes(); files != len(c.want) {
			t.Errorf("%v: %d files were announced, %d are there", c.set, files, len(c.want))
		}
	}
	late, f := opened(t, run.Options{Workers: 2}, "average.tail.from=7")
	if _, files := late.WeightsBytes(); files != 4 || len(kept(t, f.Path)) != 4 {
		t.Errorf("an average that never begins: %d files are announced, %d are there", files, len(kept(t, f.Path)))
	}
	r, f := opened(t, run.Options{Workers: 2}, "weights.keep=none")
	if _, err := os.Stat(filepath.Join(f.Path, run.WeightsFolder)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("nothing should be kept: %v", err)
	}
	if _, files := r.WeightsBytes(); files > 0 {
		t.Errorf("%d files are announced, and none is kept", files)
	}
	if _, _, err := r.Kept(f, run.Wanted{Arrangement: "forward", Seed: 3}); err == nil || !strings.Contains(err.Error(), "keeps no weights of forward, seed 3") {
		t.Errorf("weights that nobody kept: %v", err)
	}
}

func TestAResumedRunLeavesTheSameWeights(t *testing.T) {
	want := kept(t, execute(t, run.Options{Workers: 2}).Path)
	for _, workers := range []int{1, 2} {
		for _, after := range []int64{1, 20, 45, 60} {
			folder := filepath.Join(t.TempDir(), "run")
			interrupt(t, run.Options{Folder: folder, Workers: workers, CheckpointEvery: 1}, after)
			execute(t, run.Options{Folder: folder, Workers: workers, Resume: true})
			if got := kept(t, folder); !maps.Equal(got, want) {
				t.Errorf("interrupted after %d steps, %d workers: kept are other weights: %v", after, workers, slices.Sorted(maps.Keys(got)))
			}
		}
	}
}

func TestAnInterruptedRunHasTheNewestWeights(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	interrupt(t, run.Options{Folder: folder, Workers: 1}, 45) // no checkpoint was due
	f, err := run.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Series() {
		last := s.Lines[len(s.Lines)-1].Iterate
		if s.Arrangement == "tail" && last <= 3 {
			continue
		}
		_, w, err := r.Kept(f, run.Wanted{Arrangement: s.Arrangement, Seed: s.Seed})
		if err != nil || w.Iterate < last {
			t.Errorf("%s, seed %d: recorded up to iterate %d, kept is %v, %v", s.Arrangement, s.Seed, last, w, err)
		}
	}
}

// At this rate backward overflows; forward holds out for longer.
func TestAChainThatDivergesKeepsItsLastFiniteWeights(t *testing.T) {
	r, f := opened(t, run.Options{Workers: 2}, "optimizer.sgd.lr=1e8", "optimizer.sgd.momentum=0.9", "steps=12")
	finite, lost := 0, 0
	for _, s := range f.Series() {
		want := 0
		for _, l := range s.Lines {
			if !l.Diverged {
				want = max(want, l.Iterate)
			}
		}
		if s.Arrangement == "tail" && want <= 3 {
			want = 0
		}
		_, w, err := r.Kept(f, run.Wanted{Arrangement: s.Arrangement, Seed: s.Seed})
		missing := (*run.NotKeptError)(nil)
		switch {
		case want == 0 && errors.As(err, &missing):
			lost++
		case err != nil || w.Iterate != want:
			t.Errorf("%s, seed %d: the last finite iterate is %d, kept is %v, %v", s.Arrangement, s.Seed, want, w, err)
		case want < 12:
			finite++
		}
	}
	if finite == 0 {
		t.Errorf("nothing diverged after finite iterates (%d chains at once): the test shows nothing", lost)
	}
}

func TestWeightsOfSomethingElseAreRefused(t *testing.T) {
	r, f := opened(t, run.Options{Workers: 2}, "weights.every=3")
	newest := run.Wanted{Arrangement: "forward", Seed: 3}
	for want, w := range map[string]run.Wanted{
		"does not keep the weights of forward, seed 3, iterate 5: kept are [3 6 7]": {"forward", 3, 5},
		"there is no iterate 8: they are 1 to 7":                                    {"forward", 3, 8},
		"there is no seed 5: there are [3 4]":                                       {"forward", 5, 7},
		`there is no arrangement "sideways": there are forward, backward, tail`:     {"sideways", 3, 7},
	} {
		if _, _, err := r.Kept(f, w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", w, err, want)
		}
	}
	folder := filepath.Join(f.Path, run.WeightsFolder)
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files := kept(t, f.Path)
	name := "forward-seed3.safetensors"
	for want, content := range map[string]string{
		"it holds weights of backward, seed 4": files["backward-seed4.safetensors"],
		"no whole safetensors file":            files[name][:100],
		"it is damaged":                        files[name][:len(files[name])-8] + "no float",
		"its metadata's iterate is":            strings.Replace(files[name], `"iterate":"7"`, `"iterate":"x"`, 1),
		"it holds weights of another model":    strings.Replace(files[name], `"model_sha256":"`, `"model_sha256":"x`, 1),
	} {
		if strings.HasSuffix(want, "another model") { // one letter more is one less elsewhere
			content = strings.Replace(content, `"run":"small"`, `"run":"smal"`, 1)
		}
		write(name, content)
		_, _, err := r.Kept(f, newest)
		if !errors.As(err, new(*run.UnusableError)) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, w, err := r.Kept(f, run.Wanted{Arrangement: "forward", Seed: 3, Iterate: 6}); err != nil || w.Iterate != 6 {
		t.Errorf("a file beside a damaged one: %v, %v", w, err)
	}
}

// Without the run's model nothing else is worth saying: neither the weights that are there nor computing them again helps.
func TestWeightsOfAChangedModelAreRefused(t *testing.T) {
	r, f := opened(t, run.Options{Workers: 2})
	f.Info.Model.SHA256 = strings.Repeat("0", 64)
	for _, gone := range []bool{false, true} {
		if gone {
			if err := os.RemoveAll(filepath.Join(f.Path, run.WeightsFolder)); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := r.Kept(f, run.Wanted{Arrangement: "forward", Seed: 3})
		if !errors.As(err, new(*run.ChangedModelError)) || !strings.Contains(err.Error(), "zoo:mlp-digits was changed since: ") {
			t.Errorf("weights gone %v: %v", gone, err)
		}
	}
}

func TestLostWeightsAreThoseThatAreGoneOrDamaged(t *testing.T) {
	diverging := []string{"optimizer.sgd.lr=1e8", "optimizer.sgd.momentum=0.9", "steps=12"}
	for _, set := range [][]string{nil, {"weights.every=3"}, {"weights.keep=none"}, {"average.tail.from=7"}, diverging} {
		if r, f := opened(t, run.Options{Workers: 2}, set...); len(r.Lost(f)) > 0 {
			t.Errorf("%v: nothing is lost, but %v", set, r.Lost(f))
		}
	}
	r, f := opened(t, run.Options{Workers: 2}, "weights.every=3")
	files := kept(t, f.Path)
	for name, content := range files {
		path := filepath.Join(f.Path, run.WeightsFolder, name)
		other := strings.Split(name, "-iterate")[0]
		if other == name { // the newest
			other = strings.TrimSuffix(name, ".safetensors") + "-iterate6"
		}
		other = strings.TrimSuffix(other, ".safetensors") + ".safetensors"
		for want, damage := range map[string]func() error{
			"is gone":             func() error { return os.Remove(path) },
			"no whole":            func() error { return os.Truncate(path, 50) },
			"it is damaged":       func() error { return os.WriteFile(path, []byte(content[:len(content)-8]+"no float"), 0o644) },
			"should hold iterate": func() error { return os.WriteFile(path, []byte(files[other]), 0o644) },
		} {
			if err := damage(); err != nil {
				t.Fatal(err)
			}
			if lost := r.Lost(f); len(lost) != 1 || !strings.Contains(lost[0], want) || !strings.Contains(lost[0], name) {
				t.Errorf("%s: lost are %q, want %q", name, lost, want)
			}
			if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
