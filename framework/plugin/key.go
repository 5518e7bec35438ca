package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// maxName bounds the letters of a name: files and columns of tables are called by it.
const maxName = 64

// reserved are names that no file may have on Windows.
var reserved = []string{"con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"}

// CheckName refuses what cannot name a run, an arrangement or a group in a recipe: names are parts of files' names, on every system, and
// of commands.
func CheckName(text string) error {
	switch {
	case !IsName(text):
		return fmt.Errorf("%q is not a name: letters, digits, - and _ are", Shorten(text))
	case len(text) > maxName:
		return fmt.Errorf("the name %s… has %d letters: %d are the most", text[:16], len(text), maxName)
	case text[0] == '-':
		return fmt.Errorf("the name %s begins like a flag: begin it with a letter, a digit or _", text)
	case slices.Contains(reserved, strings.ToLower(text)):
		return fmt.Errorf("%s is not a name: Windows reserves it for a device", text)
	}
	return nil
}

// IsName reports whether a text is written as names in recipes are: in letters, digits, - and _.
func IsName(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
	}) < 0
}

// Key writes one part of a key of a recipe, in quotes where TOML asks for them. JSON's escapes are TOML's too.
func Key(name string) string {
	if IsName(name) {
		return name
	}
	quoted, _ := json.Marshal(name)
	return string(quoted)
}
