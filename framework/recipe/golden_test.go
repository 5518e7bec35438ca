package recipe

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

var zoo = []string{"mlp-digits", "softmax-regression", "convnet"}

// overridesIn returns the overrides that a test file asks for, in lines of the form "# --set key=value".
func overridesIn(source []byte) (list []string) {
	for lines := bufio.NewScanner(bytes.NewReader(source)); lines.Scan(); {
		if assignment, is := strings.CutPrefix(lines.Text(), "# --set "); is {
			list = append(list, assignment)
		}
	}
	return list
}

func TestAllProblemsAreReportedAtOnceInTheirPlaces(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.toml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recipes in testdata: %v", err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(name, source, Options{Models: zoo, Set: overridesIn(source)})
			var problems Errors
			if !errors.As(err, &problems) {
				t.Fatalf("the error is %v, of type %T", err, err)
			}
			got := problems.Error() + "\n"
			golden := strings.TrimSuffix(path, ".toml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("problems:\n%swant:\n%s", got, want)
			}
		})
	}
}
