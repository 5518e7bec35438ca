package cli

import (
	"context"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

// heard calls f, which computes and leaves nothing behind, and does not wait for it any longer when the context is cancelled: importing
// or compiling a large model takes long and looks at no context, and the process is about to end.
func heard[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		o.err = defect.Guard(func() (err error) { o.value, err = f(); return err })
		done <- o
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}
