package onnx

import (
	"crypto/rand"
	"os"
	"path"
)

// staging writes files below a folder, each under a temporary name until all
// are complete.
type staging struct {
	root  *os.Root
	files []stagedFile // in the order in which they get their names
}

type stagedFile struct{ temporary, name string }

func stage(folder string) (*staging, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	return &staging{root: root}, nil
}

// write adds a file, whose name may have folders.
func (s *staging) write(name string, content func(*os.File) error) (err error) {
	folder := path.Dir(name)
	if err := s.root.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	temporary := path.Join(folder, ".onnx-"+rand.Text())
	f, err := s.root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	s.files = append(s.files, stagedFile{temporary, name})
	if err := content(f); err != nil {
		f.Close()
		return err
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// commit gives the files their names.
func (s *staging) commit() error {
	for len(s.files) > 0 {
		if err := s.root.Rename(s.files[0].temporary, s.files[0].name); err != nil {
			return err
		}
		s.files = s.files[1:]
	}
	return nil
}

// close removes the files without a name.
func (s *staging) close() {
	for _, f := range s.files {
		s.root.Remove(f.temporary)
	}
	s.root.Close()
}

// writeParts returns the content of a file that is in pieces.
func writeParts(parts [][]byte) func(*os.File) error {
	return func(f *os.File) error {
		for _, part := range parts {
			if _, err := f.Write(part); err != nil {
				return err
			}
		}
		return nil
	}
}
