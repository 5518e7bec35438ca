package onnx

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Patch returns original, the content of an ONNX file, with the data of some
// initializers of its graph, or of Constant nodes with an output of that name,
// replaced by those of the tensors of the same name, and every other byte as it
// was. Type and shape must agree; data go into the
// field where the original has them. Data in other files are for SavePatched.
func Patch(original []byte, tensors ...*Tensor) ([]byte, error) {
	parts, files, err := patchModel(original, tensors)
	if err == nil && len(files) > 0 {
		err = fmt.Errorf("initializer %q: its data are in another file, which SavePatched can write", files[0].old.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("onnx: patching: %w", err)
	}
	return slices.Concat(parts...), nil
}

// patch replaces the data of initializers and Constant nodes on the wire.
type patch struct {
	pending  map[string]*Tensor // by name, those not met yet
	external []replacement      // what belongs into other files
}

// replacement is new data, laid out like raw_data, for a tensor of a file.
type replacement struct {
	old *Tensor
	raw []byte
}

// patchModel returns the new content in pieces, and what belongs into the files
// of external data.
func patchModel(original []byte, tensors []*Tensor) (parts [][]byte, external []replacement, err error) {
	p := patch{pending: make(map[string]*Tensor, len(tensors))}
	for _, t := range tensors {
		if p.pending[t.Name] != nil {
			return nil, nil, fmt.Errorf("two tensors are named %q", t.Name)
		}
		p.pending[t.Name] = t
	}
	var w writer
	if err := w.edited(original, edits{7: p.graph}); err != nil {
		return nil, nil, err
	}
	if len(p.pending) > 0 {
		names := slices.Sorted(maps.Keys(p.pending))
		return nil, nil, fmt.Errorf("the graph has no initializers or Constant nodes %q (those that are sparse or in subgraphs do not count)", names)
	}
	return append(w.parts, w.tail), p.external, nil
}

func (p *patch) graph(w *writer, body []byte) error {
	return w.edited(body, edits{1: p.node, 5: p.initializer})
}

func (p *patch) initializer(w *writer, body []byte) error {
	old := new(Tensor)
	if err := decodeRecord(body, old, 2); err != nil {
		return fmt.Errorf("initializer %q: %w", old.Name, err)
	}
	t := p.pending[old.Name]
	if t == nil {
		w.raw(body)
		return nil
	}
	delete(p.pending, old.Name)
	raw, err := t.replaces(old)
	if err != nil {
		return fmt.Errorf("initializer %q: %w", old.Name, err)
	}
	return p.data(w, body, old, raw)
}

// replaces returns the data of t, which take the place of those of old.
func (t *Tensor) replaces(old *Tensor) ([]byte, error) {
	raw, err := t.raw()
	if err == nil && (t.DType != old.DType || !slices.Equal(t.Dims, old.Dims)) {
		err = fmt.Errorf("it is %v of shape %v, its replacement %v of shape %v", old.DType, old.Dims, t.DType, t.Dims)
	}
	return raw, err
}

// data writes the tensor old, which is body, with raw as its data, or leaves
// them to another file.
func (p *patch) data(w *writer, body []byte, old *Tensor, raw []byte) error {
	if old.storage == externalData {
		p.external = append(p.external, replacement{old, raw})
		w.raw(body)
		return nil
	}
	if _, err := old.raw(); err != nil {
		return fmt.Errorf("the original is broken: %w", err)
	}
	return w.withData(body, &pieces{t: old, raw: raw, number: old.dataField()})
}

// edits are how the bodies of fields that are messages change, by number.
type edits map[protowire.Number]func(*writer, []byte) error

// edited writes the message b with other bodies for some of its fields.
func (w *writer) edited(b []byte, edits edits) error {
	for len(b) > 0 {
		n, v, length := consumeField(b)
		if length < 0 {
			return malformed(fmt.Sprintf("field %d", n), length)
		}
		edit := edits[n]
		if edit != nil && v.typ != protowire.BytesType {
			return errors.New("not an ONNX file")
		}
		if edit != nil {
			var body writer
			if err := edit(&body, v.bytes); err != nil {
				return err
			}
			w.header(b[:length], v, body.len())
			w.append(&body)
		} else {
			w.raw(b[:length])
		}
		b = b[length:]
	}
	return nil
}

// header writes the tag of a field of a file, and the length of its new body:
// where that is the old length, as the file spells it.
func (w *writer) header(field []byte, v value, length int) {
	if v.typ == protowire.BytesType && length == len(v.bytes) {
		w.raw(field[:len(field)-length])
		return
	}
	_, _, tag := protowire.ConsumeTag(field)
	w.raw(field[:tag])
	if v.typ == protowire.BytesType {
		w.tail = protowire.AppendVarint(w.tail, uint64(length))
	}
}

// withData writes a message whose data are replaced, cut into the pieces that
// the file has.
func (w *writer) withData(body []byte, rest *pieces) error {
	for len(body) > 0 {
		number, v, length := consumeField(body)
		if length < 0 {
			return malformed(fmt.Sprintf("field %d", number), length)
		}
		if rest.includes(number, v) {
			data := rest.next(v)
			w.header(body[:length], v, len(data))
			w.raw(data)
		} else {
			w.raw(body[:length])
		}
		body = body[length:]
	}
	return nil
}

// pieces hands out the new data of a tensor for the fields that have the old.
type pieces struct {
	t      *Tensor
	raw    []byte           // what is left
	number protowire.Number // of the fields
}

// includes reports whether v has data of the tensor. Of several raw_data the
// last counts, which the tensor is a view of.
func (p *pieces) includes(number protowire.Number, v value) bool {
	if p.t.storage == rawData {
		return len(v.bytes) > 0 && &v.bytes[0] == &p.t.data[0]
	}
	return number == p.number
}

// next returns the data that take the place of those in v.
func (p *pieces) next(v value) []byte {
	var size int
	switch v.typ {
	case protowire.BytesType:
		size = len(v.bytes)
	case protowire.Fixed32Type:
		size = 4
	case protowire.Fixed64Type:
		size = 8
	}
	switch p.t.storage {
	case rawData, floatData, doubleData:
		return p.take(size)
	}
	numbers := 1
	if v.typ == protowire.BytesType {
		numbers = countVarints(v.bytes)
	}
	return pack(p.take(numbers*dataTypes[p.t.DType].width), p.t.DType)
}

func (p *pieces) take(size int) []byte {
	taken := p.raw[:size]
	p.raw = p.raw[size:]
	return taken
}
