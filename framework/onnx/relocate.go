package onnx

import (
	"path"
	"slices"
)

// relocation gives files of external data, by their clean locations, another
// location.
type relocation map[string]string

// apply returns a model, which is in pieces, whose tensors refer to the new
// locations, with every other byte as it was.
func (r relocation) apply(model [][]byte) ([][]byte, error) {
	if len(r) == 0 {
		return model, nil
	}
	var w writer
	if err := w.edited(slices.Concat(model...), edits{7: r.graph, 25: r.function}); err != nil {
		return nil, err
	}
	return append(w.parts, w.tail), nil
}

func (r relocation) graph(w *writer, body []byte) error {
	return w.edited(body, edits{1: r.node, 5: r.tensor, 15: r.sparse})
}

func (r relocation) function(w *writer, body []byte) error {
	return w.edited(body, edits{7: r.node, 11: r.attribute})
}

func (r relocation) node(w *writer, body []byte) error {
	return w.edited(body, edits{5: r.attribute})
}

func (r relocation) attribute(w *writer, body []byte) error {
	return w.edited(body, edits{5: r.tensor, 6: r.graph, 10: r.tensor, 11: r.graph, 22: r.sparse, 23: r.sparse})
}

func (r relocation) sparse(w *writer, body []byte) error {
	return w.edited(body, edits{1: r.tensor, 2: r.tensor})
}

func (r relocation) tensor(w *writer, body []byte) error {
	return w.edited(body, edits{13: r.entry})
}

// entry writes an entry of external_data.
func (r relocation) entry(w *writer, body []byte) error {
	var e Entry
	if err := decodeRecord(body, &entryProto{Entry: &e}, 0); err != nil {
		return err
	}
	location, moved := r[path.Clean(e.Value)]
	if e.Key != "location" || !moved {
		w.raw(body)
		return nil
	}
	return w.edited(body, edits{2: func(w *writer, _ []byte) error {
		w.raw([]byte(location))
		return nil
	}})
}
