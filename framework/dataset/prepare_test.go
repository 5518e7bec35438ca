package dataset

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// made is a source of a data set that exists already.
type made struct{ *Dataset }

func (m made) Load(context.Context) (*Dataset, error) { return m.Dataset, nil }

// pictures returns images of any shape with pixels 0, 1, 2 and so on.
func pictures(d array.DType, count int, shape ...int) *Split {
	s := &Split{Shape: shape, Targets: array.New(array.Float32, count), Classes: 1}
	s.Inputs = array.New(d, count*s.InputSize())
	for i := range s.Inputs.Len() {
		s.Inputs.Set(i, float64(i))
	}
	return s
}

func TestImagesAreResizedAsByPyTorch(t *testing.T) {
	raw, err := os.ReadFile("testdata/interpolate.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		From, To       [2]int
		Image, Resized []float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil || len(cases) < 10 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		twice := append(slices.Clone(c.Image), c.Image...) // two channels
		got := interpolate(t.Context(), twice, 2, c.From[0], c.From[1], c.To[0], c.To[1])
		want := append(slices.Clone(c.Resized), c.Resized...)
		if len(got) != len(want) {
			t.Fatalf("%v to %v: %d pixels, want %d", c.From, c.To, len(got), len(want))
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-11 {
				t.Errorf("%v to %v: pixel %d is %v, want %v", c.From, c.To, i, got[i], want[i])
				break
			}
		}
	}
}

func TestAnImageOfTheRightSizeIsNotChanged(t *testing.T) {
	s := pictures(array.Float32, 1, 1, 3, 7)
	if got := interpolate(t.Context(), s.Inputs.F32, 1, 3, 7, 3, 7); !slices.Equal(got, s.Inputs.F32) {
		t.Errorf("%v became %v", s.Inputs.F32, got)
	}
}

func TestImagesAreResizedBeforeTheyAreNormalized(t *testing.T) {
	for _, precision := range []array.DType{array.Float32, array.Float64} {
		original := pictures(precision, 2, 2, 1, 2)
		before := original.Inputs.Clone()
		d, err := Load(context.Background(), made{&Dataset{"x", original, original}}, Preparation{
			Resize:    []int{1, 1},
			Normalize: Normalization{Mean: []float64{0.5, 1}, Std: []float64{1, 2}},
		})
		if err != nil {
			t.Fatal(err)
		}
		// The channels are (0, 1), (2, 3), (4, 5), (6, 7); their means are 0.5, 2.5, 4.5, 6.5.
		want := array.New(precision, 4)
		for i, v := range []float64{0, 0.75, 4, 2.75} {
			want.Set(i, v)
		}
		if !d.Train.Inputs.Equal(want) || !slices.Equal(d.Train.Shape, []int{2, 1, 1}) {
			t.Errorf("%s: %v of shape %v, want %v", precision, d.Train.Inputs, d.Train.Shape, want)
		}
		if d.Test != d.Train {
			t.Error("one split became two")
		}
		if !original.Inputs.Equal(before) || original.Shape[2] != 2 {
			t.Error("the data set of the source was changed")
		}
	}
}

func TestNormalizationHoldsForEachChannelOrForAll(t *testing.T) {
	for _, c := range []struct {
		mean, std, want []float64
	}{
		{[]float64{1}, []float64{2}, []float64{-0.5, 0, 0.5, 1, 1.5, 2}},
		{[]float64{1, 2, 4}, []float64{1, 0.5, 0.25}, []float64{-1, 0, 0, 2, 0, 4}},
	} {
		s := pictures(array.Float32, 1, 3, 1, 2)
		before := s.Inputs.Clone()
		d, err := Load(context.Background(), made{&Dataset{"x", s, pictures(array.Float32, 2, 3, 1, 2)}}, Preparation{
			Normalize: Normalization{Mean: c.mean, Std: c.std},
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if got := d.Train.Inputs.At(i); got != want {
				t.Errorf("(%v − %v) / %v is %v, want %v", i, c.mean, c.std, got, want)
			}
		}
		if !s.Inputs.Equal(before) {
			t.Error("the data set of the source was changed")
		}
		if d.Test.Len() != 2 || d.Test.Inputs.At(0) != c.want[0] {
			t.Errorf("the test split is %v", d.Test.Inputs)
		}
	}
}

func TestWhatCannotBePreparedIsRefused(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(1 << 30))
	number := func(x ...float64) []float64 { return x }
	grey, vector := pictures(array.Float32, 2, 1, 2, 2), pictures(array.Float32, 2, 4)
	for _, c := range []struct {
		name  string
		split *Split
		p     Preparation
		want  string
	}{
		{"one size", grey, Preparation{Resize: []int{4}}, "resize has 1 number: write resize = [height, width]"},
		{"no width", grey, Preparation{Resize: []int{4, 0}}, "resize = [4 0]: images need a height and a width of 1 at least"},
		{"three sizes", grey, Preparation{Resize: []int{4, 4, 4}}, "resize has 3 numbers"},
		{"no standard deviation", grey, Preparation{Normalize: Normalization{Mean: number(1)}}, "1 mean, but 0 standard deviations"},
		{"no mean", grey, Preparation{Normalize: Normalization{Std: number(1)}}, "0 means, but 1 standard deviation:"},
		{"zero", grey, Preparation{Normalize: Normalization{Mean: number(1), Std: number(0)}}, "must be greater than 0"},
		{"NaN", grey, Preparation{Normalize: Normalization{Mean: number(1), Std: number(math.NaN())}}, "must be greater than 0"},
		{"other channels", grey, Preparation{Normalize: Normalization{Mean: number(1, 2, 3), Std: number(1, 1, 1)}},
			"data set x: normalize has 3 means for images of 1 channel: give one for each channel, or one for all"},
		{"beyond float32", grey, Preparation{Normalize: Normalization{Mean: number(0), Std: number(1e-300)}}, "its std is too small"},
		{"no images", vector, Preparation{Normalize: Normalization{Mean: number(1), Std: number(1)}}, "not for examples of shape [4]: remove it from [data]"},
		{"no images to resize", vector, Preparation{Resize: []int{2, 2}}, "resize is for images"},
		{"too much memory", grey, Preparation{Resize: []int{1 << 14, 1 << 14}}, ""},
	} {
		if c.want == "" {
			c.split, c.want = pictures(array.Float32, 9, 1, 1, 1), "9 images of 16384×16384 pixels in 1 channel takes 9 GiB of memory, more than the 0.75 GiB that are taken for data: resize to less"
		}
		_, err := Load(context.Background(), made{&Dataset{"x", c.split, c.split}}, c.p)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestWhatIsLoadedIsCheckedFirst(t *testing.T) {
	broken := pictures(array.Float32, 2, 1, 2, 2)
	broken.Targets.Set(1, 7)
	if _, err := Load(context.Background(), made{&Dataset{"x", broken, broken}}, Preparation{Resize: []int{1, 1}}); err == nil ||
		!strings.Contains(err.Error(), "target of example 1 is 7") {
		t.Errorf("error %v", err)
	}
}

func BenchmarkResize(b *testing.B) {
	s := pictures(array.Float32, 100, 3, 32, 32)
	b.SetBytes(int64(100 * 3 * 64 * 64 * 4))
	for b.Loop() {
		interpolate(b.Context(), s.Inputs.F32, 300, 32, 32, 64, 64)
	}
}
