package recipe

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Problem is something in a recipe that its author must change.
type Problem struct {
	File    string `json:"file"`             // as given to Parse; for an override, "--set key=value", shortened
	Line    int    `json:"line,omitempty"`   // from 1; 0 for an override
	Column  int    `json:"column,omitempty"` // from 1, in characters: where the key starts, or what is no TOML; 0 for an override
	Message string `json:"message"`
}

// String returns "file:line:column: message", in one line.
func (p Problem) String() string {
	place := fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
	if p.Line == 0 {
		place = p.File
	}
	return oneLine.Replace(place + ": " + p.Message)
}

var oneLine = strings.NewReplacer("\n", `\n`, "\r", `\r`)

// Errors are all problems of a recipe: those of the file by their place, then those of the overrides.
type Errors []Problem

// Error has a line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (e Errors) sort() {
	slices.SortStableFunc(e, func(a, b Problem) int {
		if inFile := cmp.Compare(min(b.Line, 1), min(a.Line, 1)); inFile != 0 {
			return inFile
		}
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// document is a text in which keys have places: the recipe's file, or the value of an override.
type document struct {
	name     string
	text     string
	override bool // its lines and columns mean nothing to the author
}

// place is where something is written.
type place struct {
	in     *document
	offset int // in bytes
}

func (p place) problem(message string) Problem {
	message = plugin.Shorten(message)
	if p.in.override {
		return Problem{File: p.in.name, Message: message}
	}
	before := p.in.text[:p.offset]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	return Problem{
		File:    p.in.name,
		Line:    strings.Count(before, "\n") + 1,
		Column:  utf8.RuneCountInString(line) + 1,
		Message: message,
	}
}
