package cli

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/run"
)

const exportedModel = "testdata/exported/evaluation-17.onnx"

// trainedCopy runs a recipe over a copy of a model that may be changed.
func trainedCopy(t *testing.T) (folder, model string) {
	t.Helper()
	model = filepath.Join(t.TempDir(), "model.onnx")
	mustWrite(t, model, mustRead(t, exportedModel))
	return trained(t, fmt.Sprintf("%q", model)), model
}

func mustWrite(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// edited replaces what an expression finds in a file, which it must find.
func edited(t *testing.T, path, expression, by string) {
	t.Helper()
	before := mustRead(t, path)
	after := regexp.MustCompile(expression).ReplaceAll(before, []byte(by))
	if bytes.Equal(before, after) {
		t.Fatalf("%s: there is no %s", path, expression)
	}
	mustWrite(t, path, after)
}

// exported exports and returns the exit code and all that was printed.
func exported(t *testing.T, folder string, flags ...string) (exit int, printed string) {
	t.Helper()
	var out bytes.Buffer
	exit = Main(append([]string{"export", folder, "--out", filepath.Join(t.TempDir(), "out.onnx")}, flags...), &out, &out)
	return exit, out.String()
}

// Either what was recorded is of what is exported, or the export says why that is not known.
func TestAnExportIsComparedWithTheRecord(t *testing.T) {
	needRuntime(t)
	folder, _ := trainedCopy(t)
	info := filepath.Join(folder, run.InfoFile)
	whole := mustRead(t, info)
	if exit, printed := exported(t, folder); exit != exitSuccess || strings.Contains(printed, "changed since") {
		t.Fatalf("exit %d, %s", exit, printed)
	}
	edited(t, filepath.Join(folder, run.MetricsFile), `"test_accuracy":[0-9.e-]+`, `"test_accuracy":0.5`)
	for _, c := range []struct {
		expression, by string
		exit           int
		want           string
	}{
		{``, ``, exitFailure, "error: test_accuracy was recorded as 0.5000, and is 0."},
		{`("data": \{[^}]*"sha256": ")[0-9a-f]{8}`, "${1}01234567", exitSuccess, "the data set digits was changed since the run"},
		{`"kernels": "[^"]*"`, `"kernels": "others"`, exitSuccess, "with the kept weights: the kernels (BACKSTITCH_KERNELS"},
	} {
		mustWrite(t, info, whole)
		if c.expression != "" {
			edited(t, info, c.expression, c.by)
		}
		if exit, printed := exported(t, folder); exit != c.exit || !strings.Contains(printed, c.want) {
			t.Errorf("exit %d, want %q in\n%s", exit, c.want, printed)
		}
	}
}

// What a hint says is done, and then it works.
func TestHintsOfExportAreTrue(t *testing.T) {
	folder, model := trainedCopy(t)
	kept := filepath.Join(folder, run.WeightsFolder, "forward-seed0.safetensors")
	weights, info, recorded := mustRead(t, kept), filepath.Join(folder, run.InfoFile), mustRead(t, filepath.Join(folder, run.InfoFile))
	fails := func(hint string, flags ...string) {
		t.Helper()
		exit, printed := exported(t, folder, append(flags, "--no-check")...)
		if exit != exitFailure || !strings.Contains(printed, "\nhint: "+hint) {
			t.Errorf("%v: exit %d, want the hint %q in\n%s", flags, exit, hint, printed)
		}
	}
	works := func(flags ...string) {
		t.Helper()
		if exit, printed := exported(t, folder, append(flags, "--no-check")...); exit != exitSuccess {
			t.Errorf("%v: exit %d: %s", flags, exit, printed)
		}
	}
	zeroed := append(bytes.Clone(weights[:len(weights)-64]), make([]byte, 64)...)
	for _, damaged := range [][]byte{zeroed, weights[:100], mustRead(t, strings.Replace(kept, "forward", "backward", 1))} {
		mustWrite(t, kept, damaged)
		fails("--recompute trains again")
		works("--recompute")
	}

	mustWrite(t, kept, weights)
	edited(t, info, `"kernels": "[^"]*"`, `"kernels": "others"`)
	fails("without --recompute", "--recompute")
	works()
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	fails("put back what has changed", "--recompute")
	mustWrite(t, info, recorded)
	works("--recompute")

	mustWrite(t, model, mustRead(t, "testdata/exported/dynamo.onnx"))
	fails("put the model back") // with weights that are gone
	mustWrite(t, kept, weights)
	fails("put the model back")
	fails("put the model back", "--recompute")
	mustWrite(t, model, mustRead(t, exportedModel))
	works()
	works("--recompute")
}

func TestAResumedRunSaysWhichWeightsAreLost(t *testing.T) {
	folder, _ := trainedCopy(t)
	resumed := func() string {
		var out bytes.Buffer
		recipe := filepath.Join(filepath.Dir(folder), "exported.toml")
		if exit := Main([]string{"run", recipe, "--out", folder, "--resume"}, &out, &out); exit != exitSuccess {
			t.Errorf("exit %d: %s", exit, &out)
		}
		return out.String()
	}
	if printed := resumed(); strings.Contains(printed, "note:") {
		t.Errorf("nothing is lost:\n%s", printed)
	}
	kept := filepath.Join(folder, run.WeightsFolder, "forward-seed0.safetensors")
	if err := os.Truncate(kept, 100); err != nil {
		t.Fatal(err)
	}
	if printed := resumed(); !strings.Contains(printed, "seed0.safetensors: it is no whole") || !strings.Contains(printed, "--recompute") {
		t.Errorf("a damaged file:\n%s", printed)
	}
	if err := os.RemoveAll(filepath.Dir(kept)); err != nil {
		t.Fatal(err)
	}
	if printed := resumed(); !strings.Contains(printed, ".safetensors is gone (and 1 more); backstitch export --recompute") {
		t.Errorf("no file is left:\n%s", printed)
	}
}
