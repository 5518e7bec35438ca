package run_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// write writes a file into a folder.
func write(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, folder, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// again executes the small run in a folder, which holds one already, and returns what it gave notice of.
func again(t *testing.T, folder string) (f *run.Folder, notices string, err error) {
	t.Helper()
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	f, err = r.Execute(context.Background(), run.Options{Folder: folder, Workers: 2, Resume: true, Notice: func(text string) { notices += text + "\n" }})
	return f, notices, err
}

func TestOneProcessRunsInAFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	want := fmt.Sprintf("is going on in process %d", os.Getpid())
	_, err = r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, Progress: func(int) {
		once.Do(func() {
			for _, resume := range []bool{false, true} {
				second, err := prepare(t, small)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := second.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, Resume: resume}); err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("a second run, resume %v: %v, want %q", resume, err, want)
				}
			}
			if f, err := run.Open(folder); err != nil || f.Info.Status != run.Running {
				t.Errorf("who looks in sees %+v, %v", f, err)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	if f, _, err := again(t, folder); err != nil || f.Info.Status != run.Finished || len(f.Lines) != 42 {
		t.Errorf("afterwards: %v", err)
	}
}

// TestTwoProcessesInOneFolder runs itself as another process that holds the folder, and is killed in it.
func TestTwoProcessesInOneFolder(t *testing.T) {
	if folder := os.Getenv("BACKSTITCH_TEST_HOLDS"); folder != "" {
		execute(t, run.Options{Folder: folder, Workers: 1}, "steps=4000")
		return
	}
	folder := filepath.Join(t.TempDir(), "run")
	child := exec.Command(os.Args[0], "-test.run=^TestTwoProcessesInOneFolder$")
	child.Env = append(os.Environ(), "BACKSTITCH_TEST_HOLDS="+folder)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if data, _ := os.ReadFile(filepath.Join(folder, run.MetricsFile)); len(data) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child records nothing")
		}
	}
	want := fmt.Sprintf("is going on in process %d", child.Process.Pid)
	if _, _, err := again(t, folder); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("beside another process: %v, want %q", err, want)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.Wait()
	if f, err := run.Open(folder); err != nil || f.Info.Status != run.Interrupted {
		t.Errorf("after it was killed: %+v, %v", f.Info.Status, err)
	}
	if _, _, err := again(t, folder); err == nil || !strings.Contains(err.Error(), "steps was 4000") {
		t.Errorf("after it was killed: %v", err)
	}
}

func TestAKillBeforeTheRecordLosesNothing(t *testing.T) {
	want := metrics(t, execute(t, run.Options{Workers: 1}).Path)
	for rule, left := range map[string][]string{
		"only the lock":        {run.LockFile},
		"the recipe":           {run.LockFile, run.RecipeFile},
		"half of the record":   {run.LockFile, run.RecipeFile, ".run.json-123"},
		"half of the recipe":   {run.LockFile, ".recipe.toml-1"},
		"an empty folder":      {},
		"a folder that is new": nil,
	} {
		for _, resume := range []bool{false, true} {
			folder := filepath.Join(t.TempDir(), "run")
			if left != nil {
				if err := os.Mkdir(folder, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			for _, name := range left {
				write(t, folder, name, "12")
			}
			if len(left) == 0 && resume {
				continue // there is nothing to resume, see TestExecuteRefusesForeignFolders
			}
			if f := execute(t, run.Options{Folder: folder, Workers: 1, Resume: resume}); metrics(t, f.Path) != want {
				t.Errorf("%s, resume %v: other lines", rule, resume)
			}
			if found, _ := filepath.Glob(filepath.Join(folder, ".*")); len(found) > 0 {
				t.Errorf("%s: left are %v", rule, found)
			}
		}
	}
	folder := t.TempDir()
	write(t, folder, run.LockFile, "")
	if _, err := run.Open(folder); err == nil || !strings.Contains(err.Error(), "killed before it had begun") {
		t.Errorf("a report of it: %v", err)
	}
	for _, name := range []string{"mine.txt", run.RecipeFile} { // a folder of the user's, without a lock
		folder := t.TempDir()
		write(t, folder, name, "mine")
		r, err := prepare(t, small)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1}); err == nil || !strings.Contains(err.Error(), "is not empty") {
			t.Errorf("a folder with %s: %v", name, err)
		}
		if entries, _ := os.ReadDir(folder); len(entries) != 1 || read(t, folder, name) != "mine" {
			t.Errorf("a folder with %s was changed: %v", name, entries)
		}
	}
}

