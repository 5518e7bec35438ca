package dataset

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func init() {
	Register("cifar-10", "32×32 colour images in 10 classes, 50,000 for training and 10,000 for test (the binary version)",
		func() Source { return &CIFAR10{} })
	Register("cifar-100", "32×32 colour images in 100 classes or 20, 50,000 for training and 10,000 for test (the binary version)",
		func() Source { return &CIFAR100{Labels: "fine"} })
}

// CIFAR10 is the data set of A. Krizhevsky (Learning Multiple Layers of Features from Tiny Images, 2009), with pixels scaled to
// [0, 1] and examples of shape [3 32 32] in the order of the files.
//
// Its binary version, cifar-10-binary.tar.gz or what is unpacked from it, is looked for in Path alone if it is set; else in
// $BACKSTITCH_DATA/cifar-10 and $BACKSTITCH_DATA. The error where there is none is an fs.ErrNotExist.
type CIFAR10 struct {
	Path string `toml:"path" path:"true" doc:"cifar-10-binary.tar.gz, or a folder of it or its files (default: $BACKSTITCH_DATA/cifar-10, $BACKSTITCH_DATA)"`
}

// CIFAR100 is like CIFAR10, with 100 classes in 20 groups, which may be used as the classes.
//
// Its binary version, cifar-100-binary.tar.gz or what is unpacked from it, is looked for in Path alone if it is set; else in
// $BACKSTITCH_DATA/cifar-100 and $BACKSTITCH_DATA. The error where there is none is an fs.ErrNotExist.
type CIFAR100 struct {
	Path   string `toml:"path" path:"true" doc:"cifar-100-binary.tar.gz, or a folder of it or its files (default: $BACKSTITCH_DATA/cifar-100, $BACKSTITCH_DATA)"`
	Labels string `toml:"labels" doc:"fine: the 100 classes; coarse: their 20 groups" oneof:"fine coarse"`
}

var (
	_ Source = (*CIFAR10)(nil)
	_ Source = (*CIFAR100)(nil)
)

// Load reads the six files.
func (c *CIFAR10) Load(ctx context.Context) (*Dataset, error) {
	return cifar{
		name:   "cifar-10",
		folder: "cifar-10-batches-bin",
		train:  []string{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
		test:   "test_batch.bin",
		labels: []int{10},
	}.load(ctx, c.Path)
}

// Load reads the two files.
func (c *CIFAR100) Load(ctx context.Context) (*Dataset, error) {
	f := cifar{
		name:   "cifar-100",
		folder: "cifar-100-binary",
		train:  []string{"train.bin"},
		test:   "test.bin",
		labels: []int{20, 100},
		label:  1,
	}
	if c.Labels == "coarse" {
		f.label = 0
	}
	return f.load(ctx, c.Path)
}

// cifar is a data set in the binary format of its distribution: files of records, each of a byte for every label, and 32×32 bytes
// for the red, the green and the blue.
type cifar struct {
	name, folder string
	train        []string // files, in their order
	test         string
	labels       []int // the classes of each label
	label        int   // the one that is used
}

const (
	cifarSide    = 32
	cifarPixels  = 3 * cifarSide * cifarSide
	maxCIFARFile = 1 << 28 // bytes; the largest that exists has 153,700,000
)

func (c cifar) archive() string { return c.name + "-binary.tar.gz" }
func (c cifar) files() []string { return append(slices.Clone(c.train), c.test) }

func (c cifar) load(ctx context.Context, path string) (*Dataset, error) {
	places := foldersOr(path, inData(c.name), inData(""))
	read, err := c.read(ctx, places)
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", c.name, err)
	}
	var training [][]byte
	total := 0
	for _, name := range c.train {
		training = append(training, read[name])
		total += len(read[name])
	}
	if err := affordable("what they hold", int64(total+len(read[c.test])), 4); err != nil {
		return nil, fmt.Errorf("data set %s: %w", c.name, err)
	}
	return &Dataset{Name: c.name, Train: c.split(training...), Test: c.split(read[c.test])}, nil
}

// read returns the content of the files, by name, from the first place that has them: an archive, the folder that it unpacks to, or
// a folder of either.
func (c cifar) read(ctx context.Context, places []string) (map[string][]byte, error) {
	for _, place := range places {
		for _, candidate := range []string{place, filepath.Join(place, c.folder), filepath.Join(place, c.archive())} {
			info, err := os.Stat(candidate)
			switch {
			case err != nil:
			case !info.IsDir():
				return c.readArchive(ctx, candidate)
			case c.anyIn(candidate):
				return c.readFolder(ctx, candidate)
			}
		}
	}
	return nil, fmt.Errorf("%w: neither %s nor the folder %s is in %s; download \"%s binary version (suitable for C programs)\" from "+
		"https://www.cs.toronto.edu/~kriz/cifar.html, and put it, packed or unpacked, there or where path or $"+dataVariable+" says",
		fs.ErrNotExist, c.archive(), c.folder, strings.Join(places, ", "), strings.ToUpper(c.name))
}

