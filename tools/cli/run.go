package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/report"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// runFlags are the flags of run.
type runFlags struct {
	set     []string
	seeds   string
	steps   int
	out     string
	resume  bool
	dryRun  bool
	workers int
	memory  byteSize
}

func newRun() *cobra.Command {
	c := &cobra.Command{
		Use:   "run RECIPE",
		Short: "Train as a recipe says, and leave a folder with measurements, plots and a report",
		Long: `Trains as a recipe says. RECIPE is the name of a built-in recipe (backstitch list recipes) or a .toml file.

Every evaluated iterate is recorded at once; an interrupted run keeps what it has and goes on with --resume.`,
		Example: `  backstitch run quickstart
  backstitch run fashion-mlp-backward --steps 60 --seeds 0,1
  backstitch run mine.toml --set arrangement.backward.reset_every=500 --dry-run
  backstitch run quickstart --out runs/first
  backstitch run quickstart --out runs/first --resume`,
		Args: cobra.ExactArgs(1),
	}
	f := runFlags{}
	c.Flags().StringArrayVar(&f.set, "set", nil, "key=value: override the recipe; may be repeated")
	c.Flags().StringVar(&f.seeds, "seeds", "", "override the recipe's seeds, such as 0,1,2")
	c.Flags().IntVar(&f.steps, "steps", 0, "override the recipe's number of iterates")
	c.Flags().StringVar(&f.out, "out", "", "the run's folder (default runs/NAME-TIMESTAMP)")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on with the run in the folder of --out")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done and how long it would take; write nothing")
	c.Flags().IntVar(&f.workers, "workers", runtime.NumCPU(), "chains that run at the same time")
	c.Flags().Var(&f.memory, "memory", "bound of the live states, such as 8GiB (default: none)")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if f.workers < 1 {
			return usageError(c, fmt.Errorf("--workers is %d, want at least 1", f.workers))
		}
		if f.resume && f.out == "" {
			return usageError(c, errors.New("--resume needs --out, the folder of the run to go on with"))
		}
		r, err := loadRecipe(arguments[0], f.overrides(c))
		if err != nil {
			return err
		}
		prepared, err := run.Prepare(c.Context(), r, func(reference string) (*onnx.Model, error) { return openModel(reference, 0) })
		if err != nil {
			return err
		}
		if f.dryRun {
			return printPlan(c, prepared, f.workers, *asJSON)
		}
		return f.execute(c, prepared, *asJSON)
	}
	return c
}

// overrides are the values that the flags put into the recipe.
func (f *runFlags) overrides(c *cobra.Command) []string {
	set := f.set
	if c.Flags().Changed("seeds") {
		set = append(set, "seeds=["+f.seeds+"]")
	}
	if c.Flags().Changed("steps") {
		set = append(set, fmt.Sprintf("steps=%d", f.steps))
	}
	return set
}

func (f *runFlags) execute(c *cobra.Command, r *run.Run, asJSON bool) error {
	costs, err := r.Costs()
	if err != nil {
		return err
	}
	folder := f.out
	if folder == "" {
		folder = filepath.Join("runs", r.Recipe.Name+"-"+time.Now().Format("20060102-150405"))
	}
	stderr := c.ErrOrStderr()
	total := announce(stderr, r, costs, folder)
	bar := newProgress(stderr, total)
	result, failure := r.Execute(c.Context(), run.Options{
		Folder: folder, Resume: f.resume, Workers: f.workers, Memory: int64(f.memory), Progress: bar.add,
	})
	bar.finish()
	if result == nil {
		return failure
	}
	if err := report.Write(result); err != nil {
		return errors.Join(failure, err)
	}
	if asJSON {
		err = printJSON(c, summarize(result))
	} else {
		err = printSummary(c.OutOrStdout(), result)
	}
	if errors.Is(failure, context.Canceled) {
		return exitError{fmt.Errorf("interrupted; what was recorded is in %s", folder), exitInterrupted,
			fmt.Sprintf("go on with the same command and --out %s --resume", folder)}
	}
	return errors.Join(failure, err)
}

// announce says what is about to run, and returns the number of gradient steps.
func announce(w io.Writer, r *run.Run, costs []run.Cost, folder string) (total int64) {
	var parts []string
	for _, cost := range costs {
		total += cost.Steps
		parts = append(parts, fmt.Sprintf("%s %s", cost.Arrangement, count(cost.Steps)))
	}
	fmt.Fprintf(w, "%s: %s (%s parameters) on %s, %d iterates, %d seeds\n", r.Recipe.Name, r.Recipe.Model.ONNX,
		count(int64(r.Program.Model.Size())), r.Data.Name, r.Recipe.Steps, len(r.Recipe.Seeds))
	fmt.Fprintf(w, "%s gradient steps: %s; into %s\n", count(total), strings.Join(parts, ", "), folder)
	return total
}
