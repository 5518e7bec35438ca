package dataset

import (
	"context"
	"fmt"
	"math/rand/v2"
)

func init() {
	Register("shapes", "generated colour images of ten shapes in ten textures, as 2 to 100 classes (built in)",
		func() Source { return &Shapes{Size: 16, Classes: 10, TrainExamples: 5000, TestExamples: 1000} })
}

// Shapes are generated images of shape [3 Size Size] with pixels in [0, 1]: one bright, textured shape on a dark ground, under noise.
// Class c shows shape c mod 10. With more than ten classes its texture is c / 10; else textures are drawn at random, as place,
// size and colours always are.
//
// Example i of a split is of class i mod Classes, and depends on the options Size, Classes and Seed alone: a larger split begins
// with a smaller one. All of it is computed in integers, so that the images are the same on every platform.
type Shapes struct {
	Size          int    `toml:"size" doc:"height and width of the images" range:"[8,64]"`
	Classes       int    `toml:"classes" doc:"number of classes: up to 10 are shapes, more are shapes in textures" range:"[2,100]"`
	TrainExamples int    `toml:"train_examples" doc:"images for training" range:"[1,100000]"`
	TestExamples  int    `toml:"test_examples" doc:"images for test" range:"[1,100000]"`
	Seed          uint64 `toml:"seed" doc:"other seeds, other images; the seeds of a recipe do not change them"`
}

var _ Source = (*Shapes)(nil)

// Load draws the images.
func (s *Shapes) Load(ctx context.Context) (*Dataset, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("data set shapes: %w", err)
	}
	d := &Dataset{Name: "shapes"}
	var err error
	if d.Train, err = s.split(ctx, s.TrainExamples, 0); err != nil {
		return nil, err
	}
	if d.Test, err = s.split(ctx, s.TestExamples, 1); err != nil {
		return nil, err
	}
	return d, nil
}

func (s *Shapes) check() error {
	switch {
	case s.Size < 8 || s.Size > 64:
		return fmt.Errorf("size = %d: images have 8 to 64 pixels a side", s.Size)
	case s.Classes < 2 || s.Classes > len(figures)*len(textures):
		return fmt.Errorf("classes = %d: there are 2 to %d", s.Classes, len(figures)*len(textures))
	case min(s.TrainExamples, s.TestExamples) < 1:
		return fmt.Errorf("%d images for training and %d for test: each split needs one", s.TrainExamples, s.TestExamples)
	}
	what := fmt.Sprintf("%d images for training and %d for test", s.TrainExamples, s.TestExamples)
	return affordable(what, (int64(s.TrainExamples)+int64(s.TestExamples))*int64(3*s.Size*s.Size), 5) // a float32, and first a byte
}

// split draws the images of the training split, 0, or of the test split, 1.
func (s *Shapes) split(ctx context.Context, examples, which int) (*Split, error) {
	size := 3 * s.Size * s.Size
	pixels, classes := make([]byte, examples*size), make([]byte, examples)
	for i := range examples {
		if i%1000 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		class := i % s.Classes
		classes[i] = byte(class)
		r := generator(s.Seed, forShapes, 2*i+which)
		texture := class / len(figures)
		if s.Classes <= len(figures) {
			texture = r.IntN(len(textures))
		}
		newDrawing(r, s.Size, figures[class%len(figures)], textures[texture]).paint(pixels[i*size:(i+1)*size], r)
	}
	return &Split{
		Inputs: scaled(pixels, 255), Shape: []int{3, s.Size, s.Size},
		Targets: scaled(classes, 1), Classes: s.Classes,
	}, nil
}

// unitRadius is the radius of a shape in its own coordinates: u to the right, v downwards, both 0 in its middle.
const unitRadius = 256

