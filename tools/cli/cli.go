// Package cli is the command line of Backstitch: it reads flags, calls the framework, and prints. Results go to stdout, progress
// and errors to stderr; it computes nothing itself.
package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/seed5b471a7e/backstitch/framework/defect"
	"github.com/seed5b471a7e/backstitch/framework/engine/plan/kernel"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// Main runs one command and returns the exit code. The first SIGINT or SIGTERM stops the work in good order; a second one kills. A panic
// becomes an error that says how to report it.
func Main(arguments []string, stdout, stderr io.Writer) int {
	// Steps leave much garbage behind and keep little. Memory that is never touched costs nothing but makes the collector wait
	// until there is something to collect; large models do not notice it.
	ballast := make([]byte, 64<<20)
	defer runtime.KeepAlive(ballast)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return execute(ctx, newRoot(), arguments, stdout, stderr)
}

// execute runs one of root's commands and returns the exit code.
func execute(ctx context.Context, root *cobra.Command, arguments []string, stdout, stderr io.Writer) int {
	root.SetArgs(arguments)
	root.SetOut(escaped{stdout})
	root.SetErr(stderr)
	err := defect.Guard(func() error { return root.ExecuteContext(ctx) })
	if err != nil {
		return printError(stderr, reportable(err))
	}
	return exitSuccess
}

func newRoot() *cobra.Command {
	root := newGroup(&cobra.Command{
		Use:     "backstitch",
		Short:   "Train ONNX models by composing optimizer steps: forward, backward, or your own order",
		Version: version(),
		Example: `  backstitch run quickstart
  backstitch run my-recipe.toml --set optimizer.sgd.lr=0.02
  backstitch model inspect my-model.onnx`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if err := kernel.Refused(); err != nil {
				return exitError{err, exitUsage, ""}
			}
			return nil
		},
	}, newRun(), newValidate(), newList(), newRecipe(), newModel(), newReport(), newExportRun(), newBench(), newPlugin(), newBuild(), newDoctor())
	root.SetUsageTemplate(groupUsage(root.UsageTemplate()))
	root.SetHelpCommand(newHelp())
	root.SetFlagErrorFunc(flagError)
	countArguments(root)
	return root
}

func version() string { return cmp.Or(run.Versions()["backstitch"], "(devel)") }

func printJSON(c *cobra.Command, v any) error {
	encoder := json.NewEncoder(c.OutOrStdout())
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// jsonFlag adds --json.
func jsonFlag(c *cobra.Command) *bool {
	return c.Flags().Bool("json", false, "print one JSON document on stdout and nothing else there")
}
