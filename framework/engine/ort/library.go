// Package ort runs ONNX models in ONNX Runtime: the independent implementation that imported models are compared with.
//
// The library is found at run time and is never needed to build; where it is missing, or where the program was built without
// cgo, every call says so and how to get it. It is loaded once, and its one environment lasts as long as the process.
package ort

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// LibraryVariable is the environment variable that names the library's file.
const LibraryVariable = "ONNXRUNTIME_LIB"

// getIt says how to get the library.
const getIt = "run tools/setup onnxruntime, or set " + LibraryVariable + " to the library's file"

// ErrNotFound is the error of [Library] where there is no ONNX Runtime.
var ErrNotFound = errors.New("ONNX Runtime was not found: " + getIt)

// Library returns the path of ONNX Runtime's library: what $ONNXRUNTIME_LIB names, else what tools/setup installed, else what is
// in the system's library folders.
func Library() (string, error) {
	if path := os.Getenv(LibraryVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return "", fmt.Errorf("ort: %s: %w: %s", LibraryVariable, err, getIt)
		}
		return path, nil
	}
	for _, pattern := range candidates() {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0], nil
		}
	}
	return "", ErrNotFound
}

func candidates() []string {
	name := "libonnxruntime.so*"
	switch runtime.GOOS {
	case "darwin":
		name = "libonnxruntime*.dylib"
	case "windows":
		name = "onnxruntime.dll"
	}
	var patterns []string
	if cache := setupCache(); cache != "" {
		patterns = append(patterns, filepath.Join(cache, "backstitch", "onnxruntime", name))
	}
	for _, folder := range strings.Fields("/usr/local/lib /usr/lib /usr/lib64 /usr/lib/*-linux-gnu /opt/homebrew/lib") {
		patterns = append(patterns, filepath.Join(folder, name))
	}
	return patterns
}

// setupCache is the folder that tools/setup takes for the user's cache, on every system.
func setupCache() string {
	if cache := os.Getenv("XDG_CACHE_HOME"); cache != "" {
		return cache
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".cache")
}