func TestFilesThatAKillLeftAreRemoved(t *testing.T) {
	f := execute(t, run.Options{Workers: 1})
	left := []string{".run.json-1234", "checkpoints/.latest-99", "plots/.train_loss.svg-5", ".report.html-7"}
	for _, name := range append(left, ".mine", "notes-12") {
		write(t, f.Path, name, "x")
	}
	if _, _, err := again(t, f.Path); err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if _, err := os.Stat(filepath.Join(f.Path, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left", name)
		}
	}
	if read(t, f.Path, ".mine")+read(t, f.Path, "notes-12") != "xx" {
		t.Error("files of the user's are gone")
	}
}

func TestAFolderThatVanishesEndsTheRun(t *testing.T) {
	for rule, vanish := range map[string]func(string) error{
		"removed": os.RemoveAll,
		"moved":   func(folder string) error { return os.Rename(folder, folder+"-moved") },
		"replaced": func(folder string) error {
			return errors.Join(os.Rename(folder, folder+"-moved"), os.Mkdir(folder, 0o755), os.WriteFile(filepath.Join(folder, run.MetricsFile), nil, 0o644))
		},
	} {
		folder := filepath.Join(t.TempDir(), "run")
		r, err := prepare(t, small, "steps=200")
		if err != nil {
			t.Fatal(err)
		}
		var steps atomic.Int64
		var once sync.Once
		f, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 1, CheckpointEvery: 1, Progress: func(n int) {
			if steps.Add(int64(n)) > 50 {
				once.Do(func() {
					if err := vanish(folder); err != nil {
						t.Error(err)
					}
				})
			}
		}})
		if err == nil || f != nil || !strings.Contains(err.Error(), "gone") && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", rule, err)
		}
		if steps.Load() > 20000 {
			t.Errorf("%s: the run went on for %d steps", rule, steps.Load())
		}
		entries, err := os.ReadDir(folder)
		if rule != "replaced" && !errors.Is(err, os.ErrNotExist) || rule == "replaced" && len(entries) != 1 {
			t.Errorf("%s: a half folder was made anew: %v, %v", rule, entries, err)
		}
	}
}

func TestRecordedLinesAreThoseOfTheRun(t *testing.T) {
	for rule, c := range map[string]struct {
		change func(lines []string) []string
		want   string
	}{
		"a line is missing":   {func(l []string) []string { return append(l[:4:4], l[5:]...) }, "metrics.jsonl:5: here stands iterate 1 of \"backward\", seed 4, and iterate 1 of \"tail\", seed 4, belongs here"},
		"a line stands twice": {func(l []string) []string { return append(l[:3:3], l[2:]...) }, "metrics.jsonl:4: here stands"},
		"nothing":             {func(l []string) []string { l[6] = "{}"; return l }, "metrics.jsonl:7: it does not say which iterate"},
		"a list":              {func(l []string) []string { l[6] = "[1]"; return l }, "metrics.jsonl:7: "},
		"no JSON":             {func(l []string) []string { l[6] = "{"; return l }, "metrics.jsonl:7: "},
		"another metric":      {func(l []string) []string { l[1] = strings.Replace(l[1], "test_loss", "test_los", 1); return l }, "metrics.jsonl:2: its metrics are not [train_loss test_loss test_accuracy]"},
		"another seed":        {func(l []string) []string { l[1] = strings.Replace(l[1], `"seed":3`, `"seed":4`, 1); return l }, "metrics.jsonl:2: here stands"},
		"more lines":          {func(l []string) []string { return append(l, l[0]) }, "metrics.jsonl:43: the run has no more than 42 lines"},
		"another number": {func(l []string) []string {
			l[8] = regexp.MustCompile(`"train_loss":[^,]*`).ReplaceAllString(l[8], `"train_loss":7`)
			return l
		}, `metrics.jsonl:9: recorded was {"arrangement":"backward","seed":3,"iterate":2,"train_loss":7,`},
		"other work": {func(l []string) []string {
			l[8] = strings.Replace(l[8], `"gradient_steps":2`, `"gradient_steps":3`, 1)
			return l
		}, "metrics.jsonl:9: recorded was"},
		"it diverged": {func(l []string) []string { l[8] = strings.Replace(l[8], "}", `,"diverged":true}`, 1); return l }, "metrics.jsonl:9: recorded was"},
	} {
		f := execute(t, run.Options{Workers: 1})
		if err := os.Remove(filepath.Join(f.Path, run.CheckpointFile)); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(read(t, f.Path, run.MetricsFile)), "\n")
		write(t, f.Path, run.MetricsFile, strings.Join(c.change(lines), "\n")+"\n")
		if _, _, err := again(t, f.Path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", rule, err, c.want)
		}
	}
}

