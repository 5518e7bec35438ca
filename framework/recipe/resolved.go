package recipe

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/seed5b471a7e/backstitch/framework/plugin"
)

// Table is a TOML table in order, for JSON.
type Table []Entry

// Entry is a key with its value: a boolean, number or string, a list of those, or a Table.
type Entry struct {
	Key   string
	Value any
}

// Resolved returns the recipe with every option that it has, given or not. Written as TOML, it is a recipe that means the same.
func (r *Recipe) Resolved() Table {
	groups, arrangements, averages := Table{}, Table{}, Table{}
	for _, g := range r.Groups {
		groups = append(groups, Entry{g.Name, values(&g, g.Optimizer)})
	}
	for _, a := range r.Arrangements {
		arrangements = append(arrangements, Entry{a.Name, values(&a, a.Arrangement)})
	}
	for _, a := range r.Averages {
		averages = append(averages, Entry{a.Name, values(&a)})
	}
	return append(values(r),
		Entry{"model", append(values(&r.Model), Entry{"head", values(&r.Model.Head)}, Entry{"dims", sorted(r.Model.Dims)}, Entry{"fix", sorted(r.Model.Fix)})},
		Entry{"data", append(values(&r.Data, r.Data.Source), Entry{"normalize", values(&r.Data.Normalize)})},
		Entry{"loss", values(&r.Loss, r.Loss.Loss)},
		Entry{"optimizer", Table{{r.Optimizer.Name, values(r.Optimizer.Optimizer)}}},
		Entry{"schedule", values(&r.Schedule, r.Schedule.Schedule)},
		Entry{"clipping", values(&r.Clipping)},
		Entry{"group", groups},
		Entry{"arrangement", arrangements},
		Entry{"average", averages},
		Entry{"evaluate", values(&r.Evaluate)},
		Entry{"weights", values(&r.Weights)},
		Entry{"engine", values(&r.Engine, r.Engine.Engine)},
	)
}

// sorted returns the entries of a map in the order of their keys.
func sorted[T any](m map[string]T) Table {
	t := Table{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		t = append(t, Entry{key, m[key]})
	}
	return t
}

// values returns the options of structs with what they are set to.
func values(structs ...any) Table {
	t := Table{}
	for _, s := range structs {
		for _, o := range plugin.Options(s) {
			t = append(t, Entry{o.Name, o.Default})
		}
	}
	return t
}

// MarshalJSON writes an object whose keys are in the table's order. Numbers that JSON does not have are strings, such as "+inf".
func (t Table) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, e := range t {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(e.Key)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(finite(e.Value))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// finite replaces NaN and infinities by their names in TOML.
func finite(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return strings.ToLower(strconv.FormatFloat(v, 'g', -1, 64))
		}
	case []any:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = finite(x)
		}
		return list
	case []float64:
		list := make([]any, len(v))
		for i, x := range v {
			list[i] = finite(x)
		}
		return list
	}
	return v
}
