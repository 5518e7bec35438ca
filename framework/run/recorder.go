package run

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// recorder appends lines to metrics.jsonl. They are handed to the operating system at once, so that what was recorded survives
// the process.
type recorder struct {
	file  *os.File
	lines int // recorded so far, in this run and the one that it resumes
	known int // of those that come next, how many stand in the file already
}

// newRecorder opens the metrics file of a folder, of which the first lines are taken as recorded. Those behind them are computed
// again, to the same numbers, and are kept; a last line that was cut off is removed.
func newRecorder(folder string, lines int) (*recorder, error) {
	path := filepath.Join(folder, MetricsFile)
	whole, size, err := readLines(path)
	if err != nil {
		return nil, err
	}
	if len(whole) < lines {
		return nil, fmt.Errorf("run: %s has %d lines, but the checkpoint beside it was made after %d", path, len(whole), lines)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if err := f.Truncate(size); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if _, err := f.Seek(size, io.SeekStart); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return &recorder{f, lines, len(whole) - lines}, nil
}

// record appends lines in one piece.
func (r *recorder) record(lines []Line) error {
	var text []byte
	for i, l := range lines {
		if i < r.known {
			continue
		}
		encoded, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		text = append(append(text, encoded...), '\n')
	}
	if _, err := r.file.Write(text); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	r.lines += len(lines)
	r.known = max(0, r.known-len(lines))
	return nil
}

func (r *recorder) close() error {
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return r.file.Close()
}

func writeInfo(folder string, info Info) error {
	return WriteFile(filepath.Join(folder, InfoFile), func(w io.Writer) error {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(info)
	})
}
