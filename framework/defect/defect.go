// Package defect carries a panic, which is a mistake of this module or of a plugin and never of the user, as an error to where it is
// reported.
package defect

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// Error is a panic that was caught.
type Error struct {
	Cause any    // what the panic was called with
	Stack []byte // of the goroutine that panicked
}

// Error says what happened, and whose mistake it is.
func (e *Error) Error() string { return fmt.Sprintf("%v: this is a bug in backstitch", e.Cause) }

// Guard calls f and returns its error. If f panics, the error is an [*Error].
func Guard(f func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = New(cause)
		}
	}()
	return f()
}

// New returns what recover returned as an error, with the stack of the calling goroutine. A panic that was carried here from another
// goroutine keeps its own stack.
func New(cause any) *Error {
	var carried *Error
	if err, is := cause.(error); is && errors.As(err, &carried) {
		return carried
	}
	return &Error{cause, debug.Stack()}
}
