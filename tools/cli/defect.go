package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

const issues = "https://" + backstitchModule + "/issues"

// reportable adds to a mistake of ours what a user can do about it: the trace goes into a file, to be sent. Other errors stay as they are.
func reportable(err error) error {
	var mistake *defect.Error
	if !errors.As(err, &mistake) {
		return err
	}
	hint := fmt.Sprintf("please report it at %s with the command, its files and ", issues)
	file, failure := writeTrace(mistake)
	if failure != nil {
		return exitError{err, exitFailure, hint + "this trace:\n" + string(mistake.Stack)}
	}
	return exitError{err, exitFailure, hint + file}
}

// writeTrace writes down where a mistake was made and what it is a version of, and returns the file's name.
func writeTrace(mistake *defect.Error) (name string, err error) {
	f, err := os.CreateTemp("", "backstitch-trace-*.txt")
	if err != nil {
		return "", err
	}
	_, err = fmt.Fprintf(f, "%v\nbackstitch %s, %s, %s/%s\n%s\n\n%s", mistake, version(), runtime.Version(), runtime.GOOS, runtime.GOARCH,
		strings.Join(os.Args, " "), mistake.Stack)
	return f.Name(), cmp.Or(err, f.Close())
}