func TestTheTimeThatALineTookMayDiffer(t *testing.T) {
	f := execute(t, run.Options{Workers: 1})
	if err := os.Remove(filepath.Join(f.Path, run.CheckpointFile)); err != nil {
		t.Fatal(err)
	}
	slower := regexp.MustCompile(`"seconds":[^,}]*`).ReplaceAllString(read(t, f.Path, run.MetricsFile), `"seconds":5`)
	write(t, f.Path, run.MetricsFile, slower)
	if _, _, err := again(t, f.Path); err != nil || read(t, f.Path, run.MetricsFile) != slower {
		t.Errorf("lines are kept as they are: %v", err)
	}
}

func TestMetricsThatAreShorterThanTheCheckpointAreComputedAgain(t *testing.T) {
	for _, kept := range []int{0, 1, 17, 41} {
		folder := filepath.Join(t.TempDir(), "run")
		f := execute(t, run.Options{Folder: folder, Workers: 1})
		want := metrics(t, f.Path)
		lines := strings.SplitAfter(read(t, folder, run.MetricsFile), "\n")
		write(t, folder, run.MetricsFile, strings.Join(lines[:kept], "")+lines[kept][:5])
		_, notices, err := again(t, folder)
		if err != nil || metrics(t, folder) != want {
			t.Errorf("%d lines left: %v", kept, err)
		}
		if text := fmt.Sprintf("metrics.jsonl has %d whole lines, and the checkpoint was saved after 42", kept); !strings.Contains(notices, text) {
			t.Errorf("%d lines left: it says %q, want %q", kept, notices, text)
		}
	}
}

// forge rewrites the description in a checkpoint, with a checksum that is right.
func forge(t *testing.T, whole []byte, change func(map[string]any)) []byte {
	t.Helper()
	line, numbers, _ := bytes.Cut(whole, []byte("\n"))
	var header map[string]any
	if err := json.Unmarshal(line, &header); err != nil {
		t.Fatal(err)
	}
	change(header)
	forged, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	forged = append(append(forged, '\n'), numbers[:len(numbers)-4]...)
	return binary.LittleEndian.AppendUint32(forged, crc32.ChecksumIEEE(forged))
}

