package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/optim"
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
	recompute        bool
	training         bool
	unchecked        bool
}

func newExportRun() *cobra.Command {
	c := &cobra.Command{
		Use:   "export RUN --out FILE.onnx",
		Short: "Write a run's model with trained weights, as an .onnx file",
		Long: `Writes the model that a run trained, with the weights and the running statistics of one of its iterates, into a file.

The file is the one that was imported but for these numbers, in its own types; a replaced head, a separated initializer, and
BatchNormalization and Dropout that the file has in training mode, which are written for inference unless --training is given, are the
only changes of structure, and are listed. A run keeps the weights of the last iterate of each arrangement and seed, and others if the
recipe's [weights] asks for them. With --recompute those of any iterate are trained again, with the same bits, which takes the gradient
steps that lead to it and is refused where the model, the data, the recipe or what computes has changed.

If ONNX Runtime and the data are at hand, the file is tried on some test examples, and the export fails if it computes something else
there.`,
		Example: `  backstitch export runs/first --out trained.onnx
  backstitch export runs/first --out backward-1.onnx --arrangement backward --seed 1
  backstitch export runs/first --out backward-20.onnx --arrangement backward --iterate 20 --recompute`,
		Args: cobra.ExactArgs(1),
	}
	f := exportFlags{}
	c.Flags().StringVar(&f.out, "out", "", "the model, an .onnx `FILE`")
	c.Flags().StringVar(&f.arrangement, "arrangement", "", "the `NAME` of an arrangement or average (default: the recipe's first)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "the seed `S` (default: the recipe's first)")
	positiveFlag(c, &f.iterate, "iterate", 0, "the iterate (default: the last one whose weights are there)")
	c.Flags().BoolVar(&f.recompute, "recompute", false, "train again up to the iterate, instead of reading kept weights")
	workersFlag(c, &f.workers, "workers", runtime.GOMAXPROCS(0), "with --recompute: chains that run at the same time")
	c.Flags().BoolVar(&f.training, "training", false, "keep the modes of BatchNormalization and Dropout that the file has, instead of those for inference")
	c.Flags().BoolVar(&f.unchecked, "no-check", false, "do not try the file on test examples in ONNX Runtime")
	requireFlags(c, "out")
	c.RunE = func(c *cobra.Command, arguments []string) error { return f.export(c, arguments[0]) }
	return c
}

func (f *exportFlags) export(c *cobra.Command, path string) error {
	folder, err := run.Open(path)
	if err != nil {
		return err
	}
	rc, err := recipeOf(folder)
	if err != nil {
		return err
	}
	if err := checkTarget(f.out, onnxFile, rc.Model.ONNX); err != nil {
		return err
	}
	wanted := run.Wanted{Arrangement: f.arrangement, Seed: f.seed, Iterate: f.iterate}
	if wanted.Arrangement == "" {
		wanted.Arrangement = rc.Arrangements[0].Name
	}
	if !c.Flags().Changed("seed") {
		wanted.Seed = rc.Seeds[0]
	}
	find := f.kept
	if f.recompute {
		find = f.computed
	}
	r, state, wanted, err := find(c, folder, rc, wanted)
	if err != nil {
		return err
	}
	changed, err := r.Export(state, f.out, f.training)
	if err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "wrote %s: %v\n", f.out, wanted)
	for _, edit := range r.Program.Model.Edits() {
		fmt.Fprintf(c.OutOrStdout(), "  changed: %s\n", printable(edit))
	}
	if len(changed) > 0 {
		fmt.Fprintf(c.OutOrStdout(), "  for inference, where the file was for training: %s (--training keeps that)\n", tally(changed))
	}
	if last := r.LastIterate(); f.iterate == 0 && wanted.Iterate < last {
		fmt.Fprintf(c.OutOrStdout(), "  iterate %d of %d: the newest whose weights are there; the run ended before the last one, or diverged\n", wanted.Iterate, last)
	}
	if line, is := folder.Line(wanted); is {
		fmt.Fprintf(c.OutOrStdout(), "  recorded: %s\n", measured(line))
	}
	if f.unchecked || f.training {
		return nil
	}
	return checkExported(c.Context(), c.OutOrStdout(), r, state, f.out, f.record(folder, wanted))
}

// measured lists what was measured of a state.
func measured(line run.Line) string {
	var list []string
	for _, m := range line.Metrics {
		list = append(list, m.Name+" "+number(m.Value))
	}
	return strings.Join(list, ", ")
}

// kept reads weights that the run kept.
func (f *exportFlags) kept(c *cobra.Command, folder *run.Folder, rc *recipe.Recipe, wanted run.Wanted) (*run.Run, *optim.State, run.Wanted, error) {
	r, err := heard(c.Context(), func() (*run.Run, error) { return run.PrepareModel(c.Context(), rc, openModel) })
	if err != nil {
		return nil, nil, wanted, err
	}
	state, wanted, err := r.Kept(folder, wanted)
	if err != nil {
		err = hintAtRecompute(err)
	}
	return r, state, wanted, err
}

// computed trains again, and compares with what the run measured.
func (f *exportFlags) computed(c *cobra.Command, folder *run.Folder, rc *recipe.Recipe, wanted run.Wanted) (*run.Run, *optim.State, run.Wanted, error) {
	r, err := heard(c.Context(), func() (*run.Run, error) { return run.Prepare(c.Context(), rc, openModel) })
	if err != nil {
		return nil, nil, wanted, err
	}
	if err := r.Check(folder); err != nil {
		_, _, unread := r.Kept(folder, wanted)
		return nil, nil, wanted, hintAtKept(err, unread)
	}
	if wanted.Iterate == 0 {
		wanted.Iterate = r.LastIterate()
	}
	steps, err := r.StepsTo(c.Context(), wanted)
	if err != nil {
		return nil, nil, wanted, err
	}
	bar := newProgress(c.ErrOrStderr(), training, steps)
	state, err := r.State(c.Context(), wanted, f.workers, bar.add)
	bar.finish()
	if err != nil {
		return nil, nil, wanted, err
	}
	return r, state, wanted, compareWithRecord(c, r, folder, wanted, state)
}

// compareWithRecord refuses weights that do not measure as the run recorded, where they should.
func compareWithRecord(c *cobra.Command, r *run.Run, folder *run.Folder, wanted run.Wanted, state *optim.State) error {
	line, recorded := folder.Line(wanted)
	if !recorded {
		fmt.Fprintf(c.ErrOrStderr(), "the run recorded nothing of %v: the weights are compared with nothing\n", wanted)
		return nil
	}
	differs, err := r.Reproduces(c.Context(), line, state)
	if err != nil || len(differs) == 0 {
		return err
	}
	different := fmt.Sprintf("%v does not measure as recorded: %s", wanted, strings.Join(differs, ", "))
	if line.Merged {
		fmt.Fprintf(c.ErrOrStderr(), "%s (it was merged with another iterate's trajectory there, and is exact here)\n", different)
		return nil
	}
	return errors.New(different)
}

// tally counts equal names, in the order of their first appearance.
func tally(names []string) string {
	var kinds, parts []string
	times := map[string]int{}
	for _, name := range names {
		if times[name]++; times[name] == 1 {
			kinds = append(kinds, name)
		}
	}
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s", times[kind], kind))
	}
	return strings.Join(parts, ", ")
}

// recipeOf reads the recipe of a run's folder.
func recipeOf(folder *run.Folder) (*recipe.Recipe, error) {
	file := filepath.Join(folder.Path, run.RecipeFile)
	source, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return recipe.Parse(file, source, recipe.Options{
		Models: modelzoo.Names(), Set: folder.Info.Set, Folder: fromHere(folder.Info.RecipeFolder), SetFolder: fromHere(folder.Info.SetFolder),
	})
}
