package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sbinet/npyio/npy"
	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/run"
)

// npyArray is an array of NumPy's file format.
type npyArray struct {
	shape []int
	data  array.Array
}

type namedArray struct {
	name string
	npyArray
}

// largestNPZ bounds the bytes that an .npz file may unpack to: a small file can claim any number.
const largestNPZ = 1 << 30

// readNPZ reads all arrays of an .npz file as floating-point numbers.
func readNPZ(path string) (map[string]npyArray, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	arrays, err := readArchive(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return arrays, nil
}

func readArchive(r io.ReaderAt, length int64) (map[string]npyArray, error) {
	z, err := zip.NewReader(r, length)
	if err != nil {
		return nil, fmt.Errorf("not an .npz file: %w", err)
	}
	left := uint64(largestNPZ)
	arrays := map[string]npyArray{}
	for _, f := range z.File {
		if f.UncompressedSize64 > left {
			return nil, fmt.Errorf("it unpacks to more than %s", size(largestNPZ))
		}
		left -= f.UncompressedSize64
		a, err := readEntry(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		arrays[strings.TrimSuffix(f.Name, ".npy")] = a
	}
	return arrays, nil
}

func readEntry(f *zip.File) (npyArray, error) {
	r, err := f.Open()
	if err != nil {
		return npyArray{}, err
	}
	defer r.Close()
	content, err := io.ReadAll(r) // which fails beyond the size that the archive claims
	if err != nil {
		return npyArray{}, err
	}
	return readArray(content)
}

// readArray reads an .npy file. The library trusts its header: it makes room for what is claimed, panics on what it cannot
// parse, and takes missing elements for zeros.
func readArray(content []byte) (a npyArray, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("not an .npy file")
		}
	}()
	const lengthEnd = 12
	if len(content) < lengthEnd || content[6] > 1 && int64(binary.LittleEndian.Uint32(content[8:])) > int64(len(content)) {
		return a, errors.New("not an .npy file")
	}
	elements := bytes.NewReader(content)
	reader, err := npy.NewReader(elements)
	if err != nil {
		return a, err
	}
	header := reader.Header.Descr
	if header.Fortran && len(header.Shape) > 1 {
		return a, errors.New("it is stored column by column: save numpy.ascontiguousarray of it")
	}
	a.shape = append([]int{}, header.Shape...)
	switch kind := strings.TrimLeft(header.Type, "<>|"); kind {
	case "f4":
		var x []float32
		err = readElements(reader, &x, a.shape, elements.Len())
		a.data = array.From32(x)
	case "f8":
		var x []float64
		err = readElements(reader, &x, a.shape, elements.Len())
		a.data = array.From64(x)
	case "i8":
		a.data, err = readIntegers[int64](reader, a.shape, elements.Len())
	case "i4":
		a.data, err = readIntegers[int32](reader, a.shape, elements.Len())
	case "u1":
		a.data, err = readIntegers[uint8](reader, a.shape, elements.Len())
	default:
		err = fmt.Errorf("its elements are of type %q: float32, float64, int64, int32 and uint8 are read", header.Type)
	}
	return a, err
}

// readElements reads the elements of an array, which take the rest of its file.
func readElements[T any](reader *npy.Reader, x *[]T, shape []int, rest int) error {
	width := binary.Size(*new(T))
	elements := 1
	for _, n := range shape {
		if n < 0 || n > 0 && elements > rest/n {
			return fmt.Errorf("the shape %v does not fit %d bytes", shape, rest)
		}
		elements *= n
	}
	if elements*width != rest {
		return fmt.Errorf("the shape %v does not fit %d bytes", shape, rest)
	}
	return reader.Read(x)
}

func readIntegers[T int64 | int32 | uint8](reader *npy.Reader, shape []int, rest int) (array.Array, error) {
	var x []T
	if err := readElements(reader, &x, shape, rest); err != nil {
		return array.Array{}, err
	}
	numbers := make([]float64, len(x))
	for i, v := range x {
		numbers[i] = float64(v)
	}
	return array.From64(numbers), nil
}

// writeNPZ writes arrays in their order. The library writes no arrays of more than two dimensions.
func writeNPZ(path string, arrays []namedArray) error {
	return run.WriteFile(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, a := range arrays {
			entry, err := z.CreateHeader(&zip.FileHeader{Name: a.name + ".npy", Method: zip.Store})
			if err != nil {
				return err
			}
			if err := writeArray(entry, a.npyArray); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// writeArray writes version 1.0 of the format.
func writeArray(w io.Writer, a npyArray) error {
	kind, numbers := "<f4", any(a.data.F32)
	if a.data.DType() == array.Float64 {
		kind, numbers = "<f8", a.data.F64
	}
	var shape strings.Builder
	for _, n := range a.shape {
		fmt.Fprintf(&shape, "%d,", n)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, shape.String())
	const prefix = 10
	header += strings.Repeat(" ", 63-(prefix+len(header))%64) + "\n"
	if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00%s%s", binary.LittleEndian.AppendUint16(nil, uint16(len(header))), header); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, numbers)
}
