package cli

import (
	"errors"
	"fmt"
	"strings"
)

// byteSize is a flag such as 8GiB.
type byteSize int64

var units = []struct {
	name string
	size float64
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

// Set reads a number with a unit.
func (b *byteSize) Set(text string) error {
	for _, u := range units {
		digits, matches := strings.CutSuffix(text, u.name)
		if !matches {
			continue
		}
		var n float64
		if _, err := fmt.Sscanf(digits, "%g", &n); err != nil || n <= 0 || n*u.size > 1<<60 {
			break
		}
		*b = byteSize(n * u.size)
		return nil
	}
	return errors.New("want a size such as 512MiB or 8GiB")
}

// Type names the flag's type in help texts.
func (b *byteSize) Type() string { return "size" }

// String prints the size in the largest unit of which there is one.
func (b byteSize) String() string {
	if b == 0 {
		return ""
	}
	for _, u := range units {
		if float64(b) >= u.size {
			return fmt.Sprintf("%.3g %s", float64(b)/u.size, u.name)
		}
	}
	return ""
}
