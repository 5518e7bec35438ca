package cli

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/ops"
)

func TestAnIndexOutsideItsTableIsExplained(t *testing.T) {
	var stderr bytes.Buffer
	exit := printError(&stderr, fmt.Errorf("compose: forward: %w", &ops.IndexError{Index: 99, Size: 50}))
	if got := stderr.String(); exit != exitFailure || !strings.Contains(got, "error: compose: forward: the index 99 names none") ||
		!strings.Contains(got, "\nhint: an input, or what is computed from one, is looked up in a table of 50") {
		t.Errorf("exit %d: %s", exit, got)
	}
}
