package recipe

import (
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// scanner finds where the keys of a TOML document are written, which the TOML library does not tell. It is right as far as the
// library accepts the text; what comes after an error means nothing, but ends.
type scanner struct {
	doc    *document
	offset int
	twice  *node // a key whose value was given before, which the TOML library does not always notice
}

// scan returns the document's keys as a tree, whose nodes have places and no values yet, and the first key that is written where its value
// stands already.
func scan(doc *document) (root, twice *node) {
	s := &scanner{doc: doc}
	root = &node{at: place{doc, 0}}
	table := root
	for s.skipBlank(); !s.done(); s.skipBlank() {
		if s.at("[") {
			table = s.header(root)
		} else {
			s.pair(table)
		}
	}
	return root, s.twice
}

// header reads "[a.b]" or "[[a.b]]" and returns the table that it opens.
func (s *scanner) header(root *node) *node {
	brackets := 1
	if s.at("[[") {
		brackets = 2
	}
	s.offset += brackets
	table := s.key(root)
	if brackets == 2 {
		table = table.element(place{s.doc, s.offset})
	}
	s.skipPast("]")
	if brackets == 2 {
		s.skipPast("]")
	}
	return table
}

// pair reads "key = value".
func (s *scanner) pair(table *node) {
	s.skipSpace()
	start := s.offset
	n := s.key(table)
	if n.at.offset < start {
		s.again(n, start)
	}
	s.skipPast("=")
	s.skipSpace()
	s.value(n)
	n.given = true
}

// again takes down that a key is written once more.
func (s *scanner) again(n *node, offset int) {
	if s.twice == nil {
		s.twice = &node{name: n.name, at: place{s.doc, offset}}
	}
}

// key reads a key of one or several parts and returns the last one's node.
func (s *scanner) key(table *node) *node {
	for {
		s.skipSpace()
		at := place{s.doc, s.offset}
		table = table.child(s.part(), at)
		if table.given {
			s.again(table, at.offset)
		}
		s.skipSpace()
		if !s.at(".") {
			return table
		}
		s.offset++
	}
}

// part reads one part of a key.
func (s *scanner) part() string {
	start := s.offset
	if s.at(`"`) || s.at("'") {
		s.skipString()
		return unquote(s.doc.text[start:s.offset])
	}
	s.skipUntil(" \t\r\n.=]")
	return s.doc.text[start:s.offset]
}

// unquote leaves the meaning of escapes to the TOML library.
func unquote(quoted string) string {
	var decoded struct{ Key string }
	_, _ = toml.Decode("key = "+quoted, &decoded) // an error will be found again, in its place
	return decoded.Key
}

// value skips a value. The keys and elements in it become children of n.
func (s *scanner) value(n *node) {
	switch {
	case s.at(`"`) || s.at("'"):
		s.skipString()
	case s.at("["):
		n.array = true
		s.list("]", func() { s.value(n.element(place{s.doc, s.offset})) })
	case s.at("{"):
		s.list("}", func() { s.pair(n) })
	default:
		s.skipUntil(",]}#\n")
	}
}

// list reads the items of an array or of an inline table.
func (s *scanner) list(end string, item func()) {
	s.offset++
	for s.skipBlank(); !s.done() && !s.at(end); s.skipBlank() {
		if s.at(",") {
			s.offset++
		} else {
			item()
		}
	}
	s.skipPast(end)
}

// skipString skips a string of any of the four kinds.
func (s *scanner) skipString() {
	quote := s.doc.text[s.offset : s.offset+1]
	end := quote
	if s.at(strings.Repeat(quote, 3)) {
		end = strings.Repeat(quote, 3)
	}
	s.offset += len(end)
	for !s.done() && !s.at(end) {
		if quote == `"` && s.at(`\`) {
			s.offset++
		}
		s.offset = min(s.offset+1, len(s.doc.text))
	}
	s.skipPast(end)
	for len(end) == 3 && s.at(quote) { // one or two quotes may stand before the closing three
		s.offset++
	}
}

// skipBlank skips white space, line ends and comments.
func (s *scanner) skipBlank() {
	for !s.done() {
		switch s.doc.text[s.offset] {
		case ' ', '\t', '\r', '\n':
			s.offset++
		case '#':
			s.skipUntil("\n")
		default:
			return
		}
	}
}

func (s *scanner) skipSpace() {
	for s.at(" ") || s.at("\t") {
		s.offset++
	}
}

// skipUntil skips at least one byte, so that the scan ends whatever the text is.
func (s *scanner) skipUntil(any string) {
	if s.done() {
		return
	}
	s.offset++
	if next := strings.IndexAny(s.doc.text[s.offset:], any); next >= 0 {
		s.offset += next
	} else {
		s.offset = len(s.doc.text)
	}
}

func (s *scanner) skipPast(end string) {
	s.skipSpace()
	if s.at(end) {
		s.offset += len(end)
	}
}

func (s *scanner) at(prefix string) bool {
	return !s.done() && strings.HasPrefix(s.doc.text[s.offset:], prefix)
}

func (s *scanner) done() bool { return s.offset >= len(s.doc.text) }

// child returns the node of a key in a table, which for an array of tables is its last element.
func (n *node) child(name string, at place) *node {
	if n.array && len(n.children) > 0 {
		n = n.children[len(n.children)-1]
	}
	if known := n.find(name); known != nil {
		return known
	}
	added := &node{name: name, at: at}
	n.children = append(n.children, added)
	return added
}

// element adds an element to an array.
func (n *node) element(at place) *node {
	n.array = true
	added := &node{name: strconv.Itoa(len(n.children)), at: at}
	n.children = append(n.children, added)
	return added
}
