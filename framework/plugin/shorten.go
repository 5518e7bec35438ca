package plugin

import (
	"strings"
	"unicode/utf8"
)

// The longest word and the longest message, in characters, that a reader is shown.
const (
	longestWord    = 120
	longestMessage = 700
)

// Shorten cuts what a message quotes: words of more than 120 characters, and what is behind its first 700. A file of unknown origin can
// hold names and lists of any length.
func Shorten(message string) string {
	if len(message) <= longestWord {
		return message
	}
	var b strings.Builder
	for i, word := range strings.Split(message, " ") {
		if i > 0 {
			b.WriteByte(' ')
		}
		if utf8.RuneCountInString(word) > longestWord {
			word = first(word, longestWord/2) + "…" + last(word, longestWord/4)
		}
		b.WriteString(word)
	}
	if text := b.String(); utf8.RuneCountInString(text) > longestMessage {
		return first(text, longestMessage*3/4) + " … " + last(text, longestMessage/4)
	}
	return b.String()
}

// first returns the first n characters of a text that has more.
func first(text string, n int) string {
	at := 0
	for range n {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return text[:at]
}

// last returns the last n characters of a text that has more.
func last(text string, n int) string {
	at := len(text)
	for range n {
		_, size := utf8.DecodeLastRuneInString(text[:at])
		at -= size
	}
	return text[at:]
}
