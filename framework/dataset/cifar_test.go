package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// record returns a record of CIFAR: labels, and an image whose red is all first, whose green first+1, whose blue first+2.
func record(first byte, labels ...byte) []byte {
	for c := range 3 {
		labels = append(labels, bytes.Repeat([]byte{first + byte(c)}, 32*32)...)
	}
	return labels
}

// cifar10Files are the files of a data set of 6 training examples and 1 test example. The classes count up through the files.
func cifar10Files() map[string][]byte {
	return map[string][]byte{
		"data_batch_1.bin": append(record(51, 0), record(10, 1)...),
		"data_batch_2.bin": record(20, 2),
		"data_batch_3.bin": record(30, 3),
		"data_batch_4.bin": record(40, 4),
		"data_batch_5.bin": record(50, 5),
		"test_batch.bin":   record(60, 9),
	}
}

func cifar100Files() map[string][]byte {
	return map[string][]byte{
		"train.bin": append(record(1, 4, 30), record(2, 19, 99)...),
		"test.bin":  record(3, 0, 7),
	}
}

// tarFile returns an archive of files below a folder, in an order that is not that of their names, with others between them.
func tarFile(folder string, files map[string][]byte) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(h tar.Header, content []byte) {
		h.Size, h.Mode = int64(len(content)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			panic(err)
		}
		w.Write(content)
	}
	add(tar.Header{Name: folder + "/", Typeflag: tar.TypeDir}, nil)
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names)
	for _, name := range names {
		add(tar.Header{Name: folder + "/" + name, Typeflag: tar.TypeReg}, files[name])
		add(tar.Header{Name: folder + "/" + name + ".html", Typeflag: tar.TypeReg}, []byte("<html>"))
	}
	add(tar.Header{Name: folder + "/link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}, nil)
	w.Close()
	return b.Bytes()
}

func writeFiles(t *testing.T, folder string, files map[string][]byte) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, content)
	}
}

func TestCIFAR10IsReadPackedAndUnpacked(t *testing.T) {
	archive := tarFile("cifar-10-batches-bin", cifar10Files())
	for _, c := range []struct {
		name  string
		path  string // of the option, below the root
		files map[string][]byte
		in    string // where they are put, below the root, which is $BACKSTITCH_DATA
	}{
		{"a folder", "here", cifar10Files(), "here"},
		{"a folder in a folder", "here", cifar10Files(), "here/cifar-10-batches-bin"},
		{"an archive", "here/any.tgz", map[string][]byte{"any.tgz": compressed(archive)}, "here"},
		{"an archive that is not compressed", "here/any.tar", map[string][]byte{"any.tar": archive}, "here"},
		{"an archive in a folder", "here", map[string][]byte{"cifar-10-binary.tar.gz": compressed(archive)}, "here"},
		{"an archive that would unpack elsewhere", "any", map[string][]byte{"any": compressed(tarFile("../../..", cifar10Files()))}, "."},
		{"the data's folder", "", cifar10Files(), "cifar-10/cifar-10-batches-bin"},
		{"an archive in the data's folder", "", map[string][]byte{"cifar-10-binary.tar.gz": compressed(archive)}, "cifar-10"},
		{"unpacked in the root", "", cifar10Files(), "cifar-10-batches-bin"},
		{"an archive in the root", "", map[string][]byte{"cifar-10-binary.tar.gz": compressed(archive)}, "."},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			t.Setenv("BACKSTITCH_DATA", root)
			writeFiles(t, filepath.Join(root, c.in), c.files)
			source := &CIFAR10{}
			if c.path != "" {
				source.Path = filepath.Join(root, c.path)
			}
			d, err := source.Load(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Check(); err != nil {
				t.Error(err)
			}
			if !slices.Equal(d.Train.Targets.F32, []float32{0, 1, 2, 3, 4, 5}) || !slices.Equal(d.Test.Targets.F32, []float32{9}) {
				t.Errorf("classes %v and %v: the files are not in their order", d.Train.Targets, d.Test.Targets)
			}
			if !slices.Equal(d.Train.Shape, []int{3, 32, 32}) || d.Train.Classes != 10 {
				t.Errorf("shape %v in %d classes", d.Train.Shape, d.Train.Classes)
			}
			first := d.Train.Inputs.F32
			if first[0] != 0.2 || first[1023] != 0.2 || first[1024] != 52./255 || first[2048] != 53./255 || first[3072] != 10./255 {
				t.Errorf("pixels are %v, %v, %v, %v, %v", first[0], first[1023], first[1024], first[2048], first[3072])
			}
		})
	}
}

