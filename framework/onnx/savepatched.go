package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// SavePatched writes the model of the file source to the file target, with the
// data of some initializers replaced as Patch does it. Files that hold data of
// tensors are copied to the same places next to target, and patched there. No
// file of the source is ever changed: in the folder of the source, initializers
// whose data are in other files cannot be replaced. Other files that are in the
// way are replaced, once all new ones are complete.
func SavePatched(source, target string, tensors ...*Tensor) error {
	return Rewrite(nil).SavePatched(source, target, tensors...)
}

// SavePatched does what the function SavePatched does, with nodes rewritten.
func (r Rewrite) SavePatched(source, target string, tensors ...*Tensor) error {
	if err := r.savePatched(source, target, tensors); err != nil {
		return fmt.Errorf("onnx: saving %s with new data as %s: %w", source, target, err)
	}
	return nil
}

func (r Rewrite) savePatched(source, target string, tensors []*Tensor) error {
	original, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	if original, err = r.apply(original); err != nil {
		return err
	}
	m, err := decode(original)
	if err != nil {
		return err
	}
	model, external, err := patchModel(original, tensors)
	if err != nil {
		return err
	}
	files, err := m.dataFiles(filepath.Dir(source), external)
	if err != nil {
		return err
	}
	return saveBeside(source, target, model, files, func(*dataFile) bool { return true })
}

// SaveEdited writes m, which was made from the model of the file source, to the
// file target, with nodes rewritten. Files that hold data of its tensors are copied to the same places
// next to target. No file of the source is ever changed.
func (r Rewrite) SaveEdited(m *Model, source, target string) error {
	if err := r.saveEdited(m, source, target); err != nil {
		return fmt.Errorf("onnx: saving a model made from %s as %s: %w", source, target, err)
	}
	return nil
}

func (r Rewrite) saveEdited(m *Model, source, target string) error {
	data, err := os.ReadFile(source)
	if err != nil {
		return err
	}
	original, err := decode(data)
	if err != nil {
		return err
	}
	files, err := original.dataFiles(filepath.Dir(source), nil)
	if err != nil {
		return err
	}
	kept, err := m.dataFiles(filepath.Dir(source), nil)
	if err != nil {
		return err
	}
	model, err := r.encode(m)
	if err != nil {
		return err
	}
	return saveBeside(source, target, model, files, func(f *dataFile) bool {
		return slices.ContainsFunc(kept, func(k *dataFile) bool { return k.location == f.location })
	})
}

// saveBeside writes an encoded model to the file target, and those of the
// source's files of data that it needs next to it.
func saveBeside(source, target string, model [][]byte, files []*dataFile, needs func(*dataFile) bool) error {
	s, err := stage(filepath.Dir(target))
	if err != nil {
		return err
	}
	defer s.close()
	name := filepath.Base(target)
	if files, err = s.spareSources(source, name, files); err != nil {
		return err
	}
	for _, f := range files {
		if !needs(f) {
			continue
		}
		if err := s.write(f.location, f.copyTo); err != nil {
			return fmt.Errorf("file %q: %w", f.location, err)
		}
	}
	if err := s.write(name, writeParts(model)); err != nil {
		return err
	}
	return s.commit()
}

// spareSources returns the files that are to be written beside the model of
// that name: all but those that are there already, because source is in the
// same folder. It fails if a file of the source would be overwritten.
func (s *staging) spareSources(source, name string, files []*dataFile) ([]*dataFile, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	sources := []fs.FileInfo{info}
	for _, f := range files {
		sources = append(sources, f.info)
	}
	if _, err := s.replaceable(name, sources); err != nil {
		return nil, err
	}
	var missing []*dataFile
	for _, f := range files {
		if f.location == name {
			return nil, fmt.Errorf("file %q holds data of the model, which cannot have the same name", name)
		}
		existing, err := s.replaceable(f.location, sources)
		if err != nil && (f.patched() || !os.SameFile(existing, f.info)) {
			return nil, err
		}
		if err == nil {
			missing = append(missing, f)
		}
	}
	return missing, nil
}

// replaceable fails if a file of that name exists and is one of the sources, or
// cannot be looked at.
func (s *staging) replaceable(name string, sources []fs.FileInfo) (existing fs.FileInfo, err error) {
	existing, err = s.root.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, source := range sources {
		if os.SameFile(existing, source) {
			return existing, fmt.Errorf("this would overwrite %q, a file of the original model: choose another folder or name", name)
		}
	}
	return existing, nil
}
