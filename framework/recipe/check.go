package recipe

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// checker turns nodes into a recipe and collects what is wrong with them.
type checker struct {
	models            []string
	folder, setFolder string // of relative paths
	problems          Errors
}

func (c *checker) report(at place, format string, arguments ...any) {
	c.problems = append(c.problems, at.problem(fmt.Sprintf(format, arguments...)))
}

// schema says which keys a table may have.
type schema struct {
	targets  []any    // pointers to structs, whose options the table sets
	required []string // options without a default
	tables   []string // keys that are read elsewhere
	partial  bool     // further keys belong to a plugin that is not known
}

// read sets the options of a table, whose name is "" for the recipe itself. It reports whether all is well.
func (c *checker) read(name string, table *node, s schema) bool {
	before := len(c.problems)
	var options []plugin.Option
	for _, target := range s.targets {
		options = append(options, plugin.Options(target)...)
	}
	var known []string
	for _, option := range options {
		known = append(known, option.Name)
	}
	misspelled := c.unknown(name, table, append(known, s.tables...), s.partial)
	for _, option := range options {
		switch value := table.find(option.Name); {
		case value != nil:
			if err := option.Set(c.located(option, value)); err != nil {
				c.report(value.at, "%v", err)
			}
		case slices.Contains(s.required, option.Name) && !slices.Contains(misspelled, option.Name):
			c.report(table.at, "%s is missing%s%s", option.Name, in(name), oneOf(option.OneOf))
		}
	}
	return len(c.problems) == before
}

// located returns the value of a key. A relative path in it is written from the working folder on.
func (c *checker) located(option plugin.Option, n *node) any {
	if !option.IsPath {
		return n.value
	}
	folder := c.folder
	if n.at.in.override {
		folder = c.setFolder
	}
	switch v := n.value.(type) {
	case string:
		return within(folder, v)
	case []any:
		paths := make([]any, len(v))
		for i, element := range v {
			paths[i] = element
			if text, is := element.(string); is {
				paths[i] = within(folder, text)
			}
		}
		return paths
	}
	return n.value
}

// within returns a path that may be relative to a folder.
func within(folder, path string) string {
	if folder == "" || path == "" || filepath.IsAbs(path) || strings.HasPrefix(path, ZooPrefix) {
		return path
	}
	return filepath.Join(folder, path)
}

// unknown reports the keys that a table cannot have, and returns those that were probably meant.
func (c *checker) unknown(name string, table *node, known []string, partial bool) (meant []string) {
	missing := slices.DeleteFunc(slices.Clone(known), func(key string) bool { return table.find(key) != nil })
	for _, key := range table.children {
		if slices.Contains(known, key.name) {
			continue
		}
		suggestion := plugin.Suggest(key.name, missing)
		switch {
		case suggestion != "":
			c.report(key.at, "unknown key %q%s (did you mean %q?)", key.name, in(name), suggestion)
			meant = append(meant, suggestion)
		case !partial:
			c.report(key.at, "unknown key %q%s%s", key.name, in(name), oneOf(known))
		}
	}
	return meant
}

// table returns a table of the recipe, or nil after a report. One that is not there is empty, unless there is something to say
// when it is missing.
func (c *checker) table(root *node, name, missing string) *node {
	table := root.find(name)
	switch {
	case table == nil && missing == "":
		return &node{name: name, at: root.at}
	case table == nil:
		misspelled := func(n *node) bool { return plugin.Suggest(n.name, []string{name}) != "" }
		if !slices.ContainsFunc(root.children, misspelled) { // else it is reported as such
			c.report(root.at, "%s", missing)
		}
	case !table.isTable():
		c.report(table.at, "%s must be a table", name)
		return nil
	}
	return table
}

// choice returns the table whose tables [kind.NAME] name plugins, or nil after a report that there are none.
func (c *checker) choice(root *node, kind string, names []string) *node {
	missing := fmt.Sprintf("there is no %s: write [%s.NAME]%s", kind, kind, oneOf(names))
	table := c.table(root, kind, missing)
	if table != nil && len(table.children) == 0 {
		c.report(table.at, "%s", missing)
	}
	return table
}

// entries returns the tables [kind.NAME], and reports what else is there.
func (c *checker) entries(table *node, kind string, choices []string) (entries []*node) {
	var names []string
	for _, entry := range table.children {
		switch {
		case !entry.isTable():
			c.report(entry.at, "%q is not a table: write [%s.NAME]%s", entry.name, kind, oneOf(choices))
		case plugin.CheckName(entry.name) != nil:
			c.report(entry.at, "%v", plugin.CheckName(entry.name))
		case sameFile(entry.name, names) != "":
			c.report(entry.at, "[%s.%s] and [%s.%s] differ in the size of letters only: their files could not be told apart everywhere",
				kind, entry.name, kind, sameFile(entry.name, names))
		default:
			entries, names = append(entries, entry), append(names, entry.name)
		}
	}
	return entries
}

// sameFile returns the name among others that would be the same file's where the size of letters does not count, or "".
func sameFile(name string, others []string) string {
	if at := slices.IndexFunc(others, func(other string) bool { return strings.EqualFold(name, other) }); at >= 0 {
		return others[at]
	}
	return ""
}

// plug returns a new plugin. The problem with an unknown name is reported together with those that are known.
func plug[T any](c *checker, at place, name string, construct func(string) (T, error), names []string) (p T, ok bool) {
	p, err := construct(name)
	var unknown *plugin.UnknownError
	switch {
	case err == nil:
		return p, true
	case errors.As(err, &unknown) && unknown.Suggestion == "":
		c.report(at, "unknown %s %q%s", unknown.Kind, name, oneOf(names))
	default:
		c.report(at, "%v", err)
	}
	return p, false
}

// plugNamed returns the plugin that the key "name" of a table names, if there is one. That there is none, where there must be,
// is found when the table is read.
func plugNamed[T any](c *checker, table *node, construct func(string) (T, error), names []string) (p T, ok bool) {
	name, isText := table.text("name")
	if !isText {
		return p, false
	}
	return plug(c, table.where("name"), name, construct, names)
}

// validate asks a plugin whether its options fit together.
func (c *checker) validate(at place, p any) {
	if v, ok := p.(plugin.Validator); ok {
		if err := v.Validate(); err != nil {
			c.report(at, "%v", err)
		}
	}
}

// in says where a key is that has no place of its own.
func in(table string) string {
	if table == "" {
		return ""
	}
	return fmt.Sprintf(" in [%s]", table)
}

func oneOf(choices []string) string {
	if len(choices) == 0 {
		return ""
	}
	return fmt.Sprintf(" (one of %s)", strings.Join(choices, ", "))
}
