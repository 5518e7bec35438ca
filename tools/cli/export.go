package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/spf13/cobra"
)

// exportFlags are the flags of export.
type exportFlags struct {
	out, arrangement string
	seed             uint64
	iterate, workers int
}

func newExportRun() *cobra.Command {
	c := &cobra.Command{
		Use:   "export RUN --out FILE.onnx",
		Short: "Write a run's model with trained weights, as an .onnx file",
		Long: `Writes the model that a run trained, with the weights and the running statistics of one of its iterates, into a file.

The file is the one that was imported but for these numbers, in its own types; a replaced head or a separated initializer is the only
change of structure, and is listed. A run keeps no weights: they are computed again, with the same bits, which takes the gradient
steps that lead to the iterate.`,
		Example: `  backstitch export runs/first --out trained.onnx
  backstitch export runs/first --out backward-20.onnx --arrangement backward --seed 1 --iterate 20`,
		Args: cobra.ExactArgs(1),
	}
	f := exportFlags{}
	c.Flags().StringVar(&f.out, "out", "", "the model, an .onnx `FILE`")
	c.Flags().StringVar(&f.arrangement, "arrangement", "", "the `NAME` of an arrangement or average (default: the recipe's first)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "the seed `S` (default: the recipe's first)")
	positiveFlag(c, &f.iterate, "iterate", 0, "the iterate (default: the last)")
	workersFlag(c, &f.workers, "workers", runtime.GOMAXPROCS(0), "chains that run at the same time")
	requireFlags(c, "out")
	c.RunE = func(c *cobra.Command, arguments []string) error { return f.export(c, arguments[0]) }
	return c
}

func (f *exportFlags) export(c *cobra.Command, path string) error {
	folder, err := run.Open(path)
	if err != nil {
		return err
	}
	r, err := prepareAgain(c, folder)
	if err != nil {
		return err
	}
	if err := checkTarget(f.out, onnxFile, r.Recipe.Model.ONNX); err != nil {
		return err
	}
	wanted := run.Wanted{Arrangement: f.arrangement, Seed: f.seed, Iterate: f.iterate}
	if wanted.Arrangement == "" {
		wanted.Arrangement = r.Recipe.Arrangements[0].Name
	}
	if !c.Flags().Changed("seed") {
		wanted.Seed = r.Recipe.Seeds[0]
	}
	if wanted.Iterate == 0 {
		wanted.Iterate = r.Recipe.Steps
	}
	steps, err := r.StepsTo(c.Context(), wanted)
	if err != nil {
		return err
	}
	bar := newProgress(c.ErrOrStderr(), training, steps)
	state, err := r.State(c.Context(), wanted, f.workers, bar.add)
	bar.finish()
	if err != nil {
		return err
	}
	if err := r.Export(state, f.out); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "wrote %s: %s, seed %d, iterate %d\n", f.out, wanted.Arrangement, wanted.Seed, wanted.Iterate)
	for _, edit := range r.Program.Model.Edits() {
		fmt.Fprintf(c.OutOrStdout(), "  changed: %s\n", printable(edit))
	}
	return nil
}

// prepareAgain prepares the run of a folder, which must not have changed since.
func prepareAgain(c *cobra.Command, folder *run.Folder) (*run.Run, error) {
	file := filepath.Join(folder.Path, run.RecipeFile)
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	rc, err := recipe.Parse(file, source, recipe.Options{
		Models: modelzoo.Names(), Set: folder.Info.Set, Folder: fromHere(folder.Info.RecipeFolder), SetFolder: fromHere(folder.Info.SetFolder),
	})
	if err != nil {
		return nil, err
	}
	r, err := run.Prepare(c.Context(), rc, openModel)
	if err != nil {
		return nil, err
	}
	return r, r.Check(folder)
}
