package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/sbinet/npyio/npy"
	"github.com/seed5b471a7e/backstitch/framework/array"
)

// NPYArray is an array of NumPy's file format, in row-major order. Elements that float32 holds exactly are kept in it, others in
// float64.
type NPYArray struct {
	Shape    []int
	Data     array.Array
	Integers bool // the file holds integers or booleans
}

// largestNPZ bounds the bytes that an .npz file may unpack to: a small file can claim any number.
const largestNPZ = 4 << 30

// ReadNPZ reads the arrays of an .npz file that have these names, or all of them if none are given.
func ReadNPZ(path string, names ...string) (map[string]NPYArray, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	arrays, err := readArchive(f, info.Size(), names)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return arrays, nil
}

func readArchive(r io.ReaderAt, length int64, names []string) (map[string]NPYArray, error) {
	z, err := zip.NewReader(r, length)
	if err != nil {
		return nil, fmt.Errorf("not an .npz file: %w", err)
	}
	files := map[string]*zip.File{}
	for _, f := range z.File {
		files[strings.TrimSuffix(f.Name, ".npy")] = f
	}
	held := slices.Sorted(maps.Keys(files))
	if len(names) == 0 {
		names = held
	}
	left := uint64(largestNPZ)
	arrays := map[string]NPYArray{}
	for _, name := range names {
		f, found := files[name]
		if !found {
			return nil, fmt.Errorf("it holds no array %q, but %q: write it with numpy.savez(file, %s=…)", name, held, strings.Join(names, "=…, "))
		}
		if f.UncompressedSize64 > left {
			return nil, errors.New("it unpacks to more than 4 GiB, the most that is read")
		}
		left -= f.UncompressedSize64
		if arrays[name], err = readEntry(f); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return arrays, nil
}

func readEntry(f *zip.File) (NPYArray, error) {
	r, err := f.Open()
	if err != nil {
		return NPYArray{}, err
	}
	defer r.Close()
	content, err := io.ReadAll(r) // which fails beyond the size that the archive claims
	if err != nil {
		return NPYArray{}, err
	}
	return readArray(content)
}

// readArray reads an .npy file.
func readArray(content []byte) (NPYArray, error) {
	file, elements, err := readNPYHeader(content)
	if err != nil {
		return NPYArray{}, err
	}
	header := file.Descr
	if header.Fortran && len(header.Shape) > 1 {
		return NPYArray{}, errors.New("it is stored column by column: save numpy.ascontiguousarray of it")
	}
	kind, known := elementKinds[strings.TrimLeft(header.Type, "<>|")]
	if !known {
		return NPYArray{}, fmt.Errorf("its elements are of type %q: floats of 32 or 64 bits, integers and booleans are read; convert it with astype",
			header.Type)
	}
	if err := fits(header.Shape, kind.bytes, len(elements)); err != nil {
		return NPYArray{}, err
	}
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(header.Type, ">") {
		order = binary.BigEndian
	}
	return NPYArray{append([]int{}, header.Shape...), kind.decode(elements, order), kind.integers}, nil
}

// readNPYHeader returns the header of a file and what stands behind it. The library trusts the header: it makes room for what is
// claimed, and panics on what it cannot parse.
func readNPYHeader(content []byte) (header npy.Header, elements []byte, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not an .npy file")
		}
	}()
	const lengthEnd = 12
	if len(content) < lengthEnd || content[6] > 1 && int64(binary.LittleEndian.Uint32(content[8:])) > int64(len(content)) {
		return header, nil, errors.New("not an .npy file")
	}
	r := bytes.NewReader(content)
	reader, err := npy.NewReader(r)
	if err != nil {
		return header, nil, err
	}
	return reader.Header, content[len(content)-r.Len():], nil
}

// fits requires that the elements take the rest of the file.
func fits(shape []int, width, rest int) error {
	elements := 1
	for _, n := range shape {
		if n < 0 || n > 0 && elements > rest/n && !slices.Contains(shape, 0) {
			return fmt.Errorf("the shape %v does not fit %d bytes", shape, rest)
		}
		elements *= n
	}
	if elements*width != rest {
		return fmt.Errorf("the shape %v does not fit %d bytes", shape, rest)
	}
	return nil
}

// elementKind is how the elements of a type are read.
type elementKind struct {
	bytes    int
	integers bool
	decode   func(elements []byte, order binary.ByteOrder) array.Array
}

var elementKinds = map[string]elementKind{
	"f4": {4, false, narrow[float32]},
	"f8": {8, false, wide[float64]},
	"b1": {1, true, narrow[uint8]},
	"u1": {1, true, narrow[uint8]},
	"i1": {1, true, narrow[int8]},
	"u2": {2, true, narrow[uint16]},
	"i2": {2, true, narrow[int16]},
	"u4": {4, true, wide[uint32]},
	"i4": {4, true, wide[int32]},
	"u8": {8, true, wide[uint64]},
	"i8": {8, true, wide[int64]},
}

type number interface {
	int8 | uint8 | int16 | uint16 | int32 | uint32 | int64 | uint64 | float32 | float64
}

func narrow[T number](elements []byte, order binary.ByteOrder) array.Array {
	return array.From32(decoded[T, float32](elements, order))
}

func wide[T number](elements []byte, order binary.ByteOrder) array.Array {
	return array.From64(decoded[T, float64](elements, order))
}

// decoded reads elements by the block, so that no second copy of them all is made.
func decoded[From, To number](elements []byte, order binary.ByteOrder) []To {
	var block [1024]From
	width := binary.Size(block[0])
	numbers := make([]To, 0, len(elements)/width)
	for len(elements) > 0 {
		part := block[:min(len(block), len(elements)/width)]
		read, err := binary.Decode(elements, order, part)
		if err != nil {
			panic(err) // the elements are whole: their shape fits
		}
		elements = elements[read:]
		for _, v := range part {
			numbers = append(numbers, To(v))
		}
	}
	return numbers
}
