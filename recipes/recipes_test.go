package recipes

import (
	"errors"
	"slices"
	"testing"

	_ "github.com/seed5b471a7e/backstitch/framework/engine/plan"
	_ "github.com/seed5b471a7e/backstitch/framework/engine/tape"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
	"github.com/seed5b471a7e/backstitch/framework/recipe"
	"github.com/seed5b471a7e/backstitch/modelzoo"
	_ "github.com/seed5b471a7e/backstitch/plugins/standard"
)

func TestEveryRecipeHasNoProblemsAndBearsItsOwnName(t *testing.T) {
	if !slices.Contains(Names(), "quickstart") {
		t.Fatalf("there is no quickstart among %v", Names())
	}
	for _, name := range Names() {
		source, err := Source(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := recipe.Parse(name+".toml", source, recipe.Options{Models: modelzoo.Names()})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if r.Name != name {
			t.Errorf("%s.toml has the name %q", name, r.Name)
		}
		if r.Doc != Doc(name) || r.Doc == "" {
			t.Errorf("%s: Doc returns %q, but the key doc is %q", name, Doc(name), r.Doc)
		}
		for _, a := range r.Averages {
			if a.From >= r.Steps {
				t.Errorf("%s: the average %s starts after %d of %d steps", name, a.Name, a.From, r.Steps)
			}
		}
	}
}

func TestNesterovWithoutMomentumIsRefused(t *testing.T) {
	source, err := Source("quickstart")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ set, want string }{
		{"optimizer.sgd={nesterov = true}", "--set optimizer.sgd={nesterov = true}: nesterov needs momentum > 0"},
		{"optimizer.sgd={nesterov = true, momentum = 0.9}", ""},
	} {
		_, err := recipe.Parse("quickstart.toml", source, recipe.Options{Models: modelzoo.Names(), Set: []string{c.set}})
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("with %s the error is %v, want %s", c.set, err, c.want)
		}
	}
}

func TestAnUnknownNameIsAnErrorWithASuggestion(t *testing.T) {
	for name, want := range map[string]string{"quikstart": "quickstart", "../recipes/sin": "", "": "", "quickstart.toml": "quickstart"} {
		_, err := Source(name)
		var unknown *plugin.UnknownError
		if !errors.As(err, &unknown) || unknown.Name != name || unknown.Suggestion != want {
			t.Errorf("Source(%q): %v, want the suggestion %q", name, err, want)
		}
	}
}
