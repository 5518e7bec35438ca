package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
)

// A binary that was built without cgo says in one line that it is slow, and another does not: this test is run with both.
func TestABinaryWithoutKernelsInCSaysSo(t *testing.T) {
	for _, c := range []struct {
		arguments []string
		wants     bool
	}{
		{[]string{"bench", "step", "--model", "zoo:mlp-digits", "--duration", "1ms"}, true},
		{[]string{"bench", "evaluate", "--model", "zoo:mlp-digits", "--duration", "1ms", "--json"}, true},
		{[]string{"bench", "step", "--model", "zoo:mlp-digits", "--duration", "1ms", "--engine", "tape"}, false},
		{[]string{"run", "quickstart", "--steps", "2", "--seeds", "0", "--set", "average={}", "--out", filepath.Join(t.TempDir(), "run")}, true},
		{[]string{"run", "quickstart", "--steps", "2", "--seeds", "0", "--set", "average={}", "--dry-run"}, true},
	} {
		var stdout, stderr bytes.Buffer
		if exit := Main(c.arguments, &stdout, &stderr); exit != exitSuccess {
			t.Fatalf("%q: exit %d: %s", c.arguments, exit, &stderr)
		}
		want := 0
		if c.wants && !kernel.Native {
			want = 1
		}
		if got := strings.Count(stderr.String(), withoutCompiler); got != want || strings.Contains(stdout.String(), withoutCompiler) {
			t.Errorf("%q says %d times that it is slow, want %d:\n%s", c.arguments, got, want, &stderr)
		}
	}
	f := examineKernels()
	if slow := strings.Contains(f.Status, withoutCompiler); slow == kernel.Native || slow != (f.Hint == compilerHint) || !strings.Contains(f.Status, kernel.Set()) && !slow {
		t.Errorf("with kernels in C: %v, the doctor finds %+v", kernel.Native, f)
	}
}
