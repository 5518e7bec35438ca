package model_test

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/conformance"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan"
	"github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
)

// The manifest names every test of ONNX's own collection. A commented one is refused, for the reason that follows.
const manifest = "testdata/conformance.txt"

// update writes the manifest and OPERATORS.md anew. A wrong output still fails the test.
var update = flag.Bool("update", false, "write the manifest of ONNX's tests and OPERATORS.md anew")

func TestONNXBackendTestsPassOrAreRefusedAsTheManifestSays(t *testing.T) {
	results := backendTests(t)
	for _, c := range conformance.Counts(results) {
		t.Logf("%s: %d tests, %d passed, %d refused", c.Group, c.Tests, c.Passed, c.Unsupported)
	}
	var lines strings.Builder
	for _, r := range results {
		if r.Outcome == conformance.Failed {
			t.Errorf("%s fails: %s", full(r), r.Reason)
		}
		lines.WriteString(line(r))
	}
	if *update {
		if err := os.WriteFile(manifest, []byte(lines.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	reasons := readManifest(t)
	for _, r := range results {
		reason, listed := reasons[full(r)]
		delete(reasons, full(r))
		if !listed {
			t.Errorf("%s is not in the manifest", full(r))
		} else if r.Outcome != conformance.Failed && reason != r.Reason {
			t.Errorf("%s %s: %q; the manifest says: %q", full(r), r.Outcome, r.Reason, reason)
		}
	}
	for name := range reasons {
		t.Errorf("the manifest names %s, which is not there", name)
	}
}

// TestThePlanEnginePassesTheSameTests holds its kernels to ONNX's outputs, operator by operator: nothing is folded, nothing is left out.
func TestThePlanEnginePassesTheSameTests(t *testing.T) {
	onTape := backendTests(t)
	for i, test := range findTests(t) {
		if r := conformance.Run(test, plan.Engine{}); r.Outcome != onTape[i].Outcome {
			t.Errorf("%s %s: %s; on the tape it %s", full(r), r.Outcome, r.Reason, onTape[i].Outcome)
		}
	}
}

func findTests(t *testing.T) []conformance.Test {
	t.Helper()
	tests, err := conformance.Find(onnxtest.TestData(t))
	if err != nil || len(tests) < 1000 {
		t.Fatalf("%d tests: %v", len(tests), err)
	}
	return tests
}

// backendTests returns what became of ONNX's tests on the tape, where they are run once.
func backendTests(t *testing.T) []conformance.Result {
	t.Helper()
	tests := findTests(t)
	collection.Do(func() {
		for _, test := range tests {
			collection.results = append(collection.results, conformance.Run(test, tape.Engine{}))
		}
	})
	return collection.results
}

var collection struct {
	sync.Once
	results []conformance.Result
}

func full(r conformance.Result) string { return r.Group + "/" + r.Name }

// line is what the manifest says of a test.
func line(r conformance.Result) string {
	if r.Outcome == conformance.Unsupported {
		return fmt.Sprintf("# %s: %s\n", full(r), r.Reason)
	}
	return full(r) + "\n"
}

// readManifest returns the reasons by test: "" for one that passes.
func readManifest(t *testing.T) map[string]string {
	t.Helper()
	file, err := os.Open(manifest)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reasons := map[string]string{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line, skipped := strings.CutPrefix(lines.Text(), "# ")
		name, reason, _ := strings.Cut(line, ": ")
		if skipped != (reason != "") {
			t.Fatalf("%s: %q: a commented line needs a reason, no other has one", manifest, line)
		}
		reasons[name] = reason
	}
	return reasons
}
