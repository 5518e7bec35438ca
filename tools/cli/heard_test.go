package cli

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

func TestWhatLooksAtNoContextIsNotWaitedFor(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := heard(ctx, func() (int, error) { <-release; return 1, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n, err := heard(t.Context(), func() (int, error) { return 2, nil }); n != 2 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	var mistake *defect.Error
	if _, err := heard(t.Context(), func() (int, error) { panic("a mistake") }); !errors.As(err, &mistake) {
		t.Errorf("a panic: error %v", err)
	}
}
