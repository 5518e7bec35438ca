package dataset

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"

	"github.com/seed5b471a7e/backstitch/framework/defect"
)

// interpolate returns resized copies of images of one channel each, which stand one after the other, by bilinear interpolation
// between the centres of pixels. Where it makes them smaller, the triangle that weighs the neighbours is as wide as the scale
// demands, so that every pixel counts and none of the detail that is lost turns into a pattern (antialiasing). This is what
// PyTorch's F.interpolate with mode="bilinear" and antialias=True computes, and Pillow, up to its rounding to bytes. When the context is
// cancelled, it ends early.
func interpolate[T float32 | float64](ctx context.Context, images []T, count, height, width, toHeight, toWidth int) []T {
	rows, columns := triangles(height, toHeight), triangles(width, toWidth)
	resized := make([]T, count*toHeight*toWidth)
	workers := min(runtime.GOMAXPROCS(0), count)
	failures := make([]error, workers)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			failures[w] = defect.Guard(func() error {
				narrow := make([]float64, height*toWidth)
				for n := w * count / workers; n < (w+1)*count/workers && ctx.Err() == nil; n++ {
					squeeze(images[n*height*width:(n+1)*height*width], columns, narrow)
					stack(narrow, rows, resized[n*toHeight*toWidth:(n+1)*toHeight*toWidth])
				}
				return nil
			})
		})
	}
	wait.Wait()
	if mistake := errors.Join(failures...); mistake != nil {
		panic(mistake) // here it can be caught
	}
	return resized
}

// squeeze resizes the rows of an image.
func squeeze[T float32 | float64](image []T, columns []neighbours, narrow []float64) {
	toWidth := len(columns)
	height := len(narrow) / toWidth
	width := len(image) / height
	for y := range height {
		row, into := image[y*width:(y+1)*width], narrow[y*toWidth:(y+1)*toWidth]
		for x, w := range columns {
			sum := 0.0
			for i, weight := range w.weights {
				sum += weight * float64(row[w.first+i])
			}
			into[x] = sum
		}
	}
}

// stack makes the rows of the new image out of those of the old one, which have its width already.
func stack[T float32 | float64](narrow []float64, rows []neighbours, into []T) {
	width := len(into) / len(rows)
	for y, w := range rows {
		for x := range width {
			sum := 0.0
			for i, weight := range w.weights {
				sum += weight * narrow[(w.first+i)*width+x]
			}
			into[y*width+x] = T(sum)
		}
	}
}

// neighbours are the old pixels of a line that a new one is made of. The weights sum to 1.
type neighbours struct {
	first   int
	weights []float64
}

// triangles returns the neighbours of each pixel of a line that is resized.
func triangles(from, to int) []neighbours {
	scale := float64(from) / float64(to)
	reach := max(scale, 1) // half the width of the triangle, in old pixels
	line := make([]neighbours, to)
	for i := range line {
		centre := (float64(i) + 0.5) * scale
		first := max(int(math.Ceil(centre-reach-0.5)), 0)
		last := min(int(math.Floor(centre+reach-0.5)), from-1)
		sum := 0.0
		weights := make([]float64, last-first+1)
		for k := range weights {
			weights[k] = 1 - math.Abs(float64(first+k)+0.5-centre)/reach
			sum += weights[k]
		}
		for k := range weights {
			weights[k] /= sum
		}
		line[i] = neighbours{first, weights}
	}
	return line
}
