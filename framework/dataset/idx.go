package dataset

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// maxIDXElements is more than any data set in this format that fits the purpose, and keeps a hostile file from asking for
// gigabytes.
const maxIDXElements = 1 << 28

// idx is the content of a file in the IDX format: an array of unsigned bytes in row-major order.
//
// The format (Y. LeCun, C. Cortes, C. Burges, The MNIST database) is two zero bytes, a byte for the type of the elements, a byte
// for the number of dimensions, each dimension as a big-endian uint32, and the elements.
type idx struct {
	sizes []int
	data  []byte
}

// idxTypes names the element types of the format. Only the first is read.
var idxTypes = map[byte]string{0x08: "unsigned bytes", 0x09: "signed bytes", 0x0b: "int16", 0x0c: "int32", 0x0d: "float32", 0x0e: "float64"}

// readIDX reads a file with the given number of dimensions, compressed by gzip or not, whatever its name. The last ones may have sizes
// that it must have.
func readIDX(ctx context.Context, path string, dimensions int, last ...int) (idx, error) {
	f, err := os.Open(path)
	if err != nil {
		return idx{}, err
	}
	defer f.Close()
	x, err := decodeIDX(interruptible{ctx, f}, dimensions, last...)
	if err != nil {
		return idx{}, fmt.Errorf("%s: %w", path, err)
	}
	return x, nil
}

func decodeIDX(file io.Reader, dimensions int, last ...int) (idx, error) {
	r, err := decompress(file)
	if err != nil {
		return idx{}, err
	}
	header, err := decodeIDXHeader(r, dimensions)
	if err != nil {
		return idx{}, err
	}
	sizes, count, err := countElements(header)
	if err != nil {
		return idx{}, err
	}
	if got := sizes[len(sizes)-len(last):]; !slices.Equal(got, last) {
		return idx{}, fmt.Errorf("its examples have shape %v, not %v", got, last)
	}
	// Memory grows with what the file holds, not with what it declares; one byte more tells a file that is too long.
	data, err := io.ReadAll(io.LimitReader(r, int64(count)+1))
	switch {
	case len(data) > count:
		return idx{}, fmt.Errorf("it holds more than the %d elements of its dimensions %v", count, sizes)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return idx{}, fmt.Errorf("its compressed data are cut off after %d of %d elements", len(data), count)
	case err != nil:
		return idx{}, err
	case len(data) < count:
		return idx{}, fmt.Errorf("it is cut off after %d of the %d elements of its dimensions %v", len(data), count, sizes)
	}
	return idx{sizes, data}, nil
}

// decompress tells a gzip stream by its first two bytes (RFC 1952).
func decompress(file io.Reader) (io.Reader, error) {
	r := bufio.NewReaderSize(file, 1<<16)
	start, err := r.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if len(start) < 2 || start[0] != 0x1f || start[1] != 0x8b {
		return r, nil
	}
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("its gzip header is broken: %w", err)
	}
	return z, nil
}

// decodeIDXHeader returns the dimensions that the file declares.
func decodeIDXHeader(r io.Reader, dimensions int) ([]uint32, error) {
	var magic [4]byte
	if err := readHeader(r, magic[:]); err != nil {
		return nil, err
	}
	if magic[0] != 0 || magic[1] != 0 {
		return nil, fmt.Errorf("not an IDX file: it starts with %q, not with two zero bytes", magic)
	}
	if magic[2] != 0x08 {
		name, known := idxTypes[magic[2]]
		if !known {
			return nil, fmt.Errorf("not an IDX file: there is no element type 0x%02x", magic[2])
		}
		return nil, fmt.Errorf("its elements are %s, not unsigned bytes", name)
	}
	if int(magic[3]) != dimensions {
		return nil, fmt.Errorf("it has %d dimensions, not %d (images have 3, labels 1)", magic[3], dimensions)
	}
	raw := make([]byte, 4*dimensions)
	if err := readHeader(r, raw); err != nil {
		return nil, err
	}
	header := make([]uint32, dimensions)
	for i := range header {
		header[i] = binary.BigEndian.Uint32(raw[4*i:])
	}
	return header, nil
}

func readHeader(r io.Reader, into []byte) error {
	_, err := io.ReadFull(r, into)
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut off inside its header")
	}
	return err
}

func countElements(header []uint32) (sizes []int, count int, err error) {
	count = 1
	for _, n := range header {
		if n == 0 {
			return nil, 0, fmt.Errorf("its dimensions %d hold no elements", header)
		}
		if n > uint32(maxIDXElements/count) {
			return nil, 0, fmt.Errorf("its dimensions %d are more than the %d elements that are read at most", header, maxIDXElements)
		}
		sizes = append(sizes, int(n))
		count *= int(n)
	}
	return sizes, count, nil
}
