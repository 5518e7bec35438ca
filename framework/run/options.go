package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// withDefaults replaces what is zero in options for a run of that name.
func (o Options) withDefaults(name string) (Options, error) {
	o.Workers = workersOr(o.Workers)
	if o.Folder != "" {
		return o, nil
	}
	if o.Resume {
		return o, errors.New("run: the folder of the run to go on with is not named")
	}
	var err error
	o.Folder, err = NewFolder(name, time.Now())
	return o, err
}

// workersOr returns a number of workers: as many as Go runs at once, if none is given.
func workersOr(n int) int {
	if n > 0 {
		return n
	}
	return runtime.GOMAXPROCS(0)
}

// NewFolder makes the folder runs/NAME-TIMESTAMP, with a number behind it where several runs start in one second.
func NewFolder(name string, start time.Time) (string, error) {
	if err := os.MkdirAll("runs", 0o755); err != nil {
		return "", fmt.Errorf("run: %w", err)
	}
	first := filepath.Join("runs", name+"-"+start.Format("20060102-150405"))
	path := first
	for i := 2; ; i++ {
		err := os.Mkdir(path, 0o755)
		switch {
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrExist):
			return "", fmt.Errorf("run: %w", err)
		}
		path = fmt.Sprintf("%s-%d", first, i)
	}
}
