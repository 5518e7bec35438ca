package onnx_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/onnx"
	"github.com/seed5b471a7e/backstitch/framework/onnx/onnxtest"
)

// The oracle is ONNX's own collection of models: all are valid, and a change
// to one of them must leave the rest of it as it was.
func TestReadsAndWritesTheModelsOfTheONNXBackendTests(t *testing.T) {
	models, identical := 0, 0
	err := filepath.WalkDir(onnxtest.TestData(t), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "model.onnx" {
			return err
		}
		models++
		original, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m, err := onnx.Load(path)
		if err != nil {
			t.Error(err)
			return nil
		}
		first := encode(t, m)
		if bytes.Equal(first, original) {
			identical++
		}
		again, err := onnx.Decode(first)
		if err != nil {
			t.Errorf("%s, encoded again: %v", path, err)
			return nil
		}
		if !bytes.Equal(first, encode(t, again)) {
			t.Errorf("%s changes when it is decoded and encoded again", path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if models < 1000 || identical < models {
		t.Errorf("%d models found, %d of them written as they were", models, identical)
	}
}

// PyTorch's exporter writes in ways of its own.
func TestWritesExportsOfPyTorchAsTheyWere(t *testing.T) {
	paths, err := filepath.Glob("../model/testdata/*.onnx")
	if err != nil || len(paths) == 0 {
		t.Fatalf("found %q, %v", paths, err)
	}
	for _, path := range paths {
		original, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := onnx.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encode(t, m), original) {
			t.Errorf("%s changes when it is decoded and encoded again", path)
		}
	}
}

func encode(t testing.TB, m *onnx.Model) []byte {
	t.Helper()
	data, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return data
}
