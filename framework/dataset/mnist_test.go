package dataset

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeImages writes a data set of 3 training and 2 test images in four files and returns their paths by name.
func writeImages(t *testing.T, folder string, compress bool) map[string]string {
	t.Helper()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for name, file := range map[string][]byte{
		"train-images-idx3-ubyte": idxFile(countUp(3*28*28), 3, 28, 28),
		"train-labels-idx1-ubyte": idxFile([]byte{9, 0, 4}, 3),
		"t10k-images-idx3-ubyte":  idxFile(countUp(2*28*28), 2, 28, 28),
		"t10k-labels-idx1-ubyte":  idxFile([]byte{1, 2}, 2),
	} {
		path := filepath.Join(folder, name)
		if compress {
			path, file = path+".gz", compressed(file)
		}
		paths[name] = path
		writeFile(t, path, file)
	}
	return paths
}

func writeFile(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFourFilesAreReadPlainAndCompressed(t *testing.T) {
	for name, prepare := range map[string]func(folder string){
		"plain": func(folder string) { writeImages(t, folder, false) },
		"gzip":  func(folder string) { writeImages(t, folder, true) },
		"gzip under a plain name": func(folder string) {
			for _, path := range writeImages(t, folder, true) {
				if err := os.Rename(path, strings.TrimSuffix(path, ".gz")); err != nil {
					t.Fatal(err)
				}
			}
		},
	} {
		folder := t.TempDir()
		prepare(folder)
		d, err := (&MNIST{Path: folder}).Load(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d.Train.Len() != 3 || d.Test.Len() != 2 || d.Train.Targets.At(0) != 9 || d.Test.Targets.At(1) != 2 {
			t.Errorf("%s: %d and %d examples with labels %v and %v", name, d.Train.Len(), d.Test.Len(), d.Train.Targets, d.Test.Targets)
		}
		if got := d.Train.Inputs.F32[51]; got != 0.2 {
			t.Errorf("%s: a pixel of 51 is %v, want 51/255", name, got)
		}
	}
}

func TestFolders(t *testing.T) {
	for _, c := range []struct {
		name   string
		source func(root string) Source
		folder string // below the root, which is $BACKSTITCH_DATA
	}{
		{"mnist in its folder", func(string) Source { return &MNIST{} }, "mnist"},
		{"fashion-mnist in its folder", func(string) Source { return &FashionMNIST{} }, "fashion-mnist"},
		{"fashion-mnist in the root", func(string) Source { return &FashionMNIST{} }, "."},
		{"path", func(root string) Source { return &MNIST{Path: filepath.Join(root, "elsewhere")} }, "elsewhere"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			t.Setenv("BACKSTITCH_DATA", root)
			writeImages(t, filepath.Join(root, c.folder), true)
			d, err := c.source(root).Load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if d.Train.Len() != 3 {
				t.Errorf("%d examples, want the 3 that were written", d.Train.Len())
			}
		})
	}
}

func TestAbsentDataAreAnErrorThatHelps(t *testing.T) {
	root, empty := t.TempDir(), t.TempDir()
	writeImages(t, filepath.Join(root, "mnist"), false)
	writeImages(t, filepath.Join(root, "fashion-mnist"), false)
	for _, c := range []struct {
		name, data string
		source     Source
		want       []string
	}{
		{"a path is the only place", root, &FashionMNIST{Path: empty},
			[]string{"in " + empty + ";", "apt-get install dataset-fashion-mnist", "https://github.com/zalandoresearch/fashion-mnist", "train-images-idx3-ubyte"}},
		{"the user's folder", empty, &MNIST{}, []string{filepath.Join(empty, "mnist"), "BACKSTITCH_DATA"}},
		{"no folder at all", "", &MNIST{}, []string{"in $BACKSTITCH_DATA/mnist;"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv("BACKSTITCH_DATA", c.data)
			_, err := c.source.Load(context.Background())
			if !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("error %v, want an fs.ErrNotExist", err)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
		})
	}
}

func TestBrokenFilesAreNamed(t *testing.T) {
	for _, c := range []struct {
		name, file string
		content    []byte // nil to remove the file
		want       string
	}{
		{"missing", "t10k-labels-idx1-ubyte", nil, " lacks t10k-labels-idx1-ubyte"},
		{"not IDX", "train-labels-idx1-ubyte", []byte("<html>"), "not an IDX file"},
		{"wrong side", "t10k-images-idx3-ubyte", idxFile(make([]byte, 2*32*32), 2, 32, 32), "its examples have shape [32 32], not [28 28]"},
		{"counts differ", "train-labels-idx1-ubyte", idxFile([]byte{1, 2}, 2), "it holds 2 labels, but "},
		{"label too large", "t10k-labels-idx1-ubyte", idxFile([]byte{3, 10}, 2), "label 10 of example 1 is not a class from 0 to 9"},
	} {
		folder := t.TempDir()
		path := writeImages(t, folder, false)[c.file]
		if c.content == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			path = folder
		} else {
			writeFile(t, path, c.content)
		}
		_, err := (&FashionMNIST{Path: folder}).Load(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want %q and %s", c.name, err, c.want, path)
		}
	}
}

func TestLoadingStopsWhenCancelled(t *testing.T) {
	folder := t.TempDir()
	writeImages(t, folder, false)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&MNIST{Path: folder}).Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

func BenchmarkLoadFashionMNIST(b *testing.B) {
	for b.Loop() {
		if _, err := (&FashionMNIST{}).Load(context.Background()); err != nil {
			b.Skip(err)
		}
	}
}
