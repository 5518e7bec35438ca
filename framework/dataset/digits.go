package dataset

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"io"
)

func init() {
	Register("digits", "8×8 grey images of handwritten digits, 1437 for training and 360 for test (built in)",
		func() Source { return &Digits{} })
}

// Digits is the test set of the Optical Recognition of Handwritten Digits data (E. Alpaydin and C. Kaynak, UCI Machine Learning
// Repository, 1998), 1797 images of shape [1 8 8] in 10 classes, with pixels scaled from 0…16 to [0, 1]. It is built in.
//
// The first 1437 examples are for training and the last 360 for test, in the order of the source; of the latter, every class has
// 33 to 37.
type Digits struct{}

var _ Source = (*Digits)(nil)

// digitsData is an image after the other: 64 pixels and the class, a byte each.
//
//go:embed digits/digits.gz
var digitsData []byte

// Load decompresses the data.
func (*Digits) Load(context.Context) (*Dataset, error) {
	raw, err := gunzip(digitsData)
	if err != nil {
		return nil, fmt.Errorf("data set digits: %w", err)
	}
	const training = 1437 * digitBytes
	return &Dataset{Name: "digits", Train: digitSplit(raw[:training]), Test: digitSplit(raw[training:])}, nil
}

const (
	digitPixels = 8 * 8
	digitBytes  = digitPixels + 1
)

func digitSplit(raw []byte) *Split {
	n := len(raw) / digitBytes
	pixels, classes := make([]byte, 0, n*digitPixels), make([]byte, 0, n)
	for i := range n {
		image := raw[i*digitBytes : (i+1)*digitBytes]
		pixels = append(pixels, image[:digitPixels]...)
		classes = append(classes, image[digitPixels])
	}
	return &Split{Inputs: scaled(pixels, 16), Shape: []int{1, 8, 8}, Targets: scaled(classes, 1), Classes: 10}
}

func gunzip(data []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
