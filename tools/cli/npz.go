package cli

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/dataset"
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

// readNPZ reads all arrays of an .npz file.
func readNPZ(path string) (map[string]npyArray, error) {
	read, err := dataset.ReadNPZ(path)
	if err != nil {
		return nil, err
	}
	arrays := map[string]npyArray{}
	for name, a := range read {
		arrays[name] = npyArray{a.Shape, a.Data}
	}
	return arrays, nil
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
