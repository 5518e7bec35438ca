package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// dataVariable names the environment variable that holds the folder where a user keeps data sets.
const dataVariable = "BACKSTITCH_DATA"

func init() {
	Register("fashion-mnist", "28×28 grey images of clothing in 10 classes, 60,000 for training and 10,000 for test (four IDX files)",
		func() Source { return &FashionMNIST{} })
	Register("mnist", "28×28 grey images of handwritten digits, 60,000 for training and 10,000 for test (four IDX files)",
		func() Source { return &MNIST{} })
}

// FashionMNIST is the data set of H. Xiao, K. Rasul and R. Vollgraf (arXiv:1708.07747), with pixels scaled to [0, 1] and examples
// of shape [1 28 28] in the order of the files.
//
// The four files, compressed or not, are looked for in Path alone if it is set; else in $BACKSTITCH_DATA/fashion-mnist,
// $BACKSTITCH_DATA, and the folder of Debian's package dataset-fashion-mnist. The error where there are none is an
// fs.ErrNotExist.
type FashionMNIST struct {
	Path string `toml:"path" path:"true" doc:"folder of the four IDX files (default: $BACKSTITCH_DATA/fashion-mnist, $BACKSTITCH_DATA, Debian's package)"`
}

// MNIST is the data set of Y. LeCun, C. Cortes and C. Burges, with pixels scaled to [0, 1] and examples of shape [1 28 28] in the
// order of the files.
//
// The four files, compressed or not, are looked for in Path alone if it is set; else in $BACKSTITCH_DATA/mnist. The error where
// there are none is an fs.ErrNotExist.
type MNIST struct {
	Path string `toml:"path" path:"true" doc:"folder of the four IDX files (default: $BACKSTITCH_DATA/mnist)"`
}

var (
	_ Source = (*FashionMNIST)(nil)
	_ Source = (*MNIST)(nil)
)

// Load reads the four files.
func (f *FashionMNIST) Load(ctx context.Context) (*Dataset, error) {
	return fourFiles{
		name:    "fashion-mnist",
		folders: foldersOr(f.Path, inData("fashion-mnist"), inData(""), "/usr/share/datasets/fashion-mnist"),
		obtain: "install Debian's package (apt-get install dataset-fashion-mnist), " +
			"or get the files from https://github.com/zalandoresearch/fashion-mnist and set path or $" + dataVariable,
	}.load(ctx)
}

// Load reads the four files.
func (m *MNIST) Load(ctx context.Context) (*Dataset, error) {
	return fourFiles{
		name:    "mnist",
		folders: foldersOr(m.Path, inData("mnist")),
		obtain:  "get the files, for example from https://ossci-datasets.s3.amazonaws.com/mnist/, and set path or $" + dataVariable,
	}.load(ctx)
}

// foldersOr returns path alone if it is set.
func foldersOr(path string, folders ...string) []string {
	if path != "" {
		return []string{path}
	}
	return folders
}

// inData returns a folder below the user's. If the variable is not set, its name stands in the path, for the error to show.
func inData(name string) string {
	root := os.Getenv(dataVariable)
	if root == "" {
		root = "$" + dataVariable
	}
	return filepath.Join(root, name)
}

// fourFiles is a data set of 28×28 images in ten classes, in the files that MNIST is distributed in.
type fourFiles struct {
	name    string
	folders []string // to look in, in this order
	obtain  string   // what to do where there are none
}

// fourNames are the images and labels for training, then those for test.
var fourNames = [4]string{"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}

func (f fourFiles) load(ctx context.Context) (*Dataset, error) {
	paths, err := f.find()
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", f.name, err)
	}
	d := &Dataset{Name: f.name}
	for i, split := range []**Split{&d.Train, &d.Test} {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if *split, err = readImages(ctx, paths[2*i], paths[2*i+1]); err != nil {
			return nil, fmt.Errorf("data set %s: %w", f.name, err)
		}
	}
	return d, nil
}

// find returns the files of the first folder that has any of them.
func (f fourFiles) find() ([4]string, error) {
	for _, folder := range f.folders {
		var paths [4]string
		var missing []string
		for i, name := range fourNames {
			if paths[i] = existing(filepath.Join(folder, name)); paths[i] == "" {
				missing = append(missing, name)
			}
		}
		if len(missing) == 0 {
			return paths, nil
		}
		if len(missing) < len(fourNames) {
			return paths, fmt.Errorf("%s lacks %s", folder, strings.Join(missing, " and "))
		}
	}
	return [4]string{}, fmt.Errorf("%w: none of %s, plain or .gz, in %s; %s",
		fs.ErrNotExist, strings.Join(fourNames[:], ", "), strings.Join(f.folders, ", "), f.obtain)
}

// existing returns path as it is or with the suffix .gz, whichever exists, or "".
func existing(path string) string {
	for _, p := range []string{path, path + ".gz"} {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) {
			return p
		}
	}
	return ""
}

func readImages(ctx context.Context, imagesPath, labelsPath string) (*Split, error) {
	const side, classes = 28, 10
	labels, err := readIDX(ctx, labelsPath, 1)
	if err != nil {
		return nil, err
	}
	images, err := readIDX(ctx, imagesPath, 3, side, side)
	if err != nil {
		return nil, err
	}
	if images.sizes[0] != labels.sizes[0] {
		return nil, fmt.Errorf("%s: it holds %d labels, but %s holds %d images", labelsPath, labels.sizes[0], imagesPath, images.sizes[0])
	}
	for i, c := range labels.data {
		if c >= classes {
			return nil, fmt.Errorf("%s: label %d of example %d is not a class from 0 to %d", labelsPath, c, i, classes-1)
		}
	}
	return &Split{
		Inputs:  scaled(images.data, 255),
		Shape:   []int{1, side, side},
		Targets: scaled(labels.data, 1),
		Classes: classes,
	}, nil
}

// scaled returns bytes as float32 numbers, divided by max.
func scaled(bytes []byte, max float32) array.Array {
	var table [256]float32
	for b := range table {
		table[b] = float32(b) / max
	}
	x := make([]float32, len(bytes))
	for i, b := range bytes {
		x[i] = table[b]
	}
	return array.From32(x)
}
