package plugin

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShortenKeepsWhatAReaderCanTake(t *testing.T) {
	for _, c := range []struct{ message, want string }{
		{"", ""},
		{"node \"a\": unknown operator", "node \"a\": unknown operator"},
		{strings.Repeat("ä", 120), strings.Repeat("ä", 120)},
		{"node " + strings.Repeat("ä", 121) + " fails", "node " + strings.Repeat("ä", 60) + "…" + strings.Repeat("ä", 30) + " fails"},
	} {
		if got := Shorten(c.message); got != c.want {
			t.Errorf("Shorten(%q) = %q, want %q", c.message, got, c.want)
		}
	}
	for _, long := range []string{strings.Repeat("a b ", 1<<20), strings.Repeat("x", 1<<24), strings.Repeat("\xff", 1<<20), "beginning " + strings.Repeat("12 ", 4000) + "end"} {
		got := Shorten(long)
		if utf8.RuneCountInString(got) > longestMessage+3 {
			t.Errorf("%.20q… has %d characters left", long, len(got))
		}
		if Shorten(got) != got && utf8.RuneCountInString(got) <= longestMessage {
			t.Errorf("%.20q… is shortened again", long)
		}
	}
}
