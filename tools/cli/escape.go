package cli

import (
	"fmt"
	"io"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// escaped writes text for a terminal, whatever is in it: what would move the cursor, change colours or the direction of writing stands
// there as JSON escapes it, so that a document stays the same document. What is written in one piece is whole characters.
type escaped struct{ w io.Writer }

// Write writes the text.
func (e escaped) Write(text []byte) (int, error) {
	clean := make([]byte, 0, len(text))
	for rest := text; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case unicode.IsGraphic(r) || r == '\n' || r == '\t':
			clean = append(clean, rest[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			clean = fmt.Appendf(clean, `\u%04x\u%04x`, high, low)
		default:
			clean = fmt.Appendf(clean, `\u%04x`, r)
		}
		rest = rest[size:]
	}
	if _, err := e.w.Write(clean); err != nil {
		return 0, err
	}
	return len(text), nil
}