func TestAForgedCheckpointIsRefusedOrPassedOver(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "run")
	interrupt(t, run.Options{Folder: folder, Workers: 1, CheckpointEvery: 1}, 40)
	whole, recorded := []byte(read(t, folder, run.CheckpointFile)), read(t, folder, run.MetricsFile)
	want := metrics(t, execute(t, run.Options{Workers: 1}).Path)
	point := func(change func(map[string]any)) func(map[string]any) {
		return func(h map[string]any) { change(h["points"].([]any)[0].(map[string]any)) }
	}
	set := func(key string, value any) func(map[string]any) { return func(m map[string]any) { m[key] = value } }
	for rule, change := range map[string]func(map[string]any){
		"negative lines":     set("lines", -1),
		"many lines":         set("lines", 1<<40),
		"negative results":   set("results", -1),
		"many results":       set("results", 1<<40),
		"no points":          set("points", nil),
		"a negative job":     point(set("job", -1)),
		"a job too many":     point(set("job", 99)),
		"another job":        point(set("job", 1)),
		"a negative iterate": point(set("iterate", -4)),
		"another iterate":    point(set("iterate", 6)),
		"a negative count":   point(set("count", -1)),
		"a diverged state":   point(set("diverged", true)),
		"a trail":            point(set("trail", []int{1 << 50})),
		"a long trail":       point(set("trail", []int{3466, 3466})),
		"no averages":        point(set("averages", nil)),
		"negative lengths":   point(set("averages", [][]int{{-1}})),
		"huge lengths":       point(set("averages", [][]int{{1 << 60}})),
		"many vectors":       point(set("averages", [][]int{make([]int, 1000)})),
		"a bracket":          point(set("bracket", []int{0, 0, 0})),
		"an accepted trial":  set("accepted", []any{map[string]any{"Job": -5, "Iterate": 1 << 50}}),
	} {
		write(t, folder, run.CheckpointFile, string(forge(t, whole, change)))
		write(t, folder, run.MetricsFile, recorded)
		_, notices, err := again(t, folder)
		switch {
		case err != nil && !strings.Contains(err.Error(), "is damaged"):
			t.Errorf("%s: %v", rule, err)
		case err == nil && metrics(t, folder) != want:
			t.Errorf("%s: other lines (%s)", rule, notices)
		}
	}
}

func TestOutputsThatAreNotFiniteHaveNoAccuracyAndEndTheChain(t *testing.T) {
	f := execute(t, run.Options{Workers: 2}, "optimizer.sgd.lr=1e6", "steps=30", `evaluate.metrics=["test_accuracy"]`)
	ends := map[string]int{}
	for _, l := range f.Lines {
		if l.Diverged != (l.Metric("test_accuracy") != l.Metric("test_accuracy")) {
			t.Errorf("%+v", l)
		}
		if l.Arrangement != "forward" || l.Seed != 3 {
			continue
		}
		if end := ends["forward"]; end > 0 && (!l.Diverged || l.GradientSteps > 0) {
			t.Errorf("the chain ended at iterate %d, but then: %+v", end, l)
		} else if end == 0 && l.Diverged {
			ends["forward"] = l.Iterate
		}
	}
	if ends["forward"] == 0 {
		t.Fatal("the chain does not diverge")
	}
	d := f.Info.Diverged
	if len(d) == 0 || d[0].Arrangement != "forward" || d[0].Seed != 3 || d[0].Iterate != ends["forward"] || d[0].Finite != d[0].Iterate-1 || d[0].Iterates != 31-d[0].Iterate {
		t.Errorf("run.json says %+v", d)
	}
	if !strings.Contains(read(t, f.Path, run.InfoFile), `"first_diverged_iterate": `+fmt.Sprint(ends["forward"])) {
		t.Error("run.json does not say where the run diverged")
	}
	// A run that is resumed behind the divergence, or where it is, has the same bytes.
	for _, after := range []int64{1, 3, 100, 400} {
		folder := filepath.Join(t.TempDir(), "run")
		r, err := prepare(t, small, "optimizer.sgd.lr=1e6", "steps=30", `evaluate.metrics=["test_accuracy"]`)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		var steps atomic.Int64
		r.Execute(ctx, run.Options{Folder: folder, Workers: 1, CheckpointEvery: 1, Progress: func(n int) {
			if steps.Add(int64(n)) >= after {
				cancel()
			}
		}})
		if _, err := r.Execute(context.Background(), run.Options{Folder: folder, Workers: 2, Resume: true}); err != nil {
			t.Fatal(err)
		}
		if metrics(t, folder) != metrics(t, f.Path) {
			t.Errorf("resumed after %d steps: other lines", after)
		}
	}
}
