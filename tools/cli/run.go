package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/report"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// runFlags are the flags of run.
type runFlags struct {
	set     []string
	seeds   seedList
	steps   int
	out     string
	resume  bool
	dryRun  bool
	workers int
	memory  byteSize
	binds   bindings
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
	c.Flags().StringArrayVar(&f.set, "set", nil, "override the recipe with `KEY=VALUE`; may be repeated")
	c.Flags().Var(&f.seeds, "seeds", "override the recipe's seeds, such as 0,1,2")
	positiveFlag(c, &f.steps, "steps", 0, "override the recipe's number of iterates")
	bindingFlags(c, &f.binds)
	c.Flags().StringVar(&f.out, "out", "", "the run's folder `DIR` (default: runs/NAME-TIMESTAMP)")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on with the run in the folder of --out")
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "print what would be done and how long it would take; write nothing")
	workersFlag(c, &f.workers, "workers", runtime.GOMAXPROCS(0), "chains that run at the same time")
	c.Flags().Var(&f.memory, "memory", "bound of the live states, such as 8GiB (default: none)")
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		if f.resume && f.out == "" {
			return usageError(c, errors.New("--resume needs --out, the folder of the run to go on with"))
		}
		r, err := loadRecipe(arguments[0], f.overrides(c))
		if err != nil {
			return err
		}
		prepared, err := heard(c.Context(), func() (*run.Run, error) { return run.Prepare(c.Context(), r, openModel) })
		if err != nil {
			return err
		}
		warnOfKernels(c.ErrOrStderr(), prepared.Recipe.Engine.Name)
		if f.dryRun {
			return printPlan(c, prepared, f.workers, *asJSON)
		}
		return f.execute(c, prepared, *asJSON)
	}
	return c
}

// overrides are the values that the flags put into the recipe.
func (f *runFlags) overrides(c *cobra.Command) []string {
	set := slices.Concat(f.set, f.binds.overrides())
	if c.Flags().Changed("seeds") {
		set = append(set, "seeds=["+f.seeds.String()+"]")
	}
	if c.Flags().Changed("steps") {
		set = append(set, fmt.Sprintf("steps=%d", f.steps))
	}
	return set
}

func (f *runFlags) execute(c *cobra.Command, r *run.Run, asJSON bool) error {
	folder := f.out
	if folder == "" {
		var err error
		if folder, err = run.NewFolder(r.Recipe.Name, time.Now()); err != nil {
			return err
		}
	}
	stderr := c.ErrOrStderr()
	total := announce(stderr, r, folder)
	bar := newProgress(stderr, training, total)
	result, failure := r.Execute(c.Context(), run.Options{
		Folder: folder, Resume: f.resume, Workers: f.workers, Memory: int64(f.memory), Progress: bar.add,
		Notice: func(text string) { fmt.Fprintf(stderr, "note: %s\n", printable(text)) },
	})
	bar.finish()
	if errors.Is(failure, context.Canceled) && result != nil {
		failure = exitError{fmt.Errorf("interrupted; what was recorded is in %s", folder), exitInterrupted,
			fmt.Sprintf("go on with the same command and --out %s --resume", folder)}
	}
	if result == nil || len(result.Lines) == 0 {
		return failure
	}
	if f.resume && failure == nil {
		defer noteLost(stderr, r.Lost(result))
	}
	return errors.Join(failure, present(c, result, asJSON))
}

// noteLost says which kept weights of a resumed run are not there.
func noteLost(w io.Writer, lost []string) {
	if len(lost) == 0 {
		return
	}
	more := ""
	if len(lost) > 1 {
		more = fmt.Sprintf(" (and %d more)", len(lost)-1)
	}
	const todo = "backstitch export --recompute computes one of them again, and a run in a new folder all"
	fmt.Fprintf(w, "note: weights that the run kept are lost: %s%s; %s\n", printable(lost[0]), more, todo)
}

// present writes the report of a run, and prints its summary.
func present(c *cobra.Command, result *run.Folder, asJSON bool) error {
	if err := report.Write(result); err != nil {
		return err
	}
	if warning := diverged(result.Info.Diverged); warning != "" {
		defer fmt.Fprintf(c.ErrOrStderr(), "warning: %s\n", warning)
	}
	if asJSON {
		return printJSON(c, summarize(result))
	}
	return printSummary(c.OutOrStdout(), result)
}

// announce says what is about to run, and returns the number of gradients and Hessian-vector products.
func announce(w io.Writer, r *run.Run, folder string) (total int64) {
	var parts []string
	bounded, steps := false, int64(0)
	for _, cost := range r.Costs {
		total += cost.Steps + cost.HVPs
		steps += cost.Steps
		part := fmt.Sprintf("%s %s", cost.Arrangement, count(cost.Steps))
		if cost.HVPs > 0 {
			part += fmt.Sprintf(" and %s", several(int(cost.HVPs), "Hessian-vector product"))
		}
		parts, bounded = append(parts, part), bounded || cost.UpperBound
	}
	fmt.Fprintf(w, "%s: %s (%s) on %s, %s, %s\n", r.Recipe.Name, r.Recipe.Model.ONNX, several(r.Program.Model.Size(), "parameter"),
		r.Data.Name, several(r.Recipe.Steps, "iterate"), several(len(r.Recipe.Seeds), "seed"))
	fmt.Fprintf(w, "%s gradient steps: %s; into %s\n", atMost(bounded, "")+count(steps), strings.Join(parts, ", "), folder)
	if ties := model.Ties(r.Program.Model.Source.Graph); len(ties) > 0 && !r.Recipe.Model.Untie {
		fmt.Fprintf(w, "%s that the exporter merged from equal ones, trained as one each, such as %s (untie = true separates them)\n",
			several(len(ties), "initializer"), printable(ties[0].Initializer))
	}
	for _, note := range r.Notes() {
		fmt.Fprintln(w, note)
	}
	return total
}
