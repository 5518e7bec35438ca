package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// External data are the data of a tensor in a file beside the model. The
// file is named relative to the model's folder, and nothing outside of that
// folder is ever opened, nor anything that is not a regular file. A read opens
// the file, takes the bytes of one tensor and closes it again.

// reference is what external_data says: which bytes of which file.
type reference struct {
	location string // cleaned, with slashes
	offset   int64
	length   int64 // -1: up to the end of the file
	checksum string
}

func (t *Tensor) reference() (reference, error) {
	r := reference{length: -1}
	seen := make(map[string]bool, len(t.external))
	for _, e := range t.external {
		if seen[e.Key] {
			return r, fmt.Errorf("%s is given twice", e.Key)
		}
		seen[e.Key] = true
		var err error
		switch e.Key {
		case "location":
			r.location, err = localPath(e.Value)
		case "offset":
			r.offset, err = byteCount(e)
		case "length":
			r.length, err = byteCount(e)
		case "checksum":
			r.checksum = e.Value
		}
		if err != nil {
			return r, err
		}
	}
	if r.location == "" {
		return r, errors.New("no location says in which file they are")
	}
	return r, nil
}

func byteCount(e Entry) (int64, error) {
	n, err := strconv.ParseInt(e.Value, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s %.40q is not a number of bytes", e.Key, e.Value)
	}
	return n, nil
}

// localPath returns the clean form of a path inside a folder, and refuses what
// is no such path on any system.
func localPath(location string) (string, error) {
	steps := strings.Split(location, "/")
	drive := len(location) > 1 && location[1] == ':'
	if strings.Contains(location, `\`) || drive || slices.Contains(steps, "..") || !filepath.IsLocal(filepath.FromSlash(location)) {
		return "", fmt.Errorf("location %.200q is refused: it must be a path with slashes inside the folder of the model", location)
	}
	return path.Clean(location), nil
}

// span is a run of bytes of a file.
type span struct{ offset, length int64 }

func (s span) end() int64 { return s.offset + s.length }

// within returns the bytes of a file of the given size that r is about.
func (r reference) within(size int64) (span, error) {
	if r.offset > size || r.length > size-r.offset {
		return span{}, fmt.Errorf("offset %d and length %d lead beyond the end of file %q, which has %d bytes",
			r.offset, max(r.length, 0), r.location, size)
	}
	if r.length < 0 {
		return span{r.offset, size - r.offset}, nil
	}
	return span{r.offset, r.length}, nil
}

// externalBytes reads n elements of the given width.
func (t *Tensor) externalBytes(n, width int) ([]byte, error) {
	r, err := t.reference()
	if err != nil {
		return nil, err
	}
	if t.folder == "" {
		return nil, fmt.Errorf("they are in file %q next to the model, which is unknown for a model that was not read with Load", r.location)
	}
	f, err := openExternal(t.folder, r.location)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bytes, err := r.within(f.info.Size())
	if err != nil {
		return nil, err
	}
	if bytes.length%int64(width) != 0 || bytes.length/int64(width) != int64(n) {
		return nil, fmt.Errorf("file %q has %d bytes for %d %v elements of shape %v", r.location, bytes.length, n, t.DType, t.Dims)
	}
	data := make([]byte, bytes.length)
	if _, err := f.ReadAt(data, bytes.offset); err != nil {
		return nil, fmt.Errorf("file %q: %w", r.location, err)
	}
	return data, nil
}

// externalFile is a file of external data, open for reading.
type externalFile struct {
	*os.File
	info fs.FileInfo
}

func openExternal(folder, location string) (*externalFile, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", location, err)
	}
	defer root.Close()
	// A pipe must be refused before it is opened: that could wait for ever.
	if info, err := root.Stat(location); err != nil {
		return nil, unreadable(folder, location, err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("file %q is not a regular file", location)
	}
	f, err := root.Open(location)
	if err != nil {
		return nil, unreadable(folder, location, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("file %q: %w", location, err)
	}
	return &externalFile{f, info}, nil
}

// unreadable explains why a file of external data cannot be opened.
func unreadable(folder, location string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("file %q is missing in %s: the weights are in that file, which belongs next to the model", location, folder)
	}
	if failed := new(fs.PathError); errors.As(err, &failed) {
		err = failed.Err
	}
	return fmt.Errorf("file %q cannot be read: %w (it must be in the folder of the model, %s, and no link that leads out of it)", location, err, folder)
}
