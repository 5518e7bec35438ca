package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// number prints four significant digits, and a dash where there is no number.
func number(v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf("%#.4g", v)
}

// count prints an integer with separated thousands.
func count(n int64) string {
	if n < 0 {
		return "-" + count(-n)
	}
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// several prints a number of things.
func several(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(int64(n)) + " " + thing + "s"
}

// size prints bytes in the largest unit of which there is one.
func size(bytes int64) string {
	unit := units[len(units)-1]
	for _, u := range units {
		if float64(bytes) >= u.size {
			unit = u
			break
		}
	}
	return fmt.Sprintf("%.4g %s", float64(bytes)/unit.size, unit.name)
}

// about prints seconds as coarsely as an estimate deserves.
func about(seconds float64) string {
	switch {
	case seconds < 100:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 100*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	case seconds < 48*60*60:
		return fmt.Sprintf("%.0f h", seconds/(60*60))
	}
	return count(int64(min(seconds/(24*60*60), math.MaxInt32))) + " days"
}

// printable escapes what would move a terminal's cursor or change its colours: names come from files of unknown origin.
func printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, length := utf8.DecodeRuneInString(text)
		next := text[:length]
		if !unicode.IsGraphic(r) || r == utf8.RuneError && length == 1 {
			next = strings.Trim(strconv.Quote(next), `"`)
		}
		b.WriteString(next)
		text = text[length:]
	}
	return b.String()
}
