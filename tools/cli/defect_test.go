package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestAPanicIsReportedAsABug(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	root := newRoot()
	root.AddCommand(&cobra.Command{Use: "stumble", RunE: func(*cobra.Command, []string) error { panic("boom") }})
	var stdout, stderr bytes.Buffer
	if code := execute(context.Background(), root, []string{"stumble"}, &stdout, &stderr); code != exitFailure {
		t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	said := regexp.MustCompile(`^error: boom: this is a bug in backstitch\nhint: please report it at \S+ with the command, its files and (\S+)\n$`)
	found := said.FindStringSubmatch(stderr.String())
	if found == nil {
		t.Fatalf("it says\n%s", &stderr)
	}
	trace, err := os.ReadFile(found[1])
	if err != nil || !strings.Contains(string(trace), "TestAPanicIsReportedAsABug") || !strings.Contains(string(trace), "boom") {
		t.Errorf("%v; the trace is\n%s", err, trace)
	}
}

func TestOtherErrorsAreNoBugs(t *testing.T) {
	want := errors.New("no such file")
	if err := reportable(want); err != want {
		t.Errorf("%v became %v", want, err)
	}
}
