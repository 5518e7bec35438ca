package onnx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// placement finds places for files of data beside a new model.
type placement struct {
	folder  *os.Root
	name    string          // of the model
	sources []fs.FileInfo   // the files of the original model, which must stay
	used    []string        // names that no file may get in the place of its own
	old     map[string]bool // locations to which the model that is replaced refers
}

// placement fails if the new model would overwrite a file of the original.
func (s *staging) placement(source, name string, files []*dataFile) (*placement, error) {
	info, err := os.Stat(source)
	if err != nil {
		return nil, err
	}
	p := &placement{folder: s.root, name: name, sources: []fs.FileInfo{info}, used: []string{name}}
	for _, f := range files {
		p.sources = append(p.sources, f.info)
		p.used = append(p.used, f.location)
	}
	existing, err := p.stat(name)
	if err != nil {
		return nil, err
	}
	if p.isSource(existing) {
		return nil, fmt.Errorf("this would overwrite %q, a file of the original model: choose another folder or name", name)
	}
	if existing != nil && existing.Mode().IsRegular() {
		p.old = p.references()
	}
	return p, nil
}

// place returns where f goes: where it was if that is free, or else beside the
// model and under its name. The new model shares the file that is there already
// if it is f itself, unchanged.
func (p *placement) place(f *dataFile) (location string, shared bool, err error) {
	existing, err := p.stat(f.location)
	if err != nil {
		return "", false, err
	}
	if existing != nil && os.SameFile(existing, f.info) && !f.patched() {
		return f.location, true, nil
	}
	if f.location != p.name && p.replaceable(f.location, existing) {
		return f.location, false, nil
	}
	for i := 0; ; i++ {
		location = p.name + ".data"
		if i > 0 {
			location = fmt.Sprintf("%s.%d.data", p.name, i)
		}
		if existing, err = p.stat(location); err != nil {
			return "", false, err
		}
		if !slices.Contains(p.used, location) && p.replaceable(location, existing) {
			p.used = append(p.used, location)
			return location, false, nil
		}
	}
}

// replaceable reports whether the file at a location, if there is one, belongs
// to the model that is replaced and to no other that is known.
func (p *placement) replaceable(location string, existing fs.FileInfo) bool {
	return existing == nil || p.old[location] && !p.isSource(existing)
}

func (p *placement) isSource(existing fs.FileInfo) bool {
	return existing != nil && slices.ContainsFunc(p.sources, func(source fs.FileInfo) bool { return os.SameFile(existing, source) })
}

// stat returns nil if there is no file of that name.
func (p *placement) stat(name string) (fs.FileInfo, error) {
	info, err := p.folder.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

// references returns the locations to which the file that is replaced refers:
// none if it is not a model.
func (p *placement) references() map[string]bool {
	data, err := p.folder.ReadFile(p.name)
	if err != nil {
		return nil
	}
	m, err := decode(data)
	if err != nil {
		return nil
	}
	locations := map[string]bool{}
	m.eachTensor(func(t *Tensor) {
		if r, err := t.reference(); err == nil && t.storage == externalData {
			locations[r.location] = true
		}
	})
	return locations
}
