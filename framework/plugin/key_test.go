package plugin

import (
	"strings"
	"testing"
)

func TestNamesAreThoseOfFilesOnEverySystem(t *testing.T) {
	for _, name := range []string{"a", "Fig02-resnet_18", "_x", "0", "console", "com10", strings.Repeat("n", maxName)} {
		if err := CheckName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for name, want := range map[string]string{
		"": `"" is not a name`, "..": "is not a name", "a/b": "is not a name", `a\b`: "is not a name", "a.b": "is not a name", "a b": "is not a name",
		"a\nb": "is not a name", "a\x00": "is not a name", `"`: "is not a name", "<b>": "is not a name", "é": "is not a name", "a\u202eb": "is not a name",
		"-x": "begins like a flag", "con": "Windows", "NUL": "Windows", "Lpt9": "Windows",
		strings.Repeat("n", maxName+1): "the name nnnnnnnnnnnnnnnn… has 65 letters: 64 are the most",
	} {
		if err := CheckName(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}
