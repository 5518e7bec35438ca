package onnx

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// storage is the field of a TensorProto that holds the data.
type storage int

const (
	noData storage = iota
	rawData
	floatData
	int32Data
	int64Data
	doubleData
	uint64Data
	externalData
)

var storageNames = [...]string{
	"no field", "raw_data", "float_data", "int32_data", "int64_data", "double_data", "uint64_data", "external_data",
}

func (s storage) String() string { return storageNames[s] }

// raw returns the elements as raw_data holds them: little-endian, each of the
// width of the type. It fails unless they fill the shape.
func (t *Tensor) raw() ([]byte, error) {
	n, err := t.Elems()
	if err != nil {
		return nil, err
	}
	if !t.DType.known() || dataTypes[t.DType].width == 0 {
		return nil, fmt.Errorf("tensor %q: %v elements cannot be read as numbers", t.Name, t.DType)
	}
	width := dataTypes[t.DType].width
	data := t.data
	switch t.storage {
	case externalData:
		data, err = t.externalBytes(n, width)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: external data: %w", t.Name, err)
		}
	case noData, rawData:
	case dataTypes[t.DType].typed:
		if t.storage != floatData && t.storage != doubleData { // those are laid out like raw_data
			if data, err = unpack(data, t.DType, n); err != nil {
				return nil, fmt.Errorf("tensor %q: %v: %w", t.Name, t.storage, err)
			}
		}
	default:
		return nil, fmt.Errorf("tensor %q: %v cannot hold %v elements", t.Name, t.storage, t.DType)
	}
	if len(data)%width != 0 || len(data)/width != n {
		return nil, fmt.Errorf("tensor %q: %d bytes of data for %d %v elements of shape %v", t.Name, len(data), n, t.DType, t.Dims)
	}
	return data, nil
}

// unpack turns n packed varints into little-endian elements of the type.
func unpack(packed []byte, dtype DataType, n int) ([]byte, error) {
	if count := countVarints(packed); count != n {
		return nil, fmt.Errorf("%d numbers for %d elements", count, n)
	}
	width := dataTypes[dtype].width
	out := make([]byte, 0, n*width)
	for len(packed) > 0 {
		v, m := protowire.ConsumeVarint(packed)
		if m < 0 {
			return nil, protowire.ParseError(m)
		}
		if !fits(v, dtype) {
			return nil, fmt.Errorf("%d is out of the range of %v", int64(v), dtype)
		}
		for shift := 0; shift < 8*width; shift += 8 {
			out = append(out, byte(v>>shift))
		}
		packed = packed[m:]
	}
	return out, nil
}

func countVarints(packed []byte) int {
	count := 0
	for _, b := range packed {
		if b < 0x80 { // the last byte of a varint
			count++
		}
	}
	return count
}

// pack undoes unpack.
func pack(raw []byte, dtype DataType) []byte {
	width := dataTypes[dtype].width
	var packed []byte
	for ; len(raw) > 0; raw = raw[width:] {
		packed = protowire.AppendVarint(packed, widen(raw[:width], dtype))
	}
	return packed
}

// widen returns a little-endian element as the 64 bits of a varint.
func widen(element []byte, dtype DataType) uint64 {
	var v uint64
	for i, b := range element {
		v |= uint64(b) << (8 * i)
	}
	switch unused := 64 - 8*len(element); dtype {
	case Int8, Int16, Int32, Int64:
		return uint64(int64(v<<unused) >> unused)
	}
	return v
}

// withRaw returns a copy of t with other data, stored as those of t are unless
// they are in another file.
func (t *Tensor) withRaw(raw []byte) *Tensor {
	c := *t
	c.Dims = slices.Clone(t.Dims)
	switch {
	case len(raw) == 0:
		c.storage, c.data = noData, nil
	case t.storage != dataTypes[t.DType].typed:
		c.storage, c.data = rawData, raw
	case t.storage == floatData || t.storage == doubleData:
		c.data = raw
	default:
		c.data = pack(raw, t.DType)
	}
	if t.storage == externalData {
		c.external, c.folder = nil, ""
	}
	return &c
}

// fits reports whether a varint is a value of the type. Protobuf itself cuts
// int32_data to 32 bits.
func fits(v uint64, dtype DataType) bool {
	i := int32(v)
	switch dtype {
	case Int8:
		return i == int32(int8(i))
	case Uint8, Bool:
		return i == int32(uint8(i))
	case Int16:
		return i == int32(int16(i))
	case Uint16, Float16, BFloat16:
		return i == int32(uint16(i))
	case Uint32:
		return v <= math.MaxUint32
	}
	return true
}

// contents is a field that may hold the data of a tensor, packed or one number
// at a time.
type contents struct {
	t       *Tensor
	storage storage
	number  protowire.Type // of one number; BytesType for raw_data
}

func (c contents) decode(v value) error {
	if v.typ == protowire.BytesType && len(v.bytes) == 0 {
		return nil
	}
	if err := c.t.store(c.storage); err != nil {
		return err
	}
	switch {
	case c.storage == rawData && v.typ == protowire.BytesType:
		c.t.data = slices.Clip(v.bytes) // the last occurrence counts
	case v.typ == protowire.BytesType:
		c.t.data = extend(c.t.data, v.bytes)
	case v.typ != c.number:
		return v.expect(c.number)
	case v.typ == protowire.VarintType:
		c.t.data = protowire.AppendVarint(c.t.data, v.bits)
	case v.typ == protowire.Fixed32Type:
		c.t.data = protowire.AppendFixed32(c.t.data, uint32(v.bits))
	case v.typ == protowire.Fixed64Type:
		c.t.data = protowire.AppendFixed64(c.t.data, v.bits)
	}
	return nil
}

// dataField returns the number of the field that holds the data.
func (t *Tensor) dataField() protowire.Number {
	for _, f := range t.fields() {
		if c, ok := f.codec.(contents); ok && c.storage == t.storage {
			return f.number
		}
	}
	return 0
}

func (c contents) encode(w *writer, number protowire.Number) {
	if c.t.storage == c.storage {
		w.bytes(number, c.t.data)
	}
}

// store notes where the data are; they can be in one place only.
func (t *Tensor) store(s storage) error {
	if t.storage != noData && t.storage != s {
		return fmt.Errorf("data are both in %v and in %v", t.storage, s)
	}
	t.storage = s
	return nil
}

// location is data_location: 1 says that the data are in another file.
type location struct{ t *Tensor }

func (c location) decode(v value) error {
	if err := v.expect(protowire.VarintType); err != nil {
		return err
	}
	switch v.bits {
	case 0:
		return nil
	case 1:
		return c.t.store(externalData)
	}
	return errors.New("data_location is neither DEFAULT nor EXTERNAL")
}

func (c location) encode(w *writer, number protowire.Number) {
	if c.t.storage == externalData {
		w.varint(number, 1)
	}
}
