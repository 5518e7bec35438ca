package onnx

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// The codecs of single fields write a number even where it is zero, and
// nothing for an empty string or a nil message.

type text struct{ p *string }

func (c text) decode(v value) error {
	if err := v.expect(protowire.BytesType); err != nil {
		return err
	}
	if !utf8.Valid(v.bytes) {
		return fmt.Errorf("%s: %.40q is not valid UTF-8", v.name, v.bytes)
	}
	*c.p = string(v.bytes)
	return nil
}

func (c text) encode(w *writer, number protowire.Number) {
	if *c.p != "" {
		w.bytes(number, []byte(*c.p))
	}
}

type texts struct{ list *[]string }

func (c texts) decode(v value) error {
	var s string
	if err := (text{&s}).decode(v); err != nil {
		return err
	}
	*c.list = append(*c.list, s)
	return nil
}

func (c texts) encode(w *writer, number protowire.Number) {
	for _, s := range *c.list {
		w.bytes(number, []byte(s))
	}
}

// domain is the name of an operator set. The standard one has two names, ""
// and "ai.onnx": the second is read as the first.
type domain struct{ p *string }

func (c domain) decode(v value) error {
	err := text(c).decode(v)
	if *c.p == "ai.onnx" {
		*c.p = ""
	}
	return err
}

func (c domain) encode(w *writer, number protowire.Number) { text(c).encode(w, number) }

type blob struct{ p *[]byte }

func (c blob) decode(v value) error {
	*c.p = slices.Clip(v.bytes)
	return v.expect(protowire.BytesType)
}

func (c blob) encode(w *writer, number protowire.Number) { w.bytes(number, *c.p) }

type blobs struct{ list *[][]byte }

func (c blobs) decode(v value) error {
	*c.list = append(*c.list, slices.Clip(v.bytes))
	return v.expect(protowire.BytesType)
}

func (c blobs) encode(w *writer, number protowire.Number) {
	for _, b := range *c.list {
		w.bytes(number, b)
	}
}

type integer struct{ p *int64 }

func (c integer) decode(v value) error {
	*c.p = int64(v.bits)
	return v.expect(protowire.VarintType)
}

func (c integer) encode(w *writer, number protowire.Number) { w.varint(number, uint64(*c.p)) }

// optional is an integer that is not written where it is zero.
type optional struct{ p *int64 }

func (c optional) decode(v value) error { return integer(c).decode(v) }

func (c optional) encode(w *writer, number protowire.Number) {
	if *c.p != 0 {
		integer(c).encode(w, number)
	}
}

type integers struct{ list *[]int64 }

func (c integers) decode(v value) error {
	if v.typ != protowire.BytesType {
		*c.list = append(*c.list, int64(v.bits))
		return v.expect(protowire.VarintType)
	}
	for b := v.bytes; len(b) > 0; {
		bits, n := protowire.ConsumeVarint(b)
		if n < 0 {
			return malformed(v.name, n)
		}
		*c.list = append(*c.list, int64(bits))
		b = b[n:]
	}
	return nil
}

func (c integers) encode(w *writer, number protowire.Number) {
	for _, i := range *c.list {
		w.varint(number, uint64(i))
	}
}

type enum[T ~int32] struct{ p *T }

func (c enum[T]) decode(v value) error {
	*c.p = T(v.bits)
	return v.expect(protowire.VarintType)
}

func (c enum[T]) encode(w *writer, number protowire.Number) { w.varint(number, uint64(*c.p)) }

type float struct{ p *float32 }

func (c float) decode(v value) error {
	*c.p = math.Float32frombits(uint32(v.bits))
	return v.expect(protowire.Fixed32Type)
}

func (c float) encode(w *writer, number protowire.Number) {
	w.fixed32(number, math.Float32bits(*c.p))
}

type floats struct{ list *[]float32 }

func (c floats) decode(v value) error {
	if v.typ != protowire.BytesType {
		*c.list = append(*c.list, math.Float32frombits(uint32(v.bits)))
		return v.expect(protowire.Fixed32Type)
	}
	for b := v.bytes; len(b) > 0; {
		bits, n := protowire.ConsumeFixed32(b)
		if n < 0 {
			return malformed(v.name, n)
		}
		*c.list = append(*c.list, math.Float32frombits(bits))
		b = b[n:]
	}
	return nil
}

func (c floats) encode(w *writer, number protowire.Number) {
	for _, f := range *c.list {
		w.fixed32(number, math.Float32bits(f))
	}
}

// A message is a pointer to T that is a record.
type message[T any] interface {
	*T
	record
}

// single binds a message field; several occurrences merge, as in protobuf.
func single[T any, R message[T]](p **T) codec { return singleMessage[T, R]{p} }

type singleMessage[T any, R message[T]] struct{ p **T }

func (c singleMessage[T, R]) decode(v value) error {
	if *c.p == nil {
		*c.p = new(T)
	}
	if err := decodeMessage(v, R(*c.p)); err != nil {
		return fmt.Errorf("%s%w", v.name, err)
	}
	return nil
}

func (c singleMessage[T, R]) encode(w *writer, number protowire.Number) {
	if *c.p != nil {
		w.record(number, R(*c.p))
	}
}

// repeated binds a repeated message field.
func repeated[T any, R message[T]](list *[]*T) codec { return messages[T, R]{list} }

type messages[T any, R message[T]] struct{ list *[]*T }

func (c messages[T, R]) decode(v value) error {
	r := R(new(T))
	*c.list = append(*c.list, r)
	if err := decodeMessage(v, r); err != nil {
		return fmt.Errorf("%s %d%w", v.name, len(*c.list)-1, err)
	}
	return nil
}

func (c messages[T, R]) encode(w *writer, number protowire.Number) {
	for _, m := range *c.list {
		w.record(number, R(m))
	}
}

// decodeMessage reads v into r. An error begins with the name that r gives
// itself, if any, to be put after the name of the field.
func decodeMessage(v value, r record) error {
	if v.typ != protowire.BytesType {
		return fmt.Errorf(": wire type %d, where ONNX has a message", v.typ)
	}
	err := decodeRecord(v.bytes, r, v.depth+1)
	if err == nil {
		return nil
	}
	for _, f := range r.fields() {
		if name, ok := f.codec.(text); ok && f.name == "name" && *name.p != "" {
			return fmt.Errorf(" %q: %w", *name.p, err)
		}
	}
	return fmt.Errorf(": %w", err)
}
