package cli

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
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

// readNPZ reads all arrays of an .npz file as floating-point numbers.
func readNPZ(path string) (map[string]npyArray, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer z.Close()
	arrays := map[string]npyArray{}
	for _, f := range z.File {
		a, err := readEntry(f)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, f.Name, err)
		}
		arrays[strings.TrimSuffix(f.Name, ".npy")] = a
	}
	return arrays, nil
}

func readEntry(f *zip.File) (a npyArray, err error) {
	defer func() { // the library trusts the header
		if r := recover(); r != nil {
			err = fmt.Errorf("not an array file: %v", r)
		}
	}()
	r, err := f.Open()
	if err != nil {
		return a, err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return a, err
	}
	reader, err := npy.NewReader(bytes.NewReader(content))
	if err != nil {
		return a, err
	}
	descr := reader.Header.Descr
	size := 1
	for _, n := range descr.Shape {
		if n < 0 || size > len(content) {
			return a, fmt.Errorf("the shape %v does not fit a file of %d bytes", descr.Shape, len(content))
		}
		size *= n
	}
	if size > len(content) {
		return a, fmt.Errorf("the shape %v does not fit a file of %d bytes", descr.Shape, len(content))
	}
	if descr.Fortran && len(descr.Shape) > 1 {
		return a, fmt.Errorf("the array is stored column by column: save numpy.ascontiguousarray of it")
	}
	a.shape = append([]int{}, descr.Shape...)
	switch kind := strings.TrimLeft(descr.Type, "<>|="); kind {
	case "f4":
		var x []float32
		err = reader.Read(&x)
		a.data = array.From32(x)
	case "f8":
		var x []float64
		err = reader.Read(&x)
		a.data = array.From64(x)
	case "i8":
		a.data, err = readIntegers[int64](reader)
	case "i4":
		a.data, err = readIntegers[int32](reader)
	case "u1":
		a.data, err = readIntegers[uint8](reader)
	default:
		err = fmt.Errorf("elements of type %s (float32, float64, int64, int32 and uint8 are read)", descr.Type)
	}
	if err == nil && a.data.Len() != size {
		err = fmt.Errorf("%d elements for the shape %v", a.data.Len(), a.shape)
	}
	return a, err
}

func readIntegers[T int64 | int32 | uint8](reader *npy.Reader) (array.Array, error) {
	var x []T
	if err := reader.Read(&x); err != nil {
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
			entry, err := z.Create(a.name + ".npy")
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
	kind := "<f4"
	if a.data.DType() == array.Float64 {
		kind = "<f8"
	}
	var shape strings.Builder
	for _, n := range a.shape {
		fmt.Fprintf(&shape, "%d,", n)
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", kind, shape.String())
	const prefix = 10
	header += strings.Repeat(" ", 63-(prefix+len(header))%64) + "\n"
	if _, err := fmt.Fprintf(w, "\x93NUMPY\x01\x00%s%s", string([]byte{byte(len(header)), byte(len(header) >> 8)}), header); err != nil {
		return err
	}
	if a.data.DType() == array.Float64 {
		return binary.Write(w, binary.LittleEndian, a.data.F64)
	}
	return binary.Write(w, binary.LittleEndian, a.data.F32)
}