func TestCIFAR100HasFineAndCoarseLabels(t *testing.T) {
	folder := t.TempDir()
	writeFiles(t, folder, map[string][]byte{"cifar-100-binary.tar.gz": compressed(tarFile("cifar-100-binary", cifar100Files()))})
	for _, c := range []struct {
		labels      string
		classes     int
		train, test []float32
	}{
		{"fine", 100, []float32{30, 99}, []float32{7}},
		{"coarse", 20, []float32{4, 19}, []float32{0}},
	} {
		d, err := (&CIFAR100{Path: folder, Labels: c.labels}).Load(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		if !slices.Equal(d.Train.Targets.F32, c.train) || !slices.Equal(d.Test.Targets.F32, c.test) || d.Train.Classes != c.classes {
			t.Errorf("%s: %v and %v in %d classes", c.labels, d.Train.Targets, d.Test.Targets, d.Train.Classes)
		}
		if x := d.Train.Inputs.F32; x[0] != 1./255 || x[1024] != 2./255 || x[3072] != 2./255 {
			t.Errorf("%s: pixels are %v, %v, %v", c.labels, x[0], x[1024], x[3072])
		}
	}
	if source, _ := New("cifar-100"); source.(*CIFAR100).Labels != "fine" {
		t.Error("the labels are not fine by default")
	}
}

func TestAbsentCIFARIsAnErrorThatSaysWhatToDownload(t *testing.T) {
	empty := t.TempDir()
	t.Setenv("BACKSTITCH_DATA", "")
	for _, c := range []struct {
		source Source
		want   []string
	}{
		{&CIFAR10{}, []string{"data set cifar-10: ", "in $BACKSTITCH_DATA/cifar-10, $BACKSTITCH_DATA;", "CIFAR-10 binary version",
			"https://www.cs.toronto.edu/~kriz/cifar.html", "cifar-10-binary.tar.gz", "cifar-10-batches-bin"}},
		{&CIFAR100{Path: empty}, []string{"is in " + empty + ";", "CIFAR-100 binary version", "cifar-100-binary.tar.gz"}},
	} {
		_, err := c.source.Load(context.Background())
		if !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("error %v, want an fs.ErrNotExist", err)
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q does not say %q", err, want)
			}
		}
	}
}

// with returns the files of CIFAR-10, one of which is another; nil to leave it out.
func with(name string, content []byte) map[string][]byte {
	files := cifar10Files()
	files[name] = content
	if content == nil {
		delete(files, name)
	}
	return files
}

func TestBrokenCIFARFilesAreRefused(t *testing.T) {
	wrongLabel := append(record(1, 2), record(1, 10)...)
	for _, c := range []struct {
		name  string
		files map[string][]byte
		want  string // with what is the same in a folder and in an archive
	}{
		{"missing", with("data_batch_3.bin", nil), "lacks data_batch_3.bin"},
		{"cut off", with("data_batch_2.bin", record(1, 2)[:3000]), "data_batch_2.bin: its 3000 bytes are not a whole number of records of 3073"},
		{"empty", with("test_batch.bin", []byte{}), "test_batch.bin: its 0 bytes are not a whole number"},
		{"too long", with("test_batch.bin", append(record(1, 2), 0)), "its 3074 bytes are not a whole number"},
		{"wrong label", with("data_batch_5.bin", wrongLabel), "data_batch_5.bin: label 10 of record 1 is not a class from 0 to 9"},
	} {
		folder := t.TempDir()
		writeFiles(t, folder, c.files)
		archive := filepath.Join(t.TempDir(), "cifar-10-binary.tar.gz")
		writeFile(t, archive, compressed(tarFile("x", c.files)))
		for _, path := range []string{folder, archive} {
			_, err := (&CIFAR10{Path: path}).Load(context.Background())
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: error %v, want %q and %s", c.name, err, c.want, path)
			}
		}
	}
}

