package defect_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

func index(list []int, i int) int { return list[i] }

func TestAPanicBecomesAnErrorWithItsStack(t *testing.T) {
	err := defect.Guard(func() error { index(nil, 3); return nil })
	var found *defect.Error
	if !errors.As(err, &found) || !strings.Contains(string(found.Stack), "defect_test.index") {
		t.Fatalf("the error is %v", err)
	}
	if want := "runtime error: index out of range [3] with length 0: this is a bug in backstitch"; err.Error() != want {
		t.Errorf("it says %q, want %q", err, want)
	}
}

func TestErrorsPass(t *testing.T) {
	want := errors.New("mine")
	if err := defect.Guard(func() error { return want }); err != want {
		t.Errorf("the error is %v", err)
	}
	if err := defect.Guard(func() error { return nil }); err != nil {
		t.Errorf("the error is %v", err)
	}
}

func TestACarriedPanicKeepsItsStack(t *testing.T) {
	first := defect.Guard(func() error { panic("boom") })
	again := defect.Guard(func() error { panic(fmt.Errorf("worker 3: %w", first)) })
	if again != first {
		t.Errorf("the error is %v, want that of the first panic", again)
	}
}
