package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/seed5b471a7e/backstitch/recipes"
	"github.com/spf13/cobra"
)

// loadRecipe reads and checks a built-in recipe or a .toml file, with values put in the place of what it says. A bad recipe is
// bad usage.
func loadRecipe(reference string, overrides []string) (*recipe.Recipe, error) {
	const hint = "backstitch list recipes shows those that are built in; the name of a file ends in .toml"
	file, folder, read := reference, folderOf(reference), recipe.Read
	if !strings.HasSuffix(reference, ".toml") {
		if !slices.Contains(recipes.Names(), reference) {
			return nil, unknown("recipe", reference, recipes.Names(), hint)
		}
		file, folder, read = "recipes/"+reference+".toml", "", func(string) ([]byte, error) { return recipes.Source(reference) }
	}
	source, err := read(file)
	if err != nil {
		return nil, exitError{err, exitUsage, hint}
	}
	r, err := recipe.Parse(file, source, recipe.Options{Models: modelzoo.Names(), Set: overrides, Folder: folder})
	if err != nil {
		return nil, exitError{err, exitUsage, ""}
	}
	return r, nil
}

// folderOf returns what relative paths in a recipe are relative to: its folder, but for the copy in a run's folder that of the original.
func folderOf(file string) string {
	folder := filepath.Dir(file)
	if filepath.Base(file) == run.RecipeFile {
		if r, err := run.Open(folder); err == nil {
			return fromHere(r.Info.RecipeFolder)
		}
	}
	return folder
}

// fromHere writes an absolute path of what is in the working folder as it is found from there.
func fromHere(path string) string {
	here, err := os.Getwd()
	if err != nil {
		return path
	}
	if near, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(near) {
		return near
	}
	return path
}

func newRecipe() *cobra.Command {
	return newGroup(&cobra.Command{
		Use:   "recipe",
		Short: "Show or copy the recipes that are built in",
		Example: `  backstitch recipe show quickstart
  backstitch recipe copy quickstart mine.toml`,
	}, newShow(), newCopy())
}

func newShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Print a built-in recipe",
		Example: "  backstitch recipe show quickstart",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, arguments []string) error {
			source, err := builtIn(arguments[0])
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(source)
			return err
		},
	}
}

func newCopy() *cobra.Command {
	return &cobra.Command{
		Use:     "copy NAME [FILE]",
		Short:   "Write a built-in recipe to a file, to be edited",
		Example: "  backstitch recipe copy quickstart mine.toml",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(c *cobra.Command, arguments []string) error {
			source, err := builtIn(arguments[0])
			if err != nil {
				return err
			}
			path := arguments[0] + ".toml"
			if len(arguments) == 2 {
				path = arguments[1]
			}
			if err := create(path, source); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "wrote %s; run it with: backstitch run %s\n", path, path)
			return nil
		},
	}
}

func builtIn(name string) ([]byte, error) {
	if err := known("recipe", name, recipes.Names()); err != nil {
		return nil, err
	}
	return recipes.Source(name)
}

// create writes a file that must not exist: it may be somebody's work.
func create(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exitError{fmt.Errorf("%s exists already", path), exitFailure, "name another file"}
	}
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}
