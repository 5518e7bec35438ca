package plugin

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Match reports whether one of the patterns matches a name. They are those of path.Match, but names are no paths: a slash is a
// character like any other.
func Match(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(noPath(pattern), noPath(name))
		return ok
	})
}

// noPath hides slashes from path.Match.
func noPath(s string) string { return strings.ReplaceAll(s, "/", "\x00") }

// CheckPatterns refuses patterns that are malformed or match no name of such a thing: they are misspelt. The error says which names there
// are, those first that are most like the pattern.
func CheckPatterns(thing string, patterns, names []string) error {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			return fmt.Errorf("pattern %q: %w", pattern, err)
		}
		if !slices.ContainsFunc(names, func(name string) bool { return Match([]string{pattern}, name) }) {
			return fmt.Errorf("no %s matches the pattern %q: there are %s", thing, pattern, some(nearest(pattern, names)))
		}
	}
	return nil
}

// nearest returns the names in the order of their distance to the letters of a pattern. What a name has more of them costs nothing, as a
// star could stand there.
func nearest(pattern string, names []string) []string {
	letters := strings.ToLower(strings.ReplaceAll(pattern, "*", ""))
	far := map[string]int{}
	for _, name := range names {
		far[name] = distance(letters, strings.ToLower(name)) - max(0, len(name)-len(letters))
	}
	names = slices.Clone(names)
	slices.SortStableFunc(names, func(a, b string) int { return far[a] - far[b] })
	return names
}

// some returns the first of many names.
func some(names []string) string {
	const shown = 8
	if len(names) > shown {
		return fmt.Sprintf("%q and %d more", names[:shown], len(names)-shown)
	}
	return fmt.Sprintf("%q", names)
}
