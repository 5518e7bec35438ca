//go:build unix

package onnx_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestExternalDataInAPipeAreRefused(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644); err != nil {
		t.Skip("this system: ", err)
	}
	w := load(t, externalModel(t, dir, "location", "pipe")).Graph.Initializers[0]
	if got, err := w.Float32s(); err == nil || !strings.Contains(err.Error(), `file "pipe" is not a regular file`) {
		t.Errorf("got %v, %v", got, err)
	}
}
