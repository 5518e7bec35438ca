package dataset

import (
	"context"
	"errors"
	"hash/crc32"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

var loaded = map[string]*Dataset{}

// load returns a data set with its default options, and skips the test if it is one that a user has to install and has not.
func load(t *testing.T, name string) *Dataset {
	t.Helper()
	if loaded[name] == nil {
		source, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		loaded[name] = loadFrom(t, source)
	}
	return loaded[name]
}

func loadFrom(t *testing.T, source Source) *Dataset {
	t.Helper()
	d, err := source.Load(context.Background())
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// fixtures write the data sets that no package holds into a folder, and return where to load them from.
var fixtures = map[string]func(t *testing.T, folder string) Source{
	"mnist": func(t *testing.T, folder string) Source {
		writeImages(t, folder, false)
		return &MNIST{Path: folder}
	},
	"cifar-10": func(t *testing.T, folder string) Source {
		writeFiles(t, folder, cifar10Files())
		return &CIFAR10{Path: folder}
	},
	"cifar-100": func(t *testing.T, folder string) Source {
		writeFiles(t, folder, cifar100Files())
		return &CIFAR100{Path: folder}
	},
	"image-folder": func(t *testing.T, folder string) Source {
		writeFiles(t, folder, map[string][]byte{"train/a/1.png": pngFile(2, 3), "test/a/1.png": pngFile(2, 3)})
		return &ImageFolder{Path: folder, Channels: 3}
	},
	"npz": func(t *testing.T, folder string) Source {
		path := filepath.Join(folder, "data.npz")
		writeFile(t, path, npzFile(map[string][]byte{
			"train_inputs": numbers[float32]("(1, 1)", 1), "train_targets": numbers[float32]("(1,)", 1),
			"test_inputs": numbers[float32]("(1, 1)", 1), "test_targets": numbers[float32]("(1,)", 1),
		}))
		return &NPZ{Path: path}
	},
}

func TestEverySourceKeepsItsPromises(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			var d *Dataset
			if fixture := fixtures[name]; fixture != nil {
				d = loadFrom(t, fixture(t, t.TempDir()))
			} else {
				d = load(t, name)
			}
			if err := d.Check(); err != nil {
				t.Error(err)
			}
			if d.Name != name || Doc(name) == "" {
				t.Errorf("registered as %q, it is named %q and documented as %q", name, d.Name, Doc(name))
			}
			if d.Train.Inputs.DType() != array.Float32 || d.Train.Targets.DType() != array.Float32 {
				t.Error("it is not kept in float32")
			}
		})
	}
}

