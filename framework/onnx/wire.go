package onnx

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth is how deep messages may nest, protobuf's own default.
const maxDepth = 100

// A record is a protobuf message bound to the Go value that mirrors it.
type record interface {
	// fields lists the fields that this package names.
	fields() []field
	// keep takes a field that fields does not list, tag included.
	keep(encoded []byte)
	// kept returns all that keep took.
	kept() []byte
	// noteBlank notes that the message spells out an empty string.
	noteBlank(protowire.Number)
	// spelledOut reports whether it did.
	spelledOut(protowire.Number) bool
}

// A field binds one field of a message, by its number and name in
// onnx.proto, to its place in a Go value: it serves reading and writing.
type field struct {
	number protowire.Number
	name   string
	codec
}

// isBlank reports whether the field holds an empty string.
func (f field) isBlank() bool {
	switch c := f.codec.(type) {
	case text:
		return *c.p == ""
	case domain:
		return *c.p == ""
	}
	return false
}

// A codec reads and writes the values of one field. A repeated field is
// decoded once per occurrence.
type codec interface {
	decode(value) error
	encode(*writer, protowire.Number)
}

// A value is one occurrence of a field on the wire.
type value struct {
	typ   protowire.Type
	bits  uint64 // of a varint, fixed32 or fixed64
	bytes []byte // of a length-delimited value: a view of the file
	name  string // of the field
	depth int    // of the message that holds the field
}

// unknown keeps what the Go value of a message has no place for, so that
// Encode writes it back: the encoded fields that this package does not name,
// and which strings are there although they are empty.
type unknown struct {
	encoded []byte
	blank   uint64 // a bit per field number
}

func (u *unknown) keep(encoded []byte)                     { u.encoded = extend(u.encoded, encoded) }
func (u *unknown) kept() []byte                            { return u.encoded }
func (u *unknown) noteBlank(number protowire.Number)       { u.blank |= 1 << number }
func (u *unknown) spelledOut(number protowire.Number) bool { return u.blank>>number&1 != 0 }

// closed is embedded in messages whose fields are all named; it drops others.
type closed struct{}

func (closed) keep([]byte)                      {}
func (closed) kept() []byte                     { return nil }
func (closed) noteBlank(protowire.Number)       {}
func (closed) spelledOut(protowire.Number) bool { return false }

// extend appends a view of the file to b. The first view is taken without a
// copy, clipped so that a later append cannot write into the file.
func extend(b, view []byte) []byte {
	if len(b) == 0 {
		return slices.Clip(view)
	}
	return append(b, view...)
}

// decodeRecord reads the message b, at the given nesting depth, into r.
func decodeRecord(b []byte, r record, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("messages nest more than %d deep", maxDepth)
	}
	fields := r.fields()
	for len(b) > 0 {
		number, v, n := consumeField(b)
		i := slices.IndexFunc(fields, func(f field) bool { return f.number == number })
		if i >= 0 {
			v.name, v.depth = fields[i].name, depth
		} else {
			v.name = fmt.Sprintf("field %d", number)
		}
		switch {
		case n < 0:
			return malformed(v.name, n)
		case v.typ == protowire.StartGroupType || v.typ == protowire.EndGroupType:
			return fmt.Errorf("%s: ONNX has no group fields", v.name)
		case i < 0:
			r.keep(b[:n])
		default:
			if err := fields[i].decode(v); err != nil {
				return err
			}
			if fields[i].isBlank() {
				r.noteBlank(number)
			}
		}
		b = b[n:]
	}
	return nil
}

// consumeField splits the first field off b. Its length is negative where b
// is malformed, and covers the tag alone where the field is a group.
func consumeField(b []byte) (number protowire.Number, v value, length int) {
	number, v.typ, length = protowire.ConsumeTag(b)
	if length < 0 {
		return number, v, length
	}
	n := 0
	switch b := b[length:]; v.typ {
	case protowire.VarintType:
		v.bits, n = protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		var bits uint32
		bits, n = protowire.ConsumeFixed32(b)
		v.bits = uint64(bits)
	case protowire.Fixed64Type:
		v.bits, n = protowire.ConsumeFixed64(b)
	case protowire.BytesType:
		v.bytes, n = protowire.ConsumeBytes(b)
	case protowire.StartGroupType, protowire.EndGroupType:
	default:
		n = protowire.ConsumeFieldValue(number, v.typ, b)
	}
	if n < 0 {
		return number, v, n
	}
	return number, v, length + n
}

// malformed explains a negative length returned by protowire.
func malformed(name string, code int) error {
	if errors.Is(protowire.ParseError(code), io.ErrUnexpectedEOF) {
		return fmt.Errorf("%s: the data ends inside the field", name)
	}
	return fmt.Errorf("%s: not a field of protobuf", name)
}

// expect returns an error unless v has the given wire type.
func (v value) expect(typ protowire.Type) error {
	if v.typ != typ {
		return fmt.Errorf("%s: wire type %d, where ONNX has %d", v.name, v.typ, typ)
	}
	return nil
}

// A writer collects an encoded message. It refers to large byte strings
// instead of copying them.
type writer struct {
	parts [][]byte
	tail  []byte // the fields after parts
	size  int    // of parts
}

// referred is the length from which a writer refers to a byte string.
const referred = 4096

func (w *writer) varint(number protowire.Number, v uint64) {
	w.tail = protowire.AppendTag(w.tail, number, protowire.VarintType)
	w.tail = protowire.AppendVarint(w.tail, v)
}

func (w *writer) fixed32(number protowire.Number, v uint32) {
	w.tail = protowire.AppendTag(w.tail, number, protowire.Fixed32Type)
	w.tail = protowire.AppendFixed32(w.tail, v)
}

func (w *writer) bytes(number protowire.Number, b []byte) {
	w.prefix(number, len(b))
	w.raw(b)
}

func (w *writer) record(number protowire.Number, r record) {
	var sub writer
	sub.fields(r)
	w.prefix(number, sub.len())
	w.append(&sub)
}

// append writes what another writer collected.
func (w *writer) append(other *writer) {
	for _, part := range other.parts {
		w.raw(part)
	}
	w.raw(other.tail)
}

// fields writes the fields of r, without a length before them.
func (w *writer) fields(r record) {
	kept := r.kept()
	for _, f := range r.fields() {
		n := fieldsBefore(kept, f.number)
		w.raw(kept[:n])
		kept = kept[n:]
		if f.isBlank() && r.spelledOut(f.number) {
			w.bytes(f.number, nil)
			continue
		}
		f.encode(w, f.number)
	}
	w.raw(kept)
}

// fieldsBefore returns the length of the first fields of b, as far as their
// numbers are below the given one. Files list fields by number.
func fieldsBefore(b []byte, number protowire.Number) int {
	length := 0
	for length < len(b) {
		next, _, n := consumeField(b[length:])
		if next >= number {
			break
		}
		length += n
	}
	return length
}

func (w *writer) prefix(number protowire.Number, length int) {
	w.tail = protowire.AppendTag(w.tail, number, protowire.BytesType)
	w.tail = protowire.AppendVarint(w.tail, uint64(length))
}

// raw writes b as it stands.
func (w *writer) raw(b []byte) {
	if len(b) < referred {
		w.tail = append(w.tail, b...)
		return
	}
	w.parts = append(w.parts, w.tail, b)
	w.size += len(w.tail) + len(b)
	w.tail = nil
}

func (w *writer) len() int { return w.size + len(w.tail) }
