package run_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

// changed returns in words what a prepared run lacks of a recorded one, which a function has changed.
func changed(t *testing.T, r *run.Run, info run.Info, change func(*run.Info)) string {
	t.Helper()
	if change != nil {
		change(&info)
	}
	changes, err := r.Changes(info)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, c := range changes {
		list = append(list, c.String())
	}
	return strings.Join(list, "\n")
}

func TestChangesNameAllThatDecidesAboutNumbers(t *testing.T) {
	f := execute(t, run.Options{Workers: 1})
	r, err := prepare(t, small)
	if err != nil {
		t.Fatal(err)
	}
	if got := changed(t, r, f.Info, nil); got != "" {
		t.Errorf("nothing changed, but %s", got)
	}
	replace := func(old, new string) func(*run.Info) {
		return func(i *run.Info) { i.Recipe = []byte(strings.Replace(string(i.Recipe), old, new, 1)) }
	}
	for want, change := range map[string]func(*run.Info){
		"the model zoo:mlp-digits was SHA-256 00… and is SHA-256 ":    func(i *run.Info) { i.Model.SHA256 = "00" },
		"the data set digits was SHA-256 00… and is SHA-256 ":         func(i *run.Info) { i.Data.SHA256 = "00" },
		"the data set digits was not there and is SHA-256 ":           func(i *run.Info) { i.Data = run.DataInfo{} },
		"the architecture was s390x and is ":                          func(i *run.Info) { i.CPU.Architecture = "s390x" },
		"the instruction set was vector and is ":                      func(i *run.Info) { i.CPU.InstructionSet = "vector" },
		"the kernels (BACKSTITCH_KERNELS chooses) was others and is ": func(i *run.Info) { i.Kernels = "others" },
		"the version of go was go1.1 and is go":                       func(i *run.Info) { i.Versions = map[string]string{"go": "go1.1"} },
		"the build of Backstitch was modules 00 and is executable ":   func(i *run.Info) { i.Build = "modules 00" },
		"optimizer.sgd.momentum was 0.25 and is 0.5":                  replace(`"momentum":0.5`, `"momentum":0.25`),
		"seeds was [3] and is [3,4]":                                  replace(`[3,4]`, `[3]`),
		"seeds was [4,3] and is [3,4]":                                replace(`[3,4]`, `[4,3]`),
		"average.tail.of was \"backward\" and is \"forward\"":         replace(`"of":"forward"`, `"of":"backward"`),
		"evaluate.every was not there and is 1":                       replace(`"every":1,`, ``),
		"something was 1 and is not there":                            replace(`{`, `{"something":1,`),
		"data.sampling was \"cycle\" and is \"iid\"":                  replace(`"sampling":"iid"`, `"sampling":"cycle"`),
	} {
		if got := changed(t, r, f.Info, change); !strings.Contains(got, want) {
			t.Errorf("changed are %q, want %q", got, want)
		}
	}
	if got := changed(t, r, f.Info, replace(`"doc":""`, `"doc":"other words"`)); got != "" {
		t.Errorf("a description counts: %s", got)
	}
	if _, err := r.Changes(run.Info{Recipe: []byte("{")}); err == nil {
		t.Error("a recorded recipe that is no JSON is not an error")
	}
}

func TestTheOrderOfArrangementsCounts(t *testing.T) {
	f := execute(t, run.Options{Workers: 1})
	turned := strings.Replace(small, "[arrangement.forward]\n[arrangement.backward]", "[arrangement.backward]\n[arrangement.forward]", 1)
	r, err := prepare(t, turned)
	if err != nil {
		t.Fatal(err)
	}
	if got := changed(t, r, f.Info, nil); !strings.Contains(got, "the order of tables in the recipe was arrangement.forward and is arrangement.backward") {
		t.Errorf("changed are %q", got)
	}
}

// ofFile is a recipe of the model and the data in a folder.
func ofFile(folder string) string {
	return fmt.Sprintf(`
name  = "file"
steps = 30
[model]
onnx = %q
[data]
name  = "npz"
path  = %q
batch = 4
[loss]
name = "cross_entropy"
[optimizer.sgd]
lr = 0.1
[arrangement.forward]
`, filepath.Join(folder, "model.onnx"), filepath.Join(folder, "data.npz"))
}

func TestFilesThatChangedAreNoticedAndMovedOnesAreNot(t *testing.T) {
	folder := t.TempDir()
	put := func(folder, as, name string) {
		t.Helper()
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, as), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(folder string) {
		put(folder, "model.onnx", "model.onnx")
		put(folder, "weights.data", "weights.data")
		put(folder, "data.npz", "one.npz")
	}
	fill(folder)
	out := filepath.Join(t.TempDir(), "run")
	ready := func(folder string) *run.Run {
		t.Helper()
		r, err := prepare(t, ofFile(folder))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if _, err := ready(folder).Execute(context.Background(), run.Options{Folder: out, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	resume := func(folder string) error {
		_, err := ready(folder).Execute(context.Background(), run.Options{Folder: out, Workers: 1, Resume: true})
		return err
	}
	moved := t.TempDir()
	fill(moved)
	if err := resume(moved); err != nil {
		t.Errorf("the same files elsewhere: %v", err)
	}
	put(folder, "data.npz", "other.npz")
	if err := resume(folder); err == nil || !strings.Contains(err.Error(), "the data set npz was SHA-256") {
		t.Errorf("other data: %v", err)
	}
	fill(folder)
	put(folder, "weights.data", "other.data")
	if err := resume(folder); err == nil || !strings.Contains(err.Error(), "model.onnx was SHA-256") {
		t.Errorf("other weights beside the model: %v", err)
	}
}
