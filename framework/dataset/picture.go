package dataset

import (
	"bufio"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg" // the two formats that are read
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A small file can claim any size. These bounds are checked before its pixels are decoded.
const (
	maxSide   = 1 << 14
	maxPixels = 1 << 26
)

// isPicture tells a file of a format that is read by the end of its name.
func isPicture(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(filepath.Ext(name)))
}

// readPicture reads a PNG or JPEG file.
func readPicture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	img, err := decodePicture(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return img, nil
}

func decodePicture(file io.ReadSeeker) (image.Image, error) {
	config, format, err := image.DecodeConfig(bufio.NewReader(file))
	if err != nil {
		return nil, unreadable(err)
	}
	if format != "png" && format != "jpeg" {
		return nil, unreadable(image.ErrFormat)
	}
	w, h := config.Width, config.Height
	if w < 1 || h < 1 {
		return nil, errors.New("it has no pixels: remove it")
	}
	if w > maxSide || h > maxSide || w*h > maxPixels {
		return nil, fmt.Errorf("it has %d×%d pixels; %d a side and %d in all are read at most: make it smaller", h, w, maxSide, maxPixels)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(bufio.NewReader(file))
	if err != nil {
		return nil, unreadable(err)
	}
	return img, nil
}

func unreadable(err error) error {
	switch {
	case errors.Is(err, image.ErrFormat):
		return errors.New("it is neither PNG nor JPEG, whatever its name: convert it, or remove it")
	case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("it is cut off: replace it, or remove it")
	}
	return fmt.Errorf("it is damaged (%w): replace it, or remove it", err)
}

// planes returns an image in numbers from 0 to 1: its red, green and blue, or its grey value (ITU-R BT.601). What is transparent is
// black.
func planes(img image.Image, channels int) []float32 {
	b := img.Bounds()
	size := b.Dx() * b.Dy()
	numbers := make([]float32, channels*size)
	i := 0
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			red, green, blue, _ := img.At(x, y).RGBA()
			if channels == 1 {
				numbers[i] = unit((19595*red + 38470*green + 7471*blue + 1<<15) >> 16) // 0.299, 0.587 and 0.114 of 1<<16
			} else {
				numbers[i], numbers[size+i], numbers[2*size+i] = unit(red), unit(green), unit(blue)
			}
			i++
		}
	}
	return numbers
}

func unit(v uint32) float32 { return float32(v) / 0xffff }
