package recipe

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// override puts "key=value" in the place of what the file says, or next to it.
func (n *node) override(assignment string) *Problem {
	doc := &document{name: "--set " + plugin.Shorten(assignment), override: true}
	path, leaf, err := parseOverride(doc, assignment)
	if err == nil {
		err = n.set(path, leaf)
	}
	if err != nil {
		return &Problem{File: doc.name, Message: plugin.Shorten(err.Error())}
	}
	return nil
}

// parseOverride reads "a.b=value". What is no TOML value is a string: nobody wants to quote quotes in a shell.
func parseOverride(doc *document, assignment string) (path []string, leaf *node, err error) {
	key, value, ok := strings.Cut(assignment, "=")
	if !ok {
		return nil, nil, errors.New("this is not of the form key=value")
	}
	path = strings.Split(key, ".")
	for i, part := range path {
		path[i] = strings.TrimSpace(part)
		if !isName(path[i]) {
			return nil, nil, fmt.Errorf("%q is not a key", strings.TrimSpace(key))
		}
	}
	if len(value) > maximumSize {
		return nil, nil, fmt.Errorf("the value has %d bytes, more than a recipe may have", len(value))
	}
	name := path[len(path)-1]
	value = strings.TrimSpace(value)
	doc.text = name + " = " + value
	if parsed, problem := parse(doc); problem == nil && len(parsed.children) == 1 {
		return path, parsed.children[0], nil
	}
	return path, &node{name: name, at: place{in: doc}, value: value}, nil
}

// set replaces the node at a path below a table, or adds it, with the tables above it.
func (n *node) set(path []string, leaf *node) error {
	i := slices.IndexFunc(n.children, func(child *node) bool { return child.name == path[0] })
	switch {
	case len(path) == 1 && i < 0:
		n.children = append(n.children, leaf)
		return nil
	case len(path) == 1:
		n.children[i] = leaf
		return nil
	case i < 0:
		i = len(n.children)
		n.children = append(n.children, &node{name: path[0], at: leaf.at, value: map[string]any{}})
	case !n.children[i].isTable():
		return fmt.Errorf("%s is not a table", path[0])
	}
	return n.children[i].set(path[1:], leaf)
}

// isName reports whether a text is a name as recipes write them: letters, digits, - and _.
func isName(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}
