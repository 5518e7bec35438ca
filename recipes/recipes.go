// Package recipes embeds the recipes that come with Backstitch, as the files that their readers may copy and edit.
package recipes

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

//go:embed *.toml
var files embed.FS

// Names returns the names of the recipes, without .toml, in alphabetical order.
func Names() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".toml")
	}
	slices.Sort(names) // files are in another order: "a-b.toml" stands before "a.toml"
	return names
}

// Source returns the text of a recipe. The error for an unknown name is a *plugin.UnknownError.
func Source(name string) ([]byte, error) {
	source, err := files.ReadFile(name + ".toml")
	if err != nil {
		return nil, &plugin.UnknownError{Kind: "recipe", Name: name, Suggestion: plugin.Suggest(name, Names())}
	}
	return source, nil
}

var docKey = regexp.MustCompile(`(?m)^doc\s*= "(.*)"$`)

// Doc returns the line that describes a recipe: the value of its key doc, which the embedded files write as one plain string.
func Doc(name string) string {
	source, err := Source(name)
	if err != nil {
		return ""
	}
	match := docKey.FindSubmatch(source)
	if match == nil {
		panic(fmt.Sprintf("recipes: %s.toml has no doc", name))
	}
	return string(match[1])
}
