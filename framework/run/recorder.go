package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// errGone ends a run whose folder is not its own any more.
var errGone = errors.New("is gone, or another file stands in its place: the run cannot be recorded any more")

// recorder appends lines to metrics.jsonl. They are handed to the operating system at once, so that what was recorded survives the
// process, and they are on the disk before a checkpoint counts them, so that they survive the system.
type recorder struct {
	path  string
	file  metricsFile
	info  fs.FileInfo // of the file, to see that it is still there
	lines int         // recorded so far, in this run and the one that it resumes
	known []Line      // those that come next and stand in the file already
}

// metricsFile is what a recorder does with its file.
type metricsFile interface {
	io.WriteCloser
	Sync() error
}

// newRecorder opens the metrics file of a folder, whose lines these are. The first ones are taken as recorded; those behind them are
// computed again, compared, and kept; a last line that was cut off is removed.
func newRecorder(folder string, lines []Line, recorded int) (r *recorder, err error) {
	path := filepath.Join(folder, MetricsFile)
	_, size, err := readLines(path)
	if err != nil {
		return nil, err
	}
	r = &recorder{path: path, lines: recorded, known: lines[recorded:]}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	r.file = file
	if r.info, err = file.Stat(); err == nil {
		err = file.Truncate(size)
	}
	if err == nil {
		_, err = file.Seek(size, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("run: %w", err)
	}
	syncFolder(folder)
	return r, nil
}

// present returns errGone unless the file stands where it was opened.
func (r *recorder) present() error {
	if now, err := os.Stat(r.path); err != nil || !os.SameFile(now, r.info) {
		return fmt.Errorf("run: %s %w", r.path, errGone)
	}
	return nil
}

// record appends lines in one piece.
func (r *recorder) record(lines []Line) error {
	if err := r.present(); err != nil {
		return err
	}
	var text []byte
	for _, l := range lines {
		if r.lines++; len(r.known) > 0 {
			if err := r.known[0].compare(l); err != nil {
				return fmt.Errorf("run: %s:%d: %w", r.path, r.lines, err)
			}
			r.known = r.known[1:]
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
	return nil
}

// sync returns when all lines are on the disk.
func (r *recorder) sync() error {
	if err := r.file.Sync(); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	return nil
}

func (r *recorder) close() error {
	if err := r.sync(); err != nil {
		r.file.Close()
		return err
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
