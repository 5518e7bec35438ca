package run

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// recorder appends lines to metrics.jsonl. Every line is handed to the operating system as a whole, so that what was recorded
// survives the process.
type recorder struct {
	file *os.File
	size int64
}

// newRecorder opens the metrics file of a folder and cuts it to its first size bytes.
func newRecorder(folder string, size int64) (*recorder, error) {
	f, err := os.OpenFile(filepath.Join(folder, MetricsFile), os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if err := f.Truncate(size); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	if _, err := f.Seek(size, 0); err != nil {
		return nil, fmt.Errorf("run: %w", err)
	}
	return &recorder{f, size}, nil
}

// record appends lines in one piece.
func (r *recorder) record(lines []Line) error {
	var text []byte
	for _, l := range lines {
		encoded, err := json.Marshal(l)
		if err != nil {
			return fmt.Errorf("run: %w", err)
		}
		text = append(append(text, encoded...), '\n')
	}
	n, err := r.file.Write(text)
	r.size += int64(n)
	if err != nil {
		return fmt.Errorf("run: %w", err)
	}
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
