package recipe

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

// node is a key with its value and the place where the key is first written.
type node struct {
	name     string // of an element of an array: its index
	at       place
	value    any // as the TOML library decodes it: a map for a table
	array    bool
	given    bool    // by "key = value": nothing can be added to it
	children []*node // the keys of a table in the order of the text, or the elements of an array
}

// Recipes have a few hundred bytes in three levels. The bounds keep a hostile file from taking the TOML library's time.
const (
	maximumSize  = 64 << 10
	maximumDepth = 16
)

// Read returns the content of a recipe's file. Of one that is too large to be a recipe it returns the beginning, which is too large as well.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maximumSize+1))
}

// parse reads a TOML document. The problem is nil if there is none.
func parse(doc *document) (root *node, problem *Problem) {
	fail := func(at place, message string) (*node, *Problem) {
		p := at.problem(message)
		return nil, &p
	}
	doc.text = strings.TrimLeft(doc.text, "\ufeff")
	start := place{doc, 0}
	if len(doc.text) > maximumSize {
		return fail(start, "this is no recipe: it is larger than 64 KiB")
	}
	if strings.HasPrefix(doc.text, "\xff\xfe") || strings.HasPrefix(doc.text, "\xfe\xff") {
		return fail(start, "the text is UTF-16 (a recipe is written in UTF-8)")
	}
	root, twice := scan(doc)
	if deep := root.below(maximumDepth); deep != nil {
		return fail(deep.at, "this is no recipe: it is nested too deeply")
	}
	var values map[string]any
	if _, err := toml.Decode(doc.text, &values); err != nil {
		var syntax toml.ParseError
		if !errors.As(err, &syntax) {
			return fail(start, err.Error())
		}
		offset := min(max(syntax.Position.Start, 0), len(doc.text))
		return fail(place{doc, offset}, sentence(syntax.Message))
	}
	if twice != nil {
		return fail(twice.at, fmt.Sprintf("key %q has a value already", twice.name))
	}
	root.attach(values)
	return root, nil
}

// below returns a node that is more than this many levels below n, or nil.
func (n *node) below(levels int) *node {
	for _, child := range n.children {
		if levels == 0 {
			return child
		}
		if deep := child.below(levels - 1); deep != nil {
			return deep
		}
	}
	return nil
}

// sentence writes a message of the TOML library the way ours are.
func sentence(message string) string {
	first, size := utf8.DecodeRuneInString(message)
	return string(unicode.ToLower(first)) + strings.TrimSuffix(message[size:], ".")
}

func (n *node) attach(value any) {
	n.value = value
	if table, ok := value.(map[string]any); ok {
		for _, child := range n.children {
			child.attach(table[child.name])
		}
	}
}

func (n *node) isTable() bool {
	_, ok := n.value.(map[string]any)
	return ok
}

// find returns the node of a key in a table, or nil.
func (n *node) find(name string) *node {
	for _, child := range n.children {
		if child.name == name {
			return child
		}
	}
	return nil
}

// flat returns what stands in a table and in the tables in it, under names joined by dots.
func (n *node) flat(prefix string) (list []*node) {
	for _, child := range n.children {
		name := prefix + child.name
		if child.isTable() {
			list = append(list, child.flat(name+".")...)
			continue
		}
		entry := *child
		entry.name = name
		list = append(list, &entry)
	}
	return list
}

// text returns the string that is the value of a key in a table, if it is one.
func (n *node) text(name string) (string, bool) {
	if child := n.find(name); child != nil {
		text, ok := child.value.(string)
		return text, ok
	}
	return "", false
}

// where returns the place of the first of these keys that a table has, or the table's own if it has none.
func (n *node) where(names ...string) place {
	for _, name := range names {
		if child := n.find(name); child != nil {
			return child.at
		}
	}
	return n.at
}
