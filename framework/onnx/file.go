package onnx

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Load reads the model in a file. Data of tensors that are in files next to it
// stay there until they are asked for; those files must not change meanwhile.
func Load(path string) (*Model, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("onnx: %s: %w", path, err)
	}
	m.eachTensor(func(t *Tensor) { t.folder = filepath.Dir(path) })
	return m, nil
}

// largestFile is what protocol buffers can hold.
const largestFile = math.MaxInt32

// readFile reads an ordinary file that can be a model.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil: // which reading will say better
	case info.IsDir():
		return nil, fmt.Errorf("%s is a folder, not an ONNX file", path)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no ordinary file", path)
	case info.Size() > largestFile:
		return nil, fmt.Errorf("%s has %d bytes, and an ONNX file at most %d: larger models keep their tensors in files beside it", path, info.Size(), largestFile)
	}
	return os.ReadFile(path)
}

// Decode reads the model that data, the content of an ONNX file, holds. The
// model keeps views of data, which must not change afterwards. It cannot read
// data of tensors that are in other files: Load can.
func Decode(data []byte) (*Model, error) {
	m, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return m, nil
}

func decode(data []byte) (*Model, error) {
	if len(data) == 0 {
		return nil, errors.New("not an ONNX file: it is empty")
	}
	if bytes.HasPrefix(data, []byte("version https://git-lfs")) {
		return nil, errors.New("not an ONNX file but a Git LFS pointer to one: fetch it with git lfs pull")
	}
	m := new(Model)
	err := decodeRecord(data, m, 0)
	m.imports = unusual(m.imports)
	for _, f := range m.Functions {
		f.imports = unusual(f.imports)
	}
	if err == nil {
		err = m.validate()
	}
	if err != nil && m.IRVersion == 0 && m.Graph == nil {
		return nil, fmt.Errorf("not an ONNX file: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if err := m.Graph.sortNodes(); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	for _, f := range m.Functions {
		if err := f.sortNodes(); err != nil {
			return nil, fmt.Errorf("%v: %w", f, err)
		}
	}
	return m, nil
}

// Encode returns the content of an ONNX file that holds m. It fails if m
// breaks a rule of the format, or takes the 2 GiB that a protobuf message
// cannot have.
func (m *Model) Encode() ([]byte, error) {
	parts, err := m.encode()
	if err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return slices.Concat(parts...), nil
}

func (m *Model) encode() (parts [][]byte, err error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	var w writer
	w.fields(m)
	if w.len() > math.MaxInt32 {
		return nil, fmt.Errorf("the model takes %d bytes, and a protobuf message at most %d", w.len(), math.MaxInt32)
	}
	return append(w.parts, w.tail), nil
}

// encode returns the content of an ONNX file that holds m with nodes rewritten.
func (r Rewrite) encode(m *Model) ([][]byte, error) {
	parts, err := m.encode()
	if err != nil || r == nil {
		return parts, err
	}
	rewritten, err := r.apply(slices.Concat(parts...))
	return [][]byte{rewritten}, err
}

// Save writes m to a file. The file is either complete or, after an error, as
// it was before. Files that hold data of tensors are neither written nor
// copied.
func (m *Model) Save(path string) error { return Rewrite(nil).Save(m, path) }

// Save writes m to a file as the method of a Model does, with nodes rewritten.
func (r Rewrite) Save(m *Model, path string) error {
	parts, err := r.encode(m)
	if err == nil {
		err = replaceFile(path, parts)
	}
	if err != nil {
		return fmt.Errorf("onnx: saving %s: %w", path, err)
	}
	return nil
}

// replaceFile writes a file under a temporary name and gives it its own.
func replaceFile(path string, parts [][]byte) error {
	s, err := stage(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.write(filepath.Base(path), writeParts(parts)); err != nil {
		return err
	}
	return s.commit()
}
