package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/seed5b471a7e/backstitch/framework/array"
)

// Preparation is what is done to the images of a data set once, after they are loaded: they are resized, then normalized. Its zero
// value does nothing.
type Preparation struct {
	Resize    []int `toml:"resize" doc:"resize images to [height, width] (default: keep their size)" range:"[1,16384]"`
	Normalize Normalization
}

// Normalization replaces each pixel x by (x − mean) / std, with a mean and a standard deviation for each channel, or one for all.
// Its zero value does nothing.
type Normalization struct {
	Mean []float64 `toml:"mean" doc:"what is subtracted: a number for each channel, or one for all" range:"(-inf,inf)"`
	Std  []float64 `toml:"std" doc:"what is divided by, after that: as many numbers" range:"(0,inf)"`
}

// Resizer is a source whose images may differ in size. It resizes them while it loads them.
type Resizer interface {
	Source
	// LoadResized loads the data set with images of this height and width.
	LoadResized(ctx context.Context, height, width int) (*Dataset, error)
}

// Load loads a data set, checks it, and prepares its images.
func Load(ctx context.Context, source Source, p Preparation) (*Dataset, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	d, err := p.load(ctx, source)
	if err != nil {
		return nil, err
	}
	if err := d.Check(); err != nil {
		return nil, err
	}
	if len(p.Resize) == 0 && len(p.Normalize.Mean) == 0 {
		return d, nil
	}
	prepared := &Dataset{Name: d.Name}
	if prepared.Train, err = p.apply(ctx, d.Train); err == nil {
		if prepared.Test = prepared.Train; d.Test != d.Train {
			prepared.Test, err = p.apply(ctx, d.Test)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("data set %s: %w", d.Name, err)
	}
	return prepared, nil
}

func (p Preparation) load(ctx context.Context, source Source) (*Dataset, error) {
	if r, ok := source.(Resizer); ok && len(p.Resize) > 0 {
		return r.LoadResized(ctx, p.Resize[0], p.Resize[1])
	}
	return source.Load(ctx)
}

// Validate refuses what no images can be prepared with.
func (p Preparation) Validate() error {
	switch n := len(p.Resize); {
	case n != 0 && n != 2:
		return fmt.Errorf("resize has %s: write resize = [height, width]", counted(n, "number"))
	case n == 2 && min(p.Resize[0], p.Resize[1]) < 1:
		return fmt.Errorf("resize = %v: images need a height and a width of 1 at least", p.Resize)
	}
	return p.Normalize.Validate()
}

// Validate requires as many means as standard deviations.
func (n Normalization) Validate() error {
	switch {
	case len(n.Mean) != len(n.Std):
		return fmt.Errorf("normalize has %s, but %s: each channel needs both",
			counted(len(n.Mean), "mean"), counted(len(n.Std), "standard deviation"))
	case slices.ContainsFunc(n.Std, func(s float64) bool { return !(s > 0) }):
		return errors.New("normalize divides by std: its numbers must be greater than 0")
	}
	return nil
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// apply returns a split with prepared images; the one that is given is left as it is.
func (p Preparation) apply(ctx context.Context, s *Split) (*Split, error) {
	if len(s.Shape) != 3 {
		option := "resize"
		if len(p.Resize) == 0 {
			option = "normalize"
		}
		return nil, fmt.Errorf("%s is for images, of shape [channels height width], not for examples of shape %v: remove it from [data]",
			option, s.Shape)
	}
	prepared := *s
	if len(p.Resize) == 0 {
		prepared.Inputs = s.Inputs.Clone()
	} else if err := prepared.resize(ctx, p.Resize[0], p.Resize[1]); err != nil {
		return nil, err
	}
	if len(p.Normalize.Mean) > 0 {
		if err := prepared.normalize(p.Normalize); err != nil {
			return nil, err
		}
	}
	return &prepared, nil
}

// resize gives the split images of its own.
func (s *Split) resize(ctx context.Context, height, width int) error {
	channels := s.Shape[0]
	images := s.Len() * channels
	what := fmt.Sprintf("a split of %d images of %d×%d pixels in %s", s.Len(), height, width, counted(channels, "channel"))
	if err := affordable(what, int64(images)*int64(height)*int64(width), s.Inputs.DType().Size()); err != nil {
		return fmt.Errorf("%w: resize to less", err)
	}
	if s.Inputs.F64 != nil {
		s.Inputs = array.From64(interpolate(ctx, s.Inputs.F64, images, s.Shape[1], s.Shape[2], height, width))
	} else {
		s.Inputs = array.From32(interpolate(ctx, s.Inputs.F32, images, s.Shape[1], s.Shape[2], height, width))
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Shape = []int{channels, height, width}
	return nil
}

// normalize changes the images in their place.
func (s *Split) normalize(n Normalization) error {
	channels, pixels := s.Shape[0], s.Shape[1]*s.Shape[2]
	if given := len(n.Mean); given != 1 && given != channels {
		return fmt.Errorf("normalize has %s for images of %s: give one for each channel, or one for all",
			counted(given, "mean"), counted(channels, "channel"))
	}
	for plane := range s.Len() * channels {
		c := plane % channels % len(n.Mean)
		mean, std := n.Mean[c], n.Std[c]
		part := s.Inputs.Slice(plane*pixels, (plane+1)*pixels)
		standardize(part.F32, mean, std)
		standardize(part.F64, mean, std)
	}
	if !s.Inputs.Finite() {
		return errors.New("normalize leads to numbers that are not finite: its std is too small for these images")
	}
	return nil
}

func standardize[T float32 | float64](x []T, mean, std float64) {
	for i, v := range x {
		x[i] = T((float64(v) - mean) / std)
	}
}
