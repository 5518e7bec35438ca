package run

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// The files of a run folder.
const (
	RecipeFile  = "recipe.toml"
	InfoFile    = "run.json"
	MetricsFile = "metrics.jsonl"
	ReportFile  = "report.html"
	PlotsFolder = "plots"
)

// Folder is what a run left behind.
type Folder struct {
	Path  string
	Info  Info
	Lines []Line
}

// Open reads a run folder. A last line that was cut off while it was written is ignored, and a run that is recorded as running though no
// process runs in the folder was interrupted.
func Open(path string) (*Folder, error) {
	f := &Folder{Path: path}
	data, err := os.ReadFile(filepath.Join(path, InfoFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, notARun(path)
	}
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if json.Unmarshal(data, &f.Info) != nil || f.Info.Status == "" || !isTable(f.Info.Recipe) {
		return nil, fmt.Errorf("run: %w", &NoRecordError{filepath.Join(path, InfoFile)})
	}
	if f.Info.Status == Running && !held(path) {
		f.Info.Status = Interrupted
	}
	f.Lines, _, err = readLines(filepath.Join(path, MetricsFile))
	return f, err
}

// NoRecordError says that a file, which has the name of a run's record, is none: it was damaged or replaced.
type NoRecordError struct{ File string }

func (e *NoRecordError) Error() string { return e.File + " is not the record of a run" }

// isTable reports whether text is a JSON object.
func isTable(text json.RawMessage) bool { return len(text) > 0 && text[0] == '{' }

// notARun is the error of a folder without a record.
func notARun(path string) error {
	if _, err := os.Stat(filepath.Join(path, LockFile)); err == nil {
		return fmt.Errorf("run: the run in %s was killed before it had begun: start it again with the same command", path)
	}
	return fmt.Errorf("run: %s is not a run folder: it has no %s", path, InfoFile)
}

// Line returns what was recorded of a state.
func (f *Folder) Line(w Wanted) (l Line, recorded bool) {
	i := slices.IndexFunc(f.Lines, func(l Line) bool { return l.Arrangement == w.Arrangement && l.Seed == w.Seed && l.Iterate == w.Iterate })
	if i < 0 {
		return l, false
	}
	return f.Lines[i], true
}

// readLines returns the whole lines of a metrics file and the number of bytes that they take.
func readLines(path string) (lines []Line, size int64, err error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("run: %w", err)
	}
	reader := bufio.NewReader(bytes.NewReader(data))
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if err != nil { // the end of the file, perhaps in the middle of a line
			return lines, size, nil
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, 0, fmt.Errorf("run: %s:%d: %w", path, number, err)
		}
		lines = append(lines, l)
		size += int64(len(text))
	}
}
