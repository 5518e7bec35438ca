// Package onnxtest finds the models that tests read.
package onnxtest

import (
	"cmp"
	"os"
	"testing"
)

// variable names the environment variable that overrides packaged.
const variable = "BACKSTITCH_ONNX_TESTDATA"

// packaged is where Debian's libonnx-testdata puts the ONNX backend tests.
const packaged = "/usr/share/libonnx-testdata/data"

// TestData returns the folder of the ONNX backend tests, with the folders
// node, pytorch-converted, pytorch-operator and simple. It skips the test
// where they are not installed.
func TestData(t testing.TB) string {
	t.Helper()
	dir, err := Find()
	switch {
	case err != nil && os.Getenv(variable) != "":
		t.Fatalf("%s: %v", variable, err)
	case err != nil:
		t.Skipf("the ONNX backend tests are not installed: install Debian's libonnx-testdata, or set %s to their folder", variable)
	}
	return dir
}

// Find returns that folder, or an error where there is none.
func Find() (string, error) {
	dir := cmp.Or(os.Getenv(variable), packaged)
	_, err := os.Stat(dir)
	return dir, err
}
