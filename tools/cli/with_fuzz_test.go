package cli

import (
	"strings"
	"testing"
)

// FuzzWith takes the values of --with apart: what is accepted names a module and a version that no command takes for a flag, and is what
// was written.
func FuzzWith(f *testing.F) {
	for _, text := range []string{"example.com/a", "example.com/a@v1.2.3", "a@main=../a", "a=b=c", ".", "..", "/x", "./-x", "-x", "a@-v", "a@", "=", "@", "a=\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := splitWith(text)
		if err != nil {
			if a != (added{}) {
				t.Errorf("%q is refused, and gives %+v", text, a)
			}
			return
		}
		written := a.module
		if a.version != "" {
			written += "@" + a.version
		}
		if a.dir != "" && a.module != "" {
			written += "="
		}
		if written += a.dir; written != text {
			t.Errorf("%q was read as %+v", text, a)
		}
		if strings.HasPrefix(a.module, "-") || strings.HasPrefix(a.version, "-") || a.module == "" && !isPath(a.dir) {
			t.Errorf("%q gives %+v, which is no module", text, a)
		}
	})
}
