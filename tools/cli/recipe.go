package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	"github.com/seed5b471a7e/backstitch/recipes"
	"github.com/spf13/cobra"
)

// readRecipe returns the source of an embedded recipe, or of a file, with the name that messages use.
func readRecipe(reference string) (file string, source []byte, err error) {
	if !strings.HasSuffix(reference, ".toml") {
		source, err := recipes.Source(reference)
		if err != nil {
			return "", nil, exitError{err, exitUsage, "backstitch list recipes shows those that are built in; a file's name ends in .toml"}
		}
		return "recipes/" + reference + ".toml", source, nil
	}
	source, err = os.ReadFile(reference)
	if err != nil {
		return "", nil, exitError{err, exitUsage, ""}
	}
	return reference, source, nil
}

// loadRecipe reads and checks a recipe. A bad one is bad usage.
func loadRecipe(reference string, overrides []string) (*recipe.Recipe, error) {
	file, source, err := readRecipe(reference)
	if err != nil {
		return nil, err
	}
	r, err := recipe.Parse(file, source, recipe.Options{Models: modelzoo.Names(), Set: overrides})
	if err != nil {
		return nil, exitError{err, exitUsage, ""}
	}
	return r, nil
}

func newRecipe() *cobra.Command {
	c := &cobra.Command{Use: "recipe", Short: "Show or copy the recipes that are built in"}
	c.AddCommand(
		&cobra.Command{
			Use: "show NAME", Short: "Print a recipe", Example: "  backstitch recipe show quickstart", Args: cobra.ExactArgs(1),
			RunE: func(c *cobra.Command, arguments []string) error {
				_, source, err := readRecipe(arguments[0])
				if err != nil {
					return err
				}
				_, err = c.OutOrStdout().Write(source)
				return err
			},
		},
		&cobra.Command{
			Use: "copy NAME [FILE]", Short: "Write a recipe to a file, to be edited", Example: "  backstitch recipe copy quickstart mine.toml",
			Args: cobra.RangeArgs(1, 2), RunE: copyRecipe,
		},
	)
	return c
}

func copyRecipe(c *cobra.Command, arguments []string) error {
	_, source, err := readRecipe(arguments[0])
	if err != nil {
		return err
	}
	path := arguments[0] + ".toml"
	if len(arguments) == 2 {
		path = arguments[1]
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return exitError{fmt.Errorf("%s exists already", path), exitFailure, "name another file"}
	}
	if err != nil {
		return err
	}
	if _, err := f.Write(source); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	fmt.Fprintf(c.OutOrStdout(), "wrote %s; run it with: backstitch run %s\n", path, path)
	return nil
}

// verdict is what validate says of one recipe.
type verdict struct {
	Recipe   string   `json:"recipe"`
	Valid    bool     `json:"valid"`
	Problems []string `json:"problems,omitempty"`
}

func newValidate() *cobra.Command {
	c := &cobra.Command{
		Use:     "validate RECIPE...",
		Short:   "Check recipes without reading data; print all problems with their places",
		Example: "  backstitch validate mine.toml quickstart",
		Args:    cobra.MinimumNArgs(1),
	}
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		var verdicts []verdict
		bad := 0
		for _, reference := range arguments {
			v := verdict{Recipe: reference, Valid: true}
			if _, err := loadRecipe(reference, nil); err != nil {
				v.Valid = false
				v.Problems = strings.Split(err.Error(), "\n")
				bad++
			}
			verdicts = append(verdicts, v)
		}
		if *asJSON {
			if err := printJSON(c, verdicts); err != nil {
				return err
			}
		} else {
			for _, v := range verdicts {
				if v.Valid {
					fmt.Fprintf(c.OutOrStdout(), "%s: ok\n", v.Recipe)
				}
				for _, p := range v.Problems {
					fmt.Fprintln(c.OutOrStdout(), p)
				}
			}
		}
		if bad > 0 {
			return exitError{fmt.Errorf("%d of %d recipes have problems", bad, len(arguments)), exitUsage, ""}
		}
		return nil
	}
	return c
}