func TestASourceThatNeedsAPathSaysSo(t *testing.T) {
	for _, name := range []string{"image-folder", "npz"} {
		source, err := New(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := source.(plugin.Validator).Validate(); err == nil || !strings.Contains(err.Error(), name+" needs path") {
			t.Errorf("%s: error %v", name, err)
		}
		if _, err := source.Load(context.Background()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want an fs.ErrNotExist", name, err)
		}
	}
}

func TestNewNamesTheSourceThatWasProbablyMeant(t *testing.T) {
	want := `unknown data set "fashion-minst" (did you mean "fashion-mnist"?)`
	if _, err := New("fashion-minst"); err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// knownSplit holds what a few lines of Python found in a raw file: zlib.crc32 over all pixels or labels, one byte each.
type knownSplit struct {
	examples            int
	pixelCRC, labelCRC  uint32
	firstLabels, counts []float64
}

func (k knownSplit) check(t *testing.T, s *Split, shape []int, maxPixel float32) {
	t.Helper()
	if s.Len() != k.examples || !slices.Equal(s.Shape, shape) || s.Classes != 10 {
		t.Fatalf("%d examples of shape %v in %d classes, want %d of %v in 10", s.Len(), s.Shape, s.Classes, k.examples, shape)
	}
	if got := crc(s.Inputs, maxPixel); got != k.pixelCRC {
		t.Errorf("the pixels' checksum is %#x, want %#x", got, k.pixelCRC)
	}
	if got := crc(s.Targets, 1); got != k.labelCRC {
		t.Errorf("the labels' checksum is %#x, want %#x", got, k.labelCRC)
	}
	counts := make([]float64, 10)
	for i := range s.Len() {
		counts[int(s.Targets.At(i))]++
	}
	if !slices.Equal(counts, k.counts) {
		t.Errorf("examples per class are %v, want %v", counts, k.counts)
	}
	for i, want := range k.firstLabels {
		if got := s.Targets.At(i); got != want {
			t.Errorf("label %d is %v, want %v", i, got, want)
		}
	}
}

// crc returns the checksum of an array that was divided by scale, back in bytes.
func crc(a array.Array, scale float32) uint32 {
	raw := make([]byte, a.Len())
	for i, v := range a.F32 {
		raw[i] = byte(v*scale + 0.5)
	}
	return crc32.ChecksumIEEE(raw)
}

func TestFashionMNISTIsTheOriginal(t *testing.T) {
	d := load(t, "fashion-mnist")
	same := func(n float64) []float64 { return slices.Repeat([]float64{n}, 10) }
	knownSplit{60000, 0xae65dccd, 0x2ed6e46a, []float64{9, 0, 0, 3, 0, 2, 7, 2, 5, 5}, same(6000)}.
		check(t, d.Train, []int{1, 28, 28}, 255)
	knownSplit{10000, 0x12728439, 0x242bc73f, []float64{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}, same(1000)}.
		check(t, d.Test, []int{1, 28, 28}, 255)
	if low, high := slices.Min(d.Train.Inputs.F32), slices.Max(d.Train.Inputs.F32); low != 0 || high != 1 {
		t.Errorf("pixels lie in [%v, %v], want [0, 1]", low, high)
	}
}

func TestDigitsAreTheOriginal(t *testing.T) {
	d := load(t, "digits")
	knownSplit{1437, 0x1125806f, 0xbba8d5be, []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, []float64{143, 146, 142, 146, 144, 145, 144, 143, 141, 143}}.
		check(t, d.Train, []int{1, 8, 8}, 16)
	knownSplit{360, 0xb90d49ba, 0xd75f53d4, []float64{2, 3, 4, 5, 6, 7, 8, 9, 0, 9}, []float64{35, 36, 35, 37, 37, 37, 37, 36, 33, 37}}.
		check(t, d.Test, []int{1, 8, 8}, 16)
	if low, high := slices.Min(d.Train.Inputs.F32), slices.Max(d.Train.Inputs.F32); low != 0 || high != 1 {
		t.Errorf("pixels lie in [%v, %v], want [0, 1]", low, high)
	}
}

func TestGraphsAreThoseOfTheirFunctions(t *testing.T) {
	type point struct {
		i    int
		x, y float64
	}
	// From Python: t = i/99; 2*t - 1; math.sin(2*math.pi*t); (math.sin(2*math.pi*t) + math.sin(6*math.pi*t)) / 2.
	for name, points := range map[string][]point{
		"sin":   {{0, -1, 0}, {25, -0.4949494949494949, 0.9998741276738751}, {50, 0.010101010101010166, -0.03172793349806786}, {99, 1, 0}},
		"sines": {{8, -0.8383838383838383, 0.7425320376417384}, {25, -0.4949494949494949, 0.0005033942454335527}, {50, 0.010101010101010166, -0.06339198840112534}, {90, 0.8181818181818181, -0.7652311296682651}},
		"step":  {{0, -1, -1}, {49, -0.010101010101010055, -1}, {50, 0.010101010101010166, 1}, {99, 1, 1}},
	} {
		d := load(t, name)
		if d.Train != d.Test || d.Train.Len() != 100 || d.Train.Classes != 0 || d.Train.TargetSize() != 1 {
			t.Fatalf("%s: %d points in %d classes, targets of size %d", name, d.Train.Len(), d.Train.Classes, d.Train.TargetSize())
		}
		for _, p := range points {
			x, y := d.Train.Inputs.At(p.i), d.Train.Targets.At(p.i)
			if math.Abs(x-p.x) > 1e-7 || math.Abs(y-p.y) > 1e-7 {
				t.Errorf("%s: point %d is (%v, %v), want (%v, %v)", name, p.i, x, y, p.x, p.y)
			}
		}
	}
	for _, s := range []Source{&Sin{Points: 1}, &Sines{Points: 1}, &StepFunction{Points: 1}} {
		if _, err := s.Load(context.Background()); err == nil {
			t.Errorf("%T: one point makes a graph", s)
		}
	}
	// Where t is exactly 1/2.
	d, err := (&StepFunction{Points: 3}).Load(context.Background())
	if err != nil || !slices.Equal(d.Train.Targets.F32, []float32{-1, 1, 1}) {
		t.Errorf("three points of a step are %v, %v", d, err)
	}
}

func TestCheckFindsWhatIsBroken(t *testing.T) {
	numbers := func(x ...float32) array.Array { return array.From32(x) }
	classes := func() *Split {
		return &Split{Inputs: numbers(1, 2, 3, 4), Shape: []int{2}, Targets: numbers(0, 1), Classes: 2}
	}
	for _, c := range []struct {
		name   string
		damage func(d *Dataset)
		want   string // part of the error, "" for none
	}{
		{"nothing", func(d *Dataset) {}, ""},
		{"no split", func(d *Dataset) { d.Test = nil }, "split is missing"},
		{"empty", func(d *Dataset) { d.Test.Inputs = numbers() }, "test split: it holds no examples"},
		{"zero in the shape", func(d *Dataset) { d.Train.Shape = []int{2, 0} }, "cannot have shape [2 0]"},
		{"part of an example", func(d *Dataset) { d.Train.Inputs = numbers(1, 2, 3) }, "3 input numbers are not a whole number of examples"},
		{"NaN", func(d *Dataset) { d.Train.Inputs.F32[1] = float32(math.NaN()) }, "not a finite number"},
		{"too few targets", func(d *Dataset) { d.Train.Targets = numbers(0) }, "1 class indices for 2 examples"},
		{"class too large", func(d *Dataset) { d.Train.Targets = numbers(0, 2) }, "target of example 1 is 2, not a class index from 0 to 1"},
		{"class negative", func(d *Dataset) { d.Train.Targets = numbers(-1, 0) }, "target of example 0 is -1"},
		{"class not whole", func(d *Dataset) { d.Train.Targets = numbers(0.5, 0) }, "target of example 0 is 0.5"},
		{"classes negative", func(d *Dataset) { d.Train.Classes = -1 }, "-1 classes"},
		{"uneven regression", func(d *Dataset) { d.Train.Classes, d.Train.Targets = 0, numbers(1, 2, 3) }, "3 target numbers do not divide among 2 examples"},
		{"no regression targets", func(d *Dataset) { d.Train.Classes, d.Train.Targets = 0, numbers() }, "0 target numbers"},
		{"two shapes", func(d *Dataset) { d.Test.Shape, d.Test.Targets = []int{1}, numbers(0, 1, 1, 1) }, "training examples have shape [2], test examples [1]"},
		{"two kinds", func(d *Dataset) { d.Test.Classes = 0 }, "training targets are one of 2 classes, test targets 1 numbers"},
	} {
		d := &Dataset{Name: "x", Train: classes(), Test: classes()}
		c.damage(d)
		err := d.Check()
		if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}
