// Package cli is the command line of Backstitch: it reads flags, calls the framework, and prints. Results go to stdout, progress
// and errors to stderr; it computes nothing itself.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes.
const (
	exitSuccess     = 0
	exitFailure     = 1
	exitUsage       = 2 // bad usage, or a bad recipe
	exitInterrupted = 130
)

// Main runs one command and returns the exit code. The first SIGINT or SIGTERM stops the work in good order; a second one kills.
func Main(arguments []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(arguments)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitSuccess
	}
	return printError(stderr, err)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "backstitch",
		Short: "Train ONNX models by composing optimizer steps: forward, backward, or your own order",
		Example: `  backstitch run quickstart
  backstitch run my-recipe.toml --set optimizer.sgd.lr=0.02
  backstitch model inspect my-model.onnx`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError(c, err) })
	root.AddCommand(
		newRun(), newValidate(), newList(), newRecipe(), newModel(), newReport(), newBench(), newDoctor(),
	)
	for _, c := range root.Commands() {
		wrapArguments(c)
	}
	return root
}

// wrapArguments makes a wrong number of arguments bad usage, for a command and those below it.
func wrapArguments(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, arguments []string) error {
			if err := check(c, arguments); err != nil {
				return usageError(c, err)
			}
			return nil
		}
	}
	for _, below := range c.Commands() {
		wrapArguments(below)
	}
}

// exitError is an error that decides the exit code, with a hint where there is one.
type exitError struct {
	error
	code int
	hint string
}

func (e exitError) Unwrap() error { return e.error }

func usageError(c *cobra.Command, err error) error {
	return exitError{err, exitUsage, fmt.Sprintf("see %s --help", c.CommandPath())}
}

// printError prints an error and returns its exit code.
func printError(stderr io.Writer, err error) int {
	var exit exitError
	switch {
	case errors.As(err, &exit):
	case errors.Is(err, context.Canceled):
		exit.code = exitInterrupted
		err = errors.New("interrupted")
	default:
		exit.code = exitFailure
	}
	fmt.Fprintf(stderr, "error: %v\n", err)
	if exit.hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", exit.hint)
	}
	return exit.code
}

func printJSON(c *cobra.Command, v any) error {
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// jsonFlag adds --json.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print one JSON document on stdout and nothing else there")
}
