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
	path, value, err := cutKey(assignment)
	if err != nil {
		return nil, nil, err
	}
	if len(value) > maximumSize {
		return nil, nil, fmt.Errorf("the value has %d bytes, more than a recipe may have", len(value))
	}
	name := path[len(path)-1]
	doc.text = plugin.Key(name) + " = " + value
	if parsed, problem := parse(doc); problem == nil && len(parsed.children) == 1 {
		return path, parsed.children[0], nil
	}
	return path, &node{name: name, at: place{in: doc}, value: value}, nil
}

// ParseValue reads a value as an override has it: as TOML, or else as a string.
func ParseValue(text string) any {
	_, leaf, err := parseOverride(&document{override: true}, "value="+text)
	if err != nil {
		return text
	}
	return leaf.value
}

// cutKey reads the key of an assignment, in parts, of which any may be quoted.
func cutKey(assignment string) (path []string, value string, err error) {
	s := &scanner{doc: &document{text: assignment}}
	for {
		s.skipSpace()
		start := s.offset
		part := s.part()
		if written := assignment[start:s.offset]; !plugin.IsName(part) && !strings.HasPrefix(written, `"`) && !strings.HasPrefix(written, "'") {
			break
		}
		path = append(path, part)
		s.skipSpace()
		switch {
		case s.at("="):
			return path, strings.TrimSpace(assignment[s.offset+1:]), nil
		case !s.at("."):
			return nil, "", notAssignment(assignment)
		}
		s.offset++
	}
	return nil, "", notAssignment(assignment)
}

func notAssignment(assignment string) error {
	key, _, is := strings.Cut(assignment, "=")
	if !is {
		return errors.New("this is not of the form key=value")
	}
	return fmt.Errorf("%q is not a key", strings.TrimSpace(key))
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
