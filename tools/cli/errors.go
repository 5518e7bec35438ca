package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/ops"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// The exit codes.
const (
	exitSuccess     = 0
	exitFailure     = 1
	exitUsage       = 2 // bad usage, or a bad recipe
	exitInterrupted = 130
)

// exitError is an error that decides the exit code, with a hint where there is one.
type exitError struct {
	error
	code int
	hint string
}

func (e exitError) Unwrap() error { return e.error }

// printError prints the lines of an error, and returns its exit code.
func printError(stderr io.Writer, err error) int {
	var exit exitError
	var index *ops.IndexError
	switch {
	case errors.As(err, &exit):
	case errors.As(err, &index):
		exit = exitError{err, exitFailure, fmt.Sprintf("an input, or what is computed from one, is looked up in a table of %d (by Gather, say) and lies outside it: "+
			"compare the numbers in the data, such as tokens or classes, with the size of the model's table", index.Size)}
	case errors.As(err, new(*run.NoRecordError)):
		exit = exitError{err, exitFailure, "the file was damaged or replaced: restore it from a copy, or start the run again in another folder"}
	case errors.Is(err, context.Canceled):
		exit.code = exitInterrupted
		err = errors.New("interrupted")
	default:
		exit.code = exitFailure
	}
	lines, more := firstOf(strings.Split(err.Error(), "\n"))
	for _, line := range lines {
		fmt.Fprintf(stderr, "error: %s\n", printable(plugin.Shorten(line)))
	}
	if more > 0 {
		fmt.Fprintf(stderr, "error: and %d more\n", more)
	}
	if exit.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", printable(plugin.Shorten(exit.hint)))
	}
	return exit.code
}

// firstOf returns as many of some messages as a reader takes in, and how many more there are.
func firstOf[T any](messages []T) (first []T, more int) {
	const most = 10
	if len(messages) <= most+1 {
		return messages, 0
	}
	return messages[:most], len(messages) - most
}

// known returns bad usage if a name is not among those of its kind.
func known(kind, name string, names []string) error {
	if slices.Contains(names, name) {
		return nil
	}
	return unknown(kind, name, names, "there are "+strings.Join(names, ", "))
}

// unknown is bad usage: nothing of a kind has the name. The hint is the name that was probably meant, or otherwise.
func unknown(kind, name string, names []string, otherwise string) error {
	if meant := plugin.Suggest(name, names); meant != "" {
		otherwise = fmt.Sprintf("did you mean %q?", meant)
	}
	return exitError{fmt.Errorf("unknown %s %q", kind, name), exitUsage, otherwise}
}
