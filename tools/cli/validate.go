package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/dataset"
	"github.com/seed5b471a7e/backstitch/framework/model"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/framework/run"
	"github.com/spf13/cobra"
)

// verdict is what validate says of one recipe.
type verdict struct {
	Recipe   string           `json:"recipe"`
	Valid    bool             `json:"valid"`
	Problems []recipe.Problem `json:"problems,omitempty"`
	Note     string           `json:"note,omitempty"` // what was not checked
}

func newValidate() *cobra.Command {
	c := &cobra.Command{
		Use:     "validate RECIPE...",
		Short:   "Check recipes and their models without reading data; print the problems with their places",
		Example: "  backstitch validate mine.toml quickstart",
		Args:    cobra.MinimumNArgs(1),
	}
	b := bindings{}
	bindingFlags(c, &b)
	asJSON := jsonFlag(c)
	c.RunE = func(c *cobra.Command, arguments []string) error {
		var verdicts []verdict
		bad := 0
		for _, reference := range arguments {
			problems, note := validate(c.Context(), reference, b.overrides())
			if len(problems) > 0 {
				bad++
			}
			verdicts = append(verdicts, verdict{reference, len(problems) == 0, problems, note})
		}
		if *asJSON {
			if err := printJSON(c, verdicts); err != nil {
				return err
			}
		} else {
			printVerdicts(c.OutOrStdout(), verdicts)
		}
		if bad > 0 {
			return exitError{fmt.Errorf("recipes with problems: %d of %d", bad, len(arguments)), exitUsage, ""}
		}
		return nil
	}
	return c
}

func printVerdicts(w io.Writer, verdicts []verdict) {
	for _, v := range verdicts {
		if v.Valid {
			fmt.Fprintln(w, printable(strings.TrimSuffix(v.Recipe+": ok; "+v.Note, "; ")))
		}
		problems, more := firstOf(v.Problems)
		for _, p := range problems {
			fmt.Fprintln(w, printable(p.String()))
		}
		if more > 0 {
			fmt.Fprintf(w, "%s: and %s\n", printable(v.Recipe), several(more, "more problem"))
		}
	}
}

// validate returns the problems of a recipe, and what could not be checked; what fails for another reason is a problem without a place.
func validate(ctx context.Context, reference string, set []string) (problems []recipe.Problem, note string) {
	r, err := loadRecipe(reference, set)
	var found recipe.Errors
	if errors.As(err, &found) {
		return found, ""
	}
	if err == nil {
		r.Data.Source = unread{}
		_, err = heard(ctx, func() (*run.Run, error) { return run.Prepare(ctx, r, openUntrained) })
	}
	var open *model.OpenError
	switch {
	case errors.As(err, &open) && errors.Is(err, errUnread):
		return nil, fmt.Sprintf("the model was not checked: the data decide how large %s is; --dim gives a size to check with",
			strings.Join(model.Keys(open.Dimensions), ", "))
	case errors.Is(err, errUnread):
		return nil, ""
	}
	message := err.Error()
	var exit exitError
	if errors.As(err, &exit) && exit.hint != "" {
		message = fmt.Sprintf("%s (%s)", message, exit.hint)
	}
	return []recipe.Problem{{File: reference, Message: plugin.Shorten(message)}}, ""
}

// unread stands for data that is not wanted: preparing a run ends where it would be read, when everything before was fine.
type unread struct{}

var errUnread = errors.New("data is not read")

// Load fails.
func (unread) Load(context.Context) (*dataset.Dataset, error) { return nil, errUnread }