// figures say which points belong to a shape. Their order is that of the classes.
var figures = []func(u, v int) bool{
	func(u, v int) bool { return u*u+v*v <= 250*250 },                                                    // disc
	func(u, v int) bool { return u*u+v*v <= 256*256 && u*u+v*v >= 140*140 },                              // ring
	func(u, v int) bool { return chebyshev(u, v) <= 220 },                                                // square
	func(u, v int) bool { return chebyshev(u, v) <= 225 && chebyshev(u, v) >= 125 },                      // frame
	func(u, v int) bool { return magnitude(u)+magnitude(v) <= 256 },                                      // diamond
	func(u, v int) bool { return v <= 210 && 2*magnitude(u) <= v+230 },                                   // triangle
	func(u, v int) bool { return chebyshev(u, v) <= 250 && min(magnitude(u), magnitude(v)) <= 80 },       // plus
	func(u, v int) bool { return chebyshev(u, v) <= 225 && magnitude(magnitude(u)-magnitude(v)) <= 100 }, // cross
	func(u, v int) bool { return magnitude(u) <= 240 && magnitude(v) >= 70 && magnitude(v) <= 200 },      // two bars
	func(u, v int) bool { return magnitude(u) <= magnitude(v) && magnitude(v) <= 230 },                   // hourglass
}

// textures say how much of its first colour a shape has at a point, from 0 to 256; the rest is its second colour.
var textures = []func(u, v int) int{
	func(u, v int) int { return 256 },              // plain
	func(u, v int) int { return all(band(v, 85)) }, // stripes
	func(u, v int) int { return all(band(u, 85)) },
	func(u, v int) int { return all(band(u+v, 120)) },
	func(u, v int) int { return all(band(u-v, 120)) },
	func(u, v int) int { return all(band(u, 128) == band(v, 128)) },                       // chessboard
	func(u, v int) int { return all(band(u, 85) && band(v, 85)) },                         // dots
	func(u, v int) int { return all((u*u+v*v)/22000%2 == 0) },                             // rings
	func(u, v int) int { return (min(max(u, -unitRadius), unitRadius) + unitRadius) / 2 }, // fades
	func(u, v int) int { return (min(max(v, -unitRadius), unitRadius) + unitRadius) / 2 },
}

func magnitude(x int) int { return max(x, -x) }

func chebyshev(u, v int) int { return max(magnitude(u), magnitude(v)) }

// band tells every other interval of a width.
func band(x, width int) bool { return (x+1024*width)/width%2 == 0 }

func all(yes bool) int {
	if yes {
		return 256
	}
	return 0
}

// drawing is an image without its noise. Lengths count subpixels, subpixels a pixel.
type drawing struct {
	size, x, y, radius     int
	figure                 func(u, v int) bool
	texture                func(u, v int) int
	ground, second, bright [3]int // colours
}

const subpixels = 4

func newDrawing(r *rand.Rand, size int, figure func(u, v int) bool, texture func(u, v int) int) drawing {
	side := size * subpixels
	d := drawing{size: size, figure: figure, texture: texture}
	d.radius = between(r, side/4, side*7/16)
	room := side/2 - d.radius
	d.x, d.y = between(r, side/2-room, side/2+room), between(r, side/2-room, side/2+room)
	for c := range 3 {
		d.ground[c], d.second[c], d.bright[c] = between(r, 0, 80), between(r, 70, 170), between(r, 150, 255)
	}
	return d
}

// between draws a whole number from low to high, both included.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// paint computes the pixels, as the mean over their subpixels, and adds noise: for each colour the sum of two uniform numbers.
func (d drawing) paint(pixels []byte, r *rand.Rand) {
	const noise = 40
	plane := d.size * d.size
	for i := range plane {
		colour := d.colour(i%d.size*subpixels, i/d.size*subpixels)
		for c, value := range colour {
			value += between(r, -noise, noise) + between(r, -noise, noise)
			pixels[c*plane+i] = byte(min(max(value, 0), 255))
		}
	}
}

// colour is the mean over the pixel that begins at subpixel (x, y).
func (d drawing) colour(x, y int) [3]int {
	const count = subpixels * subpixels
	ground, bright := 0, 0 // subpixels of the ground, and the sum of the texture over the others
	for i := range count {
		u := (2*(x+i%subpixels-d.x) + 1) * unitRadius / (2 * d.radius)
		v := (2*(y+i/subpixels-d.y) + 1) * unitRadius / (2 * d.radius)
		if d.figure(u, v) {
			bright += d.texture(u, v)
		} else {
			ground++
		}
	}
	var mean [3]int
	for c := range mean {
		shape := d.bright[c]*bright + d.second[c]*((count-ground)*256-bright)
		mean[c] = (d.ground[c]*ground*256 + shape) / (count * 256)
	}
	return mean
}
