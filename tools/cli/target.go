package cli

import (
	"archive/zip"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
)

// kind is a kind of file that commands write.
type kind struct {
	name string // with its article
	is   func(path string) bool
}

// What may be written over: a file that a command of the same kind may have written.
var (
	onnxFile   = kind{"an ONNX model", isONNX}
	reportFile = kind{"a report of Backstitch", isReport}
	npzFile    = kind{"an .npz file", isNPZ}
	binaryFile = kind{"a binary of Backstitch", isBinary}
)

// checkTarget refuses to write a file where something else is, or where it would be lost: a folder, a file of another kind, a file that
// is read. An empty file is nobody's work.
func checkTarget(path string, k kind, read ...string) error {
	const another = "name another file"
	if path == "" {
		return exitError{errors.New("the file to write has no name"), exitUsage, another}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
			return exitError{fmt.Errorf("%s: there is no folder %s", path, filepath.Dir(path)), exitFailure, "make it first, or name another one"}
		}
		return nil
	}
	if err != nil {
		return err
	}
	for _, from := range read {
		if other, err := os.Stat(from); err == nil && os.SameFile(info, other) {
			return exitError{fmt.Errorf("this would overwrite %s, which is read", from), exitFailure, another}
		}
	}
	switch {
	case info.IsDir():
		return exitError{fmt.Errorf("%s is a folder", path), exitFailure, "name a file in it"}
	case !info.Mode().IsRegular():
		return exitError{fmt.Errorf("%s is no ordinary file", path), exitFailure, another}
	case info.Size() > 0 && !k.is(path):
		return exitError{fmt.Errorf("%s exists already, and is not %s that could be replaced", path, k.name), exitFailure, another + ", or remove it first"}
	}
	return nil
}

func isONNX(path string) bool {
	m, err := onnx.Load(path)
	return err == nil && len(m.Graph.Nodes) > 0
}

func isReport(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start, err := io.ReadAll(io.LimitReader(f, 64<<10))
	return err == nil && bytes.HasPrefix(start, []byte("<!DOCTYPE html>")) && bytes.Contains(start, []byte("Backstitch</title>"))
}

func isNPZ(path string) bool {
	z, err := zip.OpenReader(path)
	if err != nil {
		return false
	}
	defer z.Close()
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".npy") {
			return false
		}
	}
	return true
}

func isBinary(path string) bool {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		return false
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == backstitchModule {
			return true
		}
	}
	return false
}
