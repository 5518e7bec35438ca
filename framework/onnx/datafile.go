package onnx

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// dataFile is a file of external data, and what a model has in it.
type dataFile struct {
	folder, location string
	info             fs.FileInfo
	uses             []use // by offset
}

// use is the bytes of one tensor.
type use struct {
	span
	tensor   *Tensor
	checksum string // of the whole file
	new      []byte // what replaces them, or nil
}

// dataFiles returns the files that hold data of m, which was read from the
// folder, and what is replaced in them.
func (m *Model) dataFiles(folder string, replaced []replacement) ([]*dataFile, error) {
	byName := make(map[string][]byte, len(replaced))
	for _, r := range replaced {
		byName[r.old.Name] = r.raw
	}
	newData := make(map[*Tensor][]byte, len(replaced))
	for _, t := range m.Graph.Initializers {
		newData[t] = byName[t.Name]
	}
	for name, t := range m.Graph.constants() {
		newData[t] = byName[name]
	}
	files := dataFiles{folder: folder, byLocation: make(map[string]*dataFile)}
	var failed error
	m.eachTensor(func(t *Tensor) {
		if failed != nil || t.storage != externalData {
			return
		}
		if err := files.add(t, newData[t]); err != nil {
			failed = fmt.Errorf("tensor %q: external data: %w", t.Name, err)
		}
	})
	if failed != nil {
		return nil, failed
	}
	for _, f := range files.list {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("file %q: %w", f.location, err)
		}
	}
	return files.list, nil
}

// dataFiles are the files of a model, in the order in which tensors refer to
// them.
type dataFiles struct {
	folder     string
	list       []*dataFile
	byLocation map[string]*dataFile
}

func (d *dataFiles) add(t *Tensor, replacement []byte) error {
	r, err := t.reference()
	if err != nil {
		return err
	}
	f, err := d.file(r.location)
	if err != nil {
		return err
	}
	bytes, err := r.within(f.info.Size())
	if err != nil {
		return err
	}
	if replacement != nil && bytes.length != int64(len(replacement)) {
		return fmt.Errorf("file %q has %d bytes for %d bytes of new data", r.location, bytes.length, len(replacement))
	}
	f.uses = append(f.uses, use{bytes, t, r.checksum, replacement})
	return nil
}

func (d *dataFiles) file(location string) (*dataFile, error) {
	if f := d.byLocation[location]; f != nil {
		return f, nil
	}
	open, err := openExternal(d.folder, location)
	if err != nil {
		return nil, err
	}
	f := &dataFile{folder: d.folder, location: location, info: open.info}
	d.byLocation[location] = f
	d.list = append(d.list, f)
	return f, open.Close()
}

func (f *dataFile) patched() bool {
	return slices.ContainsFunc(f.uses, func(u use) bool { return u.new != nil })
}

// check fails if what is replaced belongs to something else too.
func (f *dataFile) check() error {
	slices.SortStableFunc(f.uses, func(a, b use) int { return cmp.Compare(a.offset, b.offset) })
	patched := f.patched()
	var widest use // of those before u, the one that ends last
	for _, u := range f.uses {
		if patched && u.checksum != "" {
			return fmt.Errorf("tensor %q has its checksum, which new data would break", u.tensor.Name)
		}
		replaced := u.new != nil || widest.new != nil
		if replaced && u.length > 0 && u.offset < widest.end() && !(u.span == widest.span && bytes.Equal(u.new, widest.new)) {
			return fmt.Errorf("tensors %q and %q share bytes, and cannot have different data", widest.tensor.Name, u.tensor.Name)
		}
		if u.end() > widest.end() {
			widest = u
		}
	}
	return nil
}

// copyTo writes the file with what is replaced in it.
func (f *dataFile) copyTo(target *os.File) error {
	source, err := openExternal(f.folder, f.location)
	if err != nil {
		return err
	}
	defer source.Close()
	if _, err := io.Copy(target, source.File); err != nil {
		return err
	}
	for _, u := range f.uses {
		if _, err := target.WriteAt(u.new, u.offset); err != nil {
			return err
		}
	}
	return nil
}
