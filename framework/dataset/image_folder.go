package dataset

import (
	"context"
	"fmt"
	"image"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

func init() {
	Register("image-folder", "PNG and JPEG images of your own, in a folder for each class", func() Source { return &ImageFolder{Channels: 3} })
}

// ImageFolder is a data set of PNG and JPEG files below train and test (or val), in a folder for each class, or in such folders
// alone if images for test are to be held out. Classes are numbered in the order of their names, and examples are in the order
// of class and file name. Examples have the shape [Channels height width], with pixels scaled to [0, 1].
//
// Names that start with a dot are passed over, and so is what stands beside the folders of the classes.
type ImageFolder struct {
	Path         string  `toml:"path" path:"true" doc:"folder of train/CLASS/IMAGE and test/CLASS/IMAGE (or val/…); with test_fraction, of CLASS/IMAGE"`
	Channels     int     `toml:"channels" doc:"3: red, green, blue; 1: grey" range:"[1,3]"`
	TestFraction float64 `toml:"test_fraction" doc:"where no folder is for test: the share of each class that is held out for it" range:"[0,1)"`
	SplitSeed    uint64  `toml:"split_seed" doc:"with test_fraction: decides which images are held out"`
}

var _ Resizer = (*ImageFolder)(nil)

// Validate requires a path and a number of channels that images have.
func (f *ImageFolder) Validate() error {
	switch {
	case f.Path == "":
		return unset("image-folder needs path, a folder that holds train/CLASS/IMAGE and test/CLASS/IMAGE")
	case f.Channels != 1 && f.Channels != 3:
		return fmt.Errorf("channels = %d: write 3 for colour images, 1 for grey ones", f.Channels)
	}
	return nil
}

// Load reads images of one size.
func (f *ImageFolder) Load(ctx context.Context) (*Dataset, error) { return f.load(ctx, 0, 0) }

// LoadResized reads images of any size.
func (f *ImageFolder) LoadResized(ctx context.Context, height, width int) (*Dataset, error) {
	return f.load(ctx, height, width)
}

func (f *ImageFolder) load(ctx context.Context, height, width int) (*Dataset, error) {
	d := &Dataset{Name: "image-folder"}
	err := f.Validate()
	if err == nil {
		d.Train, d.Test, err = f.splits(ctx, height, width)
	}
	if err != nil {
		return nil, fmt.Errorf("data set image-folder: %w", err)
	}
	return d, nil
}

func (f *ImageFolder) splits(ctx context.Context, height, width int) (train, test *Split, err error) {
	forTrain, forTest, err := f.find(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := &pictureReader{channels: f.Channels, height: height, width: width, resize: height > 0}
	if train, err = r.read(ctx, forTrain); err == nil {
		test, err = r.read(ctx, forTest)
	}
	return train, test, err
}

// classFolder is a class with the paths of its images.
type classFolder struct {
	name   string
	images []string
}

// find lists the images for training and for test, by the same classes.
func (f *ImageFolder) find(ctx context.Context) (train, test []classFolder, err error) {
	if _, err := os.ReadDir(f.Path); err != nil {
		return nil, nil, err
	}
	trainFolder, testFolder := firstFolder(f.Path, "train"), firstFolder(f.Path, "test", "val")
	switch {
	case testFolder == "" && f.TestFraction == 0:
		return nil, nil, fmt.Errorf("%s holds no folder test or val: make one, or set test_fraction = 0.2 to hold out a fifth of the images", f.Path)
	case testFolder == "":
		if trainFolder == "" {
			trainFolder = f.Path
		}
		if train, err = listClasses(ctx, trainFolder); err != nil {
			return nil, nil, err
		}
		return f.holdOut(train)
	case f.TestFraction > 0:
		return nil, nil, fmt.Errorf("%s is there for test: remove test_fraction, or that folder", testFolder)
	case trainFolder == "":
		return nil, nil, fmt.Errorf("%s holds no folder train beside %s: make one", f.Path, filepath.Base(testFolder))
	}
	if train, err = listClasses(ctx, trainFolder); err == nil {
		if test, err = listClasses(ctx, testFolder); err == nil {
			err = sameClasses(trainFolder, testFolder, train, test)
		}
	}
	return train, test, err
}

// firstFolder returns the first of these that is a folder, or "".
func firstFolder(path string, names ...string) string {
	for _, name := range names {
		folder := filepath.Join(path, name)
		if info, err := os.Stat(folder); err == nil && info.IsDir() {
			return folder
		}
	}
	return ""
}

func listClasses(ctx context.Context, folder string) ([]classFolder, error) {
	var classes []classFolder
	err := eachEntry(ctx, folder, func(path string, info fs.FileInfo) error {
		if !info.IsDir() {
			if isPicture(path) {
				return fmt.Errorf("%s is in no class: move it into a folder that is named after its class", path)
			}
			return nil
		}
		images, err := listImages(ctx, path)
		classes = append(classes, classFolder{info.Name(), images})
		return err
	})
	if err == nil && len(classes) == 0 {
		err = fmt.Errorf("%s holds no folders: make one for each class, with its images", folder)
	}
	return classes, err
}

func listImages(ctx context.Context, folder string) ([]string, error) {
	var images []string
	err := eachEntry(ctx, folder, func(path string, info fs.FileInfo) error {
		switch {
		case info.IsDir():
			return fmt.Errorf("%s is a folder in a class: move its images up, and remove it", path)
		case !info.Mode().IsRegular() || !isPicture(path):
			return fmt.Errorf("%s is no .png, .jpg or .jpeg file: convert it, or remove it", path)
		}
		images = append(images, path)
		return nil
	})
	if err == nil && len(images) == 0 {
		err = fmt.Errorf("%s holds no images: add some, or remove it", folder)
	}
	return images, err
}

// eachEntry visits what is in a folder, by name, but for hidden files. It follows links.
func eachEntry(ctx context.Context, folder string, visit func(path string, info fs.FileInfo) error) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(folder, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := visit(path, info); err != nil {
			return err
		}
	}
	return nil
}

func sameClasses(trainFolder, testFolder string, train, test []classFolder) error {
	lacks := func(folder string, a, b []classFolder) error {
		for _, class := range b {
			if !slices.ContainsFunc(a, func(c classFolder) bool { return c.name == class.name }) {
				return fmt.Errorf("%s holds no folder %s, but %s does: both need the same classes", folder, class.name, filepath.Dir(class.images[0]))
			}
		}
		return nil
	}
	if err := lacks(trainFolder, train, test); err != nil {
		return err
	}
	return lacks(testFolder, test, train)
}

// holdOut draws the images for test: of each class the same share, but one at least, and not all.
func (f *ImageFolder) holdOut(all []classFolder) (train, test []classFolder, err error) {
	heldOut := 0
	for i, class := range all {
		n := len(class.images)
		count := min(max(int(math.Round(f.TestFraction*float64(n))), 1), n-1)
		chosen := make([]bool, n)
		for _, k := range choose(generator(f.SplitSeed, forHoldOut, i), count, n) {
			chosen[k] = true
		}
		var rest, held []string
		for k, path := range class.images {
			if chosen[k] {
				held = append(held, path)
			} else {
				rest = append(rest, path)
			}
		}
		train, test = append(train, classFolder{class.name, rest}), append(test, classFolder{class.name, held})
		heldOut += count
	}
	if heldOut == 0 {
		return nil, nil, fmt.Errorf("%s has one image for each class: nothing is left to hold out for test", f.Path)
	}
	return train, test, nil
}

// pictureReader reads images of one size, or resizes them. Without a size, the first image has it.
type pictureReader struct {
	channels, height, width int
	resize                  bool
	first                   string // the image that has the size
}

func (r *pictureReader) read(ctx context.Context, classes []classFolder) (*Split, error) {
	count := 0
	for _, class := range classes {
		count += len(class.images)
	}
	var inputs []float32
	targets := make([]float32, 0, count)
	for c, class := range classes {
		for _, path := range class.images {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			img, err := readPicture(path)
			if err != nil {
				return nil, err
			}
			numbers, err := r.numbers(path, img)
			if err != nil {
				return nil, err
			}
			if inputs == nil {
				what := fmt.Sprintf("a split of %d images of %d×%d pixels", count, r.height, r.width)
				if err := affordable(what, int64(count)*int64(len(numbers)), 4); err != nil {
					return nil, fmt.Errorf("%w: set resize = [height, width] to less", err)
				}
				inputs = make([]float32, 0, count*len(numbers))
			}
			inputs, targets = append(inputs, numbers...), append(targets, float32(c))
		}
	}
	return &Split{
		Inputs:  array.From32(inputs),
		Shape:   []int{r.channels, r.height, r.width},
		Targets: array.From32(targets),
		Classes: len(classes),
	}, nil
}

// numbers returns the pixels of an image in the size of them all.
func (r *pictureReader) numbers(path string, img image.Image) ([]float32, error) {
	height, width := img.Bounds().Dy(), img.Bounds().Dx()
	switch {
	case r.resize:
		return interpolate(context.Background(), planes(img, r.channels), r.channels, height, width, r.height, r.width), nil
	case r.first == "":
		r.first, r.height, r.width = path, height, width
	case height != r.height || width != r.width:
		return nil, fmt.Errorf("%s has %d×%d pixels, but %s has %d×%d: set resize = [height, width] to give all images one size",
			path, height, width, r.first, r.height, r.width)
	}
	return planes(img, r.channels), nil
}
