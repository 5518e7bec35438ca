package dataset

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"
)

func shapes(t *testing.T, change func(*Shapes)) *Dataset {
	t.Helper()
	s := &Shapes{Size: 16, Classes: 10, TrainExamples: 500, TestExamples: 200}
	change(s)
	return loadFrom(t, s)
}

// Runs are compared across machines and versions: the images never change.
func TestShapesStayAsTheyAre(t *testing.T) {
	for _, c := range []struct {
		size, classes int
		train, test   uint32
	}{
		{16, 10, 0x753c5756, 0xac6447bb},
		{32, 100, 0xbbe33ad7, 0xe22f5435},
	} {
		d := shapes(t, func(s *Shapes) { s.Size, s.Classes = c.size, c.classes })
		if train, test := crc(d.Train.Inputs, 255), crc(d.Test.Inputs, 255); train != c.train || test != c.test {
			t.Errorf("size %d, %d classes: the pixels' checksums are %#x and %#x, want %#x and %#x", c.size, c.classes, train, test, c.train, c.test)
		}
	}
}

func TestShapesHaveTheirOptionsInPlace(t *testing.T) {
	d := shapes(t, func(s *Shapes) { s.Size, s.Classes = 9, 37 })
	for _, c := range []struct {
		s    *Split
		want int
	}{{d.Train, 500}, {d.Test, 200}} {
		if c.s.Len() != c.want || !slices.Equal(c.s.Shape, []int{3, 9, 9}) || c.s.Classes != 37 {
			t.Errorf("%d examples of shape %v in %d classes", c.s.Len(), c.s.Shape, c.s.Classes)
		}
		for i := range c.s.Len() {
			if got := c.s.Targets.At(i); got != float64(i%37) {
				t.Fatalf("example %d is of class %v", i, got)
			}
		}
		low, high := slices.Min(c.s.Inputs.F32), slices.Max(c.s.Inputs.F32)
		if low < 0 || high > 1 || high-low < 0.9 {
			t.Errorf("pixels lie in [%v, %v]", low, high)
		}
	}
}

func TestMoreShapesBeginWithFewer(t *testing.T) {
	few, many := shapes(t, func(*Shapes) {}), shapes(t, func(s *Shapes) { s.TrainExamples, s.TestExamples = 700, 300 })
	if n := few.Train.Inputs.Len(); !slices.Equal(few.Train.Inputs.F32, many.Train.Inputs.F32[:n]) {
		t.Error("training images changed with their number")
	}
	if n := few.Test.Inputs.Len(); !slices.Equal(few.Test.Inputs.F32, many.Test.Inputs.F32[:n]) {
		t.Error("test images changed with their number")
	}
}

func TestShapesOfSplitsAndSeedsDiffer(t *testing.T) {
	seen := map[string]string{}
	image := func(s *Split, i int) string {
		raw := make([]byte, s.InputSize())
		for j := range raw {
			raw[j] = byte(s.Inputs.At(i*len(raw)+j)*255 + 0.5)
		}
		return string(raw)
	}
	for name, d := range map[string]*Dataset{"seed 0": shapes(t, func(*Shapes) {}), "seed 1": shapes(t, func(s *Shapes) { s.Seed = 1 })} {
		for split, s := range map[string]*Split{"train": d.Train, "test": d.Test} {
			for i := range s.Len() {
				if other, known := seen[image(s, i)]; known {
					t.Fatalf("an image of %s, %s is one of %s", name, split, other)
				}
				seen[image(s, i)] = name + ", " + split
			}
		}
	}
}

// A disc is bright where a ring is dark, at the image's middle.
func TestShapesShowTheirClass(t *testing.T) {
	s := shapes(t, func(s *Shapes) { s.Classes, s.TrainExamples = 100, 2000 }).Train
	var middle [2]float64
	for i := range s.Len() {
		figure := int(s.Targets.At(i)) % 10
		if figure < len(middle) {
			middle[figure] += s.Inputs.At(i*s.InputSize()+8*16+8) / 200
		}
	}
	if !(middle[0] > middle[1]+0.2) {
		t.Errorf("the middle of discs is %v, that of rings %v", middle[0], middle[1])
	}
}

// The nearest mean of a class is what a glance at single pixels tells: more than chance, and far from all.
func TestShapesAreNeitherNoiseNorTrivial(t *testing.T) {
	d := shapes(t, func(s *Shapes) { s.TrainExamples, s.TestExamples = 2000, 1000 })
	size := d.Train.InputSize()
	means := make([][]float64, 10)
	for c := range means {
		means[c] = make([]float64, size)
	}
	for i := range d.Train.Len() {
		for j := range size {
			means[i%10][j] += d.Train.Inputs.At(i*size+j) / 200
		}
	}
	right := 0
	for i := range d.Test.Len() {
		nearest, least := 0, math.Inf(1)
		for c, mean := range means {
			distance := 0.0
			for j := range size {
				difference := d.Test.Inputs.At(i*size+j) - mean[j]
				distance += difference * difference
			}
			if distance < least {
				nearest, least = c, distance
			}
		}
		if nearest == i%10 {
			right++
		}
	}
	if right < 200 || right > 700 {
		t.Errorf("%d of 1000 images are nearest to the mean of their class", right)
	}
}

func TestShapesThatCannotBeDrawnAreRefused(t *testing.T) {
	for _, c := range []struct {
		change func(*Shapes)
		want   string
	}{
		{func(s *Shapes) { s.Size = 7 }, "size = 7: images have 8 to 64 pixels a side"},
		{func(s *Shapes) { s.Classes = 101 }, "classes = 101: there are 2 to 100"},
		{func(s *Shapes) { s.TestExamples = 0 }, "500 images for training and 0 for test: each split needs one"},
		{func(s *Shapes) { s.TrainExamples = 1 << 40 }, "of memory, more than the"},
	} {
		s := &Shapes{Size: 16, Classes: 10, TrainExamples: 500, TestExamples: 200}
		c.change(s)
		if _, err := s.Load(context.Background()); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (&Shapes{Size: 16, Classes: 10, TrainExamples: 500, TestExamples: 200}).Load(cancelled); err != context.Canceled {
		t.Errorf("error %v after it was cancelled", err)
	}
}
