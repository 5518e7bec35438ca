package onnx

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// SavePatched writes the model of the file source to the file target, with the
// data of some initializers replaced as Patch does it. Files that hold data of
// tensors are copied to the same places next to target, and patched there. Where
// something else is in such a place, as in the folder of the source, the data go
// to a file named after target, such as trained.onnx.data, and the tensors refer
// to that. Replaced are only the file target and files of data to which it refers,
// once all new ones are complete, and never a file of the source.
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
// file target, with nodes rewritten. Files that hold data of its tensors are
// copied as SavePatched does it. No file of the source is ever changed.
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
	p, err := s.placement(source, name, files)
	if err != nil {
		return err
	}
	moved := relocation{}
	for _, f := range files {
		if !needs(f) {
			continue
		}
		location, shared, err := p.place(f)
		if err != nil {
			return err
		}
		if shared {
			continue
		}
		if err := s.write(location, f.copyTo); err != nil {
			return fmt.Errorf("file %q: %w", location, err)
		}
		if location != f.location {
			moved[f.location] = location
		}
	}
	if model, err = moved.apply(model); err != nil {
		return err
	}
	if err := s.write(name, writeParts(model)); err != nil {
		return err
	}
	return s.commit()
}