func TestBrokenCIFARArchivesAreRefused(t *testing.T) {
	plain := tarFile("cifar-10-batches-bin", cifar10Files())
	packed := compressed(plain)
	damaged := slices.Clone(packed)
	damaged[len(damaged)-8] ^= 1
	var twice bytes.Buffer
	w := tar.NewWriter(&twice)
	for range 2 {
		w.WriteHeader(&tar.Header{Name: "test_batch.bin", Size: 3073, Typeflag: tar.TypeReg, Mode: 0o644})
		w.Write(record(1, 2))
	}
	w.Close()
	for _, c := range []struct {
		name    string
		archive []byte
		want    string
	}{
		{"empty", nil, "it lacks data_batch_1.bin: it is not the binary version, cifar-10-binary.tar.gz"},
		{"the Python version", compressed(tarFile("cifar-10-batches-py", map[string][]byte{"data_batch_1": {1}})), "it is not the binary version"},
		{"CIFAR-100", compressed(tarFile("cifar-100-binary", cifar100Files())), "it lacks data_batch_1.bin"},
		{"a web page", []byte("<!DOCTYPE html>" + strings.Repeat(" ", 1000)), "it is not cifar-10-binary.tar.gz: "},
		{"a short web page", []byte("<html>"), "it is cut off: download it anew"},
		{"cut off in the gzip stream", packed[:len(packed)/2], "it is cut off: download it anew"},
		{"cut off before the checksum", packed[:len(packed)-4], "it is cut off"},
		{"cut off in the archive", compressed(plain[:5000]), "it is cut off"},
		{"damaged", damaged, "it is damaged: gzip: invalid checksum"},
		{"a file twice", twice.Bytes(), "it holds test_batch.bin twice"},
	} {
		path := filepath.Join(t.TempDir(), "archive")
		writeFile(t, path, c.archive)
		_, err := (&CIFAR10{Path: path}).Load(context.Background())
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and %s", c.name, err, c.want, path)
		}
	}
}

func TestACIFARArchiveThatUnpacksWithoutEndIsRefused(t *testing.T) {
	c := cifar{name: "cifar-100", train: []string{"train.bin"}, test: "test.bin", labels: []int{20, 100}}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	w.WriteHeader(&tar.Header{Name: "other", Size: 1 << 40, Typeflag: tar.TypeReg, Mode: 0o644})
	bomb := bytes.Repeat(compressed(make([]byte, 1<<26)), 9) // 576 MiB in gzip members
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := c.unpack(context.Background(), bytes.NewReader(append(compressed(b.Bytes()), bomb...)))
	runtime.ReadMemStats(&after)
	if err == nil || !strings.Contains(err.Error(), "it unpacks to more than that could") {
		t.Errorf("error %v", err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("it took %d bytes of memory", used)
	}
}

func TestLoadingCIFARStopsWhenCancelled(t *testing.T) {
	folder, archive := t.TempDir(), filepath.Join(t.TempDir(), "a.tar")
	writeFiles(t, folder, cifar10Files())
	writeFile(t, archive, tarFile("x", cifar10Files()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, path := range []string{folder, archive} {
		if _, err := (&CIFAR10{Path: path}).Load(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v, want %v", path, err, context.Canceled)
		}
	}
}

// FuzzCIFAR requires that no archive makes the reader fail otherwise than by an error, and that what is accepted is a data set.
func FuzzCIFAR(f *testing.F) {
	c := cifar{name: "x", train: []string{"a"}, test: "b", labels: []int{20, 100}, label: 1}
	valid := tarFile("x", map[string][]byte{"a": record(1, 2, 3), "b": record(4, 5, 6)})
	f.Add(valid)
	f.Add(compressed(valid))
	f.Add(valid[:3000])
	f.Add(tarFile("/x/..", map[string][]byte{"a": record(1, 20, 3), "b": nil}))
	f.Fuzz(func(t *testing.T, archive []byte) {
		read, err := c.unpack(context.Background(), bytes.NewReader(archive))
		if err != nil {
			return
		}
		d := &Dataset{Name: "x", Train: c.split(read["a"]), Test: c.split(read["b"])}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
	})
}
