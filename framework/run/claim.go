package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// LockFile is locked while a process runs in the folder, and holds its number. The system releases the lock however the process ends.
const LockFile = "lock"

// lockPatience is how long a run waits for a process that only looks whether the lock is held.
const lockPatience = 200 * time.Millisecond

// lock makes this process the only one that runs in an existing folder.
func lock(folder string) (*flock.Flock, error) {
	path := filepath.Join(folder, LockFile)
	l := flock.New(path, flock.SetPermissions(0o644))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	locked, err := l.TryLockContext(ctx, lockPatience/20)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, goingOn(folder)
	case errors.Is(err, errors.ErrUnsupported):
		return l, nil // a file system without locks
	case err != nil:
		return nil, fmt.Errorf("run: locking %s: %w", path, err)
	case !locked:
		return nil, goingOn(folder)
	}
	if err := os.WriteFile(path, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil && runtime.GOOS != "windows" { // where a lock hides what it is on
		return nil, errors.Join(fmt.Errorf("run: %w", err), l.Unlock())
	}
	return l, nil
}

// goingOn is the error of a folder in which another process runs.
func goingOn(folder string) error {
	process := "another process"
	content, _ := os.ReadFile(filepath.Join(folder, LockFile))
	if n, err := strconv.Atoi(strings.TrimSpace(string(content))); err == nil {
		process = fmt.Sprintf("process %d", n)
	}
	return fmt.Errorf("run: the run in %s is going on in %s", folder, process)
}

// held reports whether a process runs in the folder.
func held(folder string) bool {
	path := filepath.Join(folder, LockFile)
	if _, err := os.Stat(path); err != nil {
		return false
	}
	l := flock.New(path, flock.SetFlag(os.O_RDONLY))
	locked, err := l.TryRLock()
	if locked {
		err = l.Unlock()
	}
	return err == nil && !locked
}

// claim makes the folder this process's own, if it is that of a run, or one where a run may begin; begun says which. What a killed
// process left half written is removed.
func claim(folder string, resume bool) (l *flock.Flock, begun bool, err error) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("run: %w", err)
	}
	has := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name })
	}
	if has(LockFile) {
		if l, err = lock(folder); err != nil {
			return nil, false, err
		}
	}
	switch begun = has(InfoFile); {
	case begun && resume:
	case !begun && has(LockFile) && !slices.ContainsFunc(entries, foreign): // killed before it had written its record
	case resume:
		err = notARun(folder)
	case len(entries) > 0:
		err = fmt.Errorf("run: the folder %s is not empty: resume the run in it, or choose another", folder)
	default:
		if err = os.MkdirAll(folder, 0o755); err != nil {
			err = fmt.Errorf("run: %w", err)
		}
	}
	if err == nil && l == nil {
		l, err = lock(folder)
	}
	if err == nil {
		err = tidy(folder)
	}
	if err != nil && l != nil {
		err = errors.Join(err, l.Unlock())
	}
	return l, begun, err
}

// foreign reports whether a run did not put this into its folder before its record.
func foreign(e fs.DirEntry) bool {
	return e.Name() != LockFile && e.Name() != RecipeFile && !temporary.MatchString(e.Name())
}

// temporary are the names that WriteFile writes under.
var temporary = regexp.MustCompile(`^\..+-\d+$`)

// tidy removes the temporary files of a process that was killed.
func tidy(folder string) error {
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || !temporary.MatchString(e.Name()) {
			return err
		}
		return os.Remove(path)
	})
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}