func (c cifar) anyIn(folder string) bool {
	return slices.ContainsFunc(c.files(), func(name string) bool {
		_, err := os.Stat(filepath.Join(folder, name))
		return err == nil
	})
}

func (c cifar) readFolder(ctx context.Context, folder string) (map[string][]byte, error) {
	read := map[string][]byte{}
	for _, name := range c.files() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		f, err := os.Open(filepath.Join(folder, name))
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("%s lacks %s: unpack %s anew", folder, name, c.archive())
		}
		if err != nil {
			return nil, err
		}
		read[name], err = c.records(interruptible{ctx, f})
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return read, nil
}

func (c cifar) readArchive(ctx context.Context, path string) (map[string][]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	read, err := c.unpack(ctx, interruptible{ctx, f})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return read, nil
}

// unpack reads the files of an archive into memory. Of their paths in it only the last part counts.
func (c cifar) unpack(ctx context.Context, archive io.Reader) (map[string][]byte, error) {
	unpacked, err := decompress(archive)
	if err != nil {
		return nil, err
	}
	read := map[string][]byte{}
	limit := &io.LimitedReader{R: unpacked, N: maxCIFARFile * int64(len(c.files()))}
	for entries := tar.NewReader(limit); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		entry, err := entries.Next()
		if err == io.EOF {
			break
		}
		if err == nil && entry.Typeflag == tar.TypeReg {
			err = c.add(read, path.Base(entry.Name), entries)
		}
		if err != nil {
			return nil, c.broken(err, limit)
		}
	}
	if _, err := io.Copy(io.Discard, limit); err != nil || limit.N <= 0 { // the checksum of all comes last
		return nil, c.broken(err, limit)
	}
	return read, c.complete(read)
}

// add reads an entry of an archive if it is one of the files.
func (c cifar) add(read map[string][]byte, name string, entry io.Reader) (err error) {
	switch {
	case !slices.Contains(c.files(), name):
		return nil
	case read[name] != nil:
		return fmt.Errorf("it holds %s twice: download it anew", name)
	}
	if read[name], err = c.records(entry); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// broken explains why an archive cannot be read on.
func (c cifar) broken(err error, limit *io.LimitedReader) error {
	switch {
	case limit.N <= 0:
		return fmt.Errorf("it is not %s: it unpacks to more than that could: download it anew", c.archive())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is cut off: download it anew")
	case errors.Is(err, tar.ErrHeader):
		return fmt.Errorf("it is not %s: %w", c.archive(), err)
	case errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("it is damaged: %w: download it anew", err)
	}
	return err
}

func (c cifar) complete(read map[string][]byte) error {
	for _, name := range c.files() {
		if read[name] == nil {
			return fmt.Errorf("it lacks %s: it is not the binary version, %s", name, c.archive())
		}
	}
	return nil
}

// records reads a file, and requires that it is whole.
func (c cifar) records(r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, maxCIFARFile+1))
	record := len(c.labels) + cifarPixels
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxCIFARFile:
		return nil, fmt.Errorf("it holds more than %d bytes: it is no file of %s", maxCIFARFile, c.archive())
	case len(content) == 0 || len(content)%record != 0:
		return nil, fmt.Errorf("its %d bytes are not a whole number of records of %d: it is cut off, or no file of %s",
			len(content), record, c.archive())
	}
	for i := 0; i < len(content); i += record {
		for l, classes := range c.labels {
			if class := content[i+l]; int(class) >= classes {
				return nil, fmt.Errorf("label %d of record %d is not a class from 0 to %d: it is damaged, or no file of %s",
					class, i/record, classes-1, c.archive())
			}
		}
	}
	return content, nil
}

// split makes examples of the records of files.
func (c cifar) split(files ...[]byte) *Split {
	record := len(c.labels) + cifarPixels
	n := 0
	for _, content := range files {
		n += len(content) / record
	}
	pixels, classes := make([]float32, 0, n*cifarPixels), make([]float32, 0, n)
	for _, content := range files {
		for ; len(content) > 0; content = content[record:] {
			classes = append(classes, float32(content[c.label]))
			for _, b := range content[len(c.labels):record] {
				pixels = append(pixels, float32(b)/255)
			}
		}
	}
	return &Split{
		Inputs:  array.From32(pixels),
		Shape:   []int{3, cifarSide, cifarSide},
		Targets: array.From32(classes),
		Classes: c.labels[c.label],
	}
}
