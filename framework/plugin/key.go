package plugin

import (
	"encoding/json"
	"strings"
)

// IsName reports whether a text is a name as recipes write them: letters, digits, - and _.
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
