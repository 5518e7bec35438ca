package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatIsPrintedCannotMoveACursor(t *testing.T) {
	const hostile = "a\x1b[31m\u009b2J\u202e\U000e0001\xffz\r"
	var out bytes.Buffer
	if err := json.NewEncoder(escaped{&out}).Encode(map[string]string{"name": hostile}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(escaped{&out}, "%s\tend\n", hostile)
	for _, r := range out.String() {
		if r != '\n' && r != '\t' && printable(string(r)) != string(r) {
			t.Errorf("%q is left in %q", r, out.String())
		}
	}
	var back map[string]string
	if err := json.NewDecoder(&out).Decode(&back); err != nil || back["name"] != strings.ReplaceAll(hostile, "\xff", "\ufffd") {
		t.Errorf("the document became %q, %v", back, err)
	}
}

func TestMessagesAreShortHoweverManyThereAre(t *testing.T) {
	var list []error
	for range 1000 {
		list = append(list, errors.New("node \""+strings.Repeat("x", 10000)+"\" is wrong"))
	}
	var stderr bytes.Buffer
	if code := printError(&stderr, errors.Join(list...)); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	if lines := strings.Count(stderr.String(), "\n"); lines != 11 || stderr.Len() > 4000 || !strings.HasSuffix(stderr.String(), "error: and 990 more\n") {
		t.Errorf("%d lines of %d characters:\n%.300s", lines, stderr.Len(), stderr.String())
	}
}

func TestFlagsHaveBounds(t *testing.T) {
	million := strings.Repeat("1,", 1_000_000) + "1"
	for _, c := range []struct {
		arguments []string
		want      string
	}{
		{[]string{"run", "quickstart", "--workers", "1000000000"}, "want an integer from 1 to "},
		{[]string{"run", "quickstart", "--steps", "9223372036854775807"}, "want an integer from 1 to 1000000"},
		{[]string{"run", "quickstart", "--seeds", million}, "a run has at most 1000"},
		{[]string{"run", "quickstart", "--memory", "1e300GiB"}, "want a size such as 512MiB or 8GiB"},
		{[]string{"bench", "step", "--chains", "1000000000"}, "want an integer from 1 to "},
		{[]string{"bench", "step", "--batch", "1000000000"}, "want an integer from 1 to 1000000"},
		{[]string{"model", "inspect", "zoo:mlp-digits", "--head", "4611686018427387904"}, "want an integer from 0 to 65536"},
	} {
		code, _, stderr := command(c.arguments...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || len(stderr) > 2000 {
			t.Errorf("%.60q: exit code %d, %.300s", c.arguments, code, stderr)
		}
	}
}

func TestNothingOfAnotherKindIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	model := filepath.Join(dir, "model.onnx")
	if code, _, stderr := command("model", "export", "zoo:softmax-regression", model); code != 0 {
		t.Fatal(stderr)
	}
	thesis, page := write("thesis.tex", "\\documentclass{article}"), write("page.html", "<!DOCTYPE html><title>mine</title>")
	report := write("report.html", "<!DOCTYPE html><title>r – Backstitch</title>")
	empty := write("empty", "")
	for _, k := range []kind{onnxFile, reportFile, npzFile, binaryFile} {
		for path, want := range map[string]string{
			thesis: "thesis.tex exists already, and is not " + k.name, page: "exists already", dir: "is a folder", os.DevNull: "no ordinary file",
			filepath.Join(dir, "nowhere", "x"): "there is no folder", empty: "", filepath.Join(dir, "new"): "", "": "has no name",
		} {
			if err := checkTarget(path, k); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s over %q: error %v, want %q", k.name, path, err, want)
			}
		}
	}
	if err := checkTarget(model, onnxFile); err != nil {
		t.Errorf("a model over a model: %v", err)
	}
	if err := checkTarget(report, reportFile); err != nil {
		t.Errorf("a report over a report: %v", err)
	}
	for name, link := range map[string]func(string, string) error{"link": os.Link, "symlink": os.Symlink} {
		path := filepath.Join(dir, name)
		if err := link(model, path); err != nil {
			t.Fatal(err)
		}
		if err := checkTarget(path, onnxFile, model); err == nil || !strings.Contains(err.Error(), "this would overwrite "+model) {
			t.Errorf("a %s to what is read: error %v", name, err)
		}
	}
	for _, arguments := range [][]string{
		{"model", "export", "zoo:softmax-regression", thesis},
		{"model", "gradients", model, "--data", report, "--loss", "mse", "--out", thesis},
		{"model", "gradients", model, "--data", report, "--loss", "mse", "--out", report},
		{"report", dir, "--out", page},
		{"report", dir, "--out", model},
		{"build", "--with", dir, "--output", thesis},
		{"recipe", "copy", "quickstart", thesis},
	} {
		before := contents(t, dir)
		if code, _, stderr := command(arguments...); code == 0 || !strings.Contains(stderr, "error: ") {
			t.Errorf("%q: exit code %d, %s", arguments, code, stderr)
		}
		if after := contents(t, dir); before != after {
			t.Errorf("%q changed %s", arguments, dir)
		}
	}
}

func contents(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "%s %x\n", e.Name(), data)
	}
	return all.String()
}
