// Package weights keeps states in safetensors files, which Python and other languages read too.
//
// Parameters and buffers stand under their ONNX names. An optimizer's slots stand under "slot:SLOT:PARAMETER", those of the whole
// state under "slot:SLOT"; a model whose own names begin so makes that prefix longer, and the metadata's "slots" is what it is. How many
// steps were applied is the metadata's "count", and "sha256" that of all bytes after the header, in hexadecimal digits. What else a file
// says about its state is the caller's. The format is defined by https://github.com/huggingface/safetensors.
package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/nlpodyssey/safetensors"
	"github.com/seed5b471a7e/backstitch/framework/array"
	"github.com/seed5b471a7e/backstitch/framework/optim"
)

// The metadata's own keys.
const (
	countKey = "count"  // of applied steps
	slotsKey = "slots"  // what the names of slots begin with
	sumKey   = "sha256" // of the tensors' bytes
)

// reserved is the one name that a tensor of the format cannot have.
const reserved = "__metadata__"

// Check returns an error if states of a layout cannot be kept: two of its tensors would have one name.
func Check(l *optim.Layout) error {
	seen := map[string]bool{reserved: true}
	prefix := slotPrefix(l)
	for _, f := range l.Fields() {
		name := nameOf(f, prefix)
		if seen[name] {
			return fmt.Errorf("weights: a safetensors file cannot hold %q beside another of that name", name)
		}
		seen[name] = true
	}
	return nil
}

// slotPrefix is what the names of slots begin with, and no other name.
func slotPrefix(l *optim.Layout) string {
	const step = "slot:"
	prefix := step
	for slices.ContainsFunc(l.Fields(), func(f optim.Field) bool { return f.Kind != optim.Slot && strings.HasPrefix(f.Name, prefix) }) {
		prefix += step
	}
	return prefix
}

func nameOf(f optim.Field, prefix string) string {
	switch {
	case f.Kind != optim.Slot:
		return f.Name
	case f.Name == "":
		return prefix + f.Slot
	}
	return prefix + f.Slot + ":" + f.Name
}

// Write writes a state, in its precision, with what else is to be known about it.
func Write(w io.Writer, s *optim.State, metadata map[string]string) error {
	if err := Check(s.Layout); err != nil {
		return err
	}
	prefix := slotPrefix(s.Layout)
	tensors := map[string]view{}
	for _, f := range s.Layout.Fields() {
		tensors[nameOf(f, prefix)] = view{f.Shape, s.Field(f)}
	}
	all := maps.Clone(metadata)
	if all == nil {
		all = map[string]string{}
	}
	all[countKey], all[slotsKey], all[sumKey] = strconv.FormatInt(s.Count, 10), prefix, sum(tensors)
	if err := safetensors.SerializeToWriter(tensors, all, w); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	return nil
}

// sum returns the SHA-256 of the tensors in a file. They stand there by name, as all are of one type.
func sum(tensors map[string]view) string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		h.Write(tensors[name].Data())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// view is a tensor that is written.
type view struct {
	shape []int
	data  array.Array
}

var _ safetensors.View = view{}

func (v view) DType() safetensors.DType {
	if v.data.DType() == array.Float64 {
		return safetensors.F64
	}
	return safetensors.F32
}

func (v view) Shape() []uint64 {
	shape := make([]uint64, len(v.shape)) // not nil, which JSON would write as null
	for i, n := range v.shape {
		shape[i] = uint64(n)
	}
	return shape
}

func (v view) DataLen() uint64 { return uint64(v.data.Len()) * v.DType().Size() }

func (v view) Data() []byte {
	var bytes []byte // no errors for slices of numbers
	if v.data.DType() == array.Float64 {
		bytes, _ = binary.Append(nil, binary.LittleEndian, v.data.F64)
	} else {
		bytes, _ = binary.Append(nil, binary.LittleEndian, v.data.F32)
	}
	return bytes
}

// File is what a file holds.
type File struct {
	Metadata map[string]string

	path    string
	tensors map[string]*safetensors.TensorInfo
	data    []byte
}

// Open reads a file. One that holds other bytes than were written is an error; a file without a sum, which another program wrote, is taken
// as it is.
func Open(path string) (*File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %w", err)
	}
	f, err := decode(content)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	f.path = path
	return f, nil
}

func decode(content []byte) (*File, error) {
	size, header, err := safetensors.ReadMetadata(content) // checks that the data are whole
	if err != nil {
		return nil, fmt.Errorf("it is no whole safetensors file: %w", err)
	}
	f := &File{Metadata: header.Metadata(), tensors: header.Tensors(), data: content[8+size:]}
	written, summed := f.Metadata[sumKey]
	bytes := sha256.Sum256(f.data)
	if is := hex.EncodeToString(bytes[:]); summed && is != written {
		return nil, fmt.Errorf("it is damaged: the SHA-256 of its tensors was %.12s… when it was written, and is %.12s…", written, is)
	}
	return f, nil
}

// Load puts the file's numbers into a state. Parameters and buffers must be there, in the layout's shapes. A slot that is not stays
// as it is in s: weights outlive the optimizer that made them.
func (f *File) Load(s *optim.State) error {
	count, err := strconv.ParseInt(f.Metadata[countKey], 10, 64)
	if err != nil || count < 0 {
		return fmt.Errorf("weights: %s: its metadata's %s is %q, which is no number of steps", f.path, countKey, f.Metadata[countKey])
	}
	s.Count = count
	for _, field := range s.Layout.Fields() {
		name := nameOf(field, f.Metadata[slotsKey])
		t := f.tensors[name]
		switch {
		case t == nil && field.Kind == optim.Slot:
			continue
		case t == nil:
			return fmt.Errorf("weights: %s does not hold %q", f.path, name)
		case !slices.Equal(t.Shape, view{shape: field.Shape}.Shape()):
			return fmt.Errorf("weights: %s: %q has the shape %v, which is %v in the model", f.path, name, t.Shape, field.Shape)
		}
		if err := fill(s.Field(field), t.DType, f.data[t.DataOffsets[0]:]); err != nil {
			return fmt.Errorf("weights: %s: %q: %w", f.path, name, err)
		}
	}
	return nil
}

// fill stores the first numbers of data, as many as x has.
func fill(x array.Array, dtype safetensors.DType, data []byte) error {
	switch dtype {
	case safetensors.F32:
		for i := range x.Len() {
			x.Set(i, float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))))
		}
	case safetensors.F64:
		for i := range x.Len() {
			x.Set(i, math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:])))
		}
	default:
		return fmt.Errorf("elements of type %v are not supported (F32 and F64 are)", dtype)
	}
	return nil
}
