package onnx

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// opsetImport is an OperatorSetIdProto without its version.
type opsetImport struct {
	domain  string
	omitted bool // the field, which then stands for ""
}

type opsetProto struct {
	opsetImport
	version int64
	closed
}

func (o *opsetProto) fields() []field {
	return []field{
		{1, "domain", importDomain{&o.opsetImport}},
		{2, "version", integer{&o.version}},
	}
}

// importDomain is the domain of an operator set, written even where it is ""
// unless the file omits it.
type importDomain struct{ i *opsetImport }

func (c importDomain) decode(v value) error {
	c.i.omitted = false
	return domain{&c.i.domain}.decode(v)
}

func (c importDomain) encode(w *writer, number protowire.Number) {
	if !c.i.omitted {
		w.bytes(number, []byte(c.i.domain))
	}
}

// opsets is a list of operator sets. They are written by domain, or as the
// file has them where that is another way.
type opsets struct {
	byDomain *map[string]int64
	imports  *[]opsetImport
}

func (c opsets) decode(v value) error {
	o := opsetProto{opsetImport: opsetImport{omitted: true}}
	if err := decodeMessage(v, &o); err != nil {
		return fmt.Errorf("%s%w", v.name, err)
	}
	if *c.byDomain == nil {
		*c.byDomain = make(map[string]int64)
	}
	if other, ok := (*c.byDomain)[o.domain]; ok && other != o.version {
		return fmt.Errorf("%s: domain %q has versions %d and %d", v.name, o.domain, other, o.version)
	}
	(*c.byDomain)[o.domain] = o.version
	*c.imports = append(*c.imports, o.opsetImport)
	return nil
}

func (c opsets) encode(w *writer, number protowire.Number) {
	listed := make(map[string]bool, len(*c.imports))
	write := func(i opsetImport) {
		listed[i.domain] = true
		w.record(number, &opsetProto{opsetImport: i, version: (*c.byDomain)[i.domain]})
	}
	for _, i := range *c.imports {
		if _, imported := (*c.byDomain)[i.domain]; imported {
			write(i)
		}
	}
	for _, domain := range slices.Sorted(maps.Keys(*c.byDomain)) {
		if !listed[domain] {
			write(opsetImport{domain: domain})
		}
	}
}

// unusual returns imports, or nil if Encode would list them the same way
// without.
func unusual(imports []opsetImport) []opsetImport {
	for i, o := range imports {
		if o.omitted || i > 0 && imports[i-1].domain >= o.domain {
			return imports
		}
	}
	return nil
}
