package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// dash stands for a number that does not exist.
const dash = "–"

// number writes four significant digits.
func number(v float64) string {
	switch size := math.Abs(v); {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return dash
	case v == 0:
		return "0"
	case size >= 1e-4 && size < 9999.5:
		return strings.TrimSuffix(fmt.Sprintf("%#.4g", v), ".")
	case size >= 9999.5 && size < 1e7:
		return count(int64(math.Round(v)))
	default:
		return strconv.FormatFloat(v, 'e', 3, 64)
	}
}

// count writes a whole number in groups of three digits.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	first := 0
	if n < 0 {
		first = 1
	}
	for at := len(digits) - 3; at > first; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func percent(share float64) string {
	if math.IsNaN(share) {
		return dash
	}
	return fmt.Sprintf("%.1f %%", 100*share)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return dash
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func duration(seconds float64) string {
	if math.IsNaN(seconds) || seconds < 0 || seconds > 1e9 {
		return dash
	}
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// indented lays out JSON for reading.
func indented(data json.RawMessage) (string, error) {
	if len(data) == 0 {
		return "", nil
	}
	var b bytes.Buffer
	err := json.Indent(&b, data, "", "  ")
	return b.String(), err
}
