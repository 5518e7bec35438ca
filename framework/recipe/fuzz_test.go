package recipe

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

func addRecipes(f *testing.F, add func(text string)) {
	add(small)
	paths, err := filepath.Glob("testdata/*.toml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		source, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		add(string(source))
	}
}

// FuzzParse checks that any text is either a complete recipe or has problems, each with a place in the text.
func FuzzParse(f *testing.F) {
	addRecipes(f, func(text string) { f.Add(text, "steps=3") })
	f.Add(small, "optimizer={adamw={betas=[1, {}]}}")
	f.Add(small, "arrangement.forward.kind=\"backward\"\n[x]")
	f.Fuzz(func(t *testing.T, text, assignment string) {
		r, err := Parse("fuzz.toml", []byte(text), Options{Models: zoo, Set: []string{assignment}})
		var problems Errors
		if errors.As(err, &problems) {
			lines := strings.Count(text, "\n") + 1
			for _, p := range problems {
				inFile := p.File == "fuzz.toml" && p.Line >= 1 && p.Line <= lines && p.Column >= 1
				inOverride := p.File == "--set "+plugin.Shorten(assignment) && p.Line == 0
				if p.Message == "" || strings.Contains(p.String(), "\n") || !inFile && !inOverride {
					t.Errorf("problem %+v in a text of %d lines", p, lines)
				}
			}
			return
		}
		if err != nil {
			t.Fatalf("the error is of type %T", err)
		}
		if r.Data.Source == nil || r.Loss.Loss == nil || r.Optimizer.Optimizer == nil || r.Engine.Engine == nil || len(r.Arrangements) == 0 {
			t.Fatalf("a plugin is missing: %+v", r)
		}
		if _, err := json.Marshal(r.Resolved()); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPlaces checks that the scanner finds the keys that the TOML library finds, each where it is written.
func FuzzPlaces(f *testing.F) {
	addRecipes(f, func(text string) { f.Add(text) })
	for seed := range uint64(20) {
		f.Add(newDocument(seed).text.String())
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc := &document{name: "fuzz.toml", text: text}
		root, problem := parse(doc)
		if problem == nil && !hasEmptyKey(root) {
			compare(t, root, root.value)
		}
	})
}

// hasEmptyKey reports whether a key in a document is "". The TOML library loses a level of arrays under one, as in "" = [[{x = 1}]].
func hasEmptyKey(n *node) bool {
	return slices.ContainsFunc(n.children, func(child *node) bool { return child.name == "" || hasEmptyKey(child) })
}
